package footprint

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Shed unmaps the pages of this program's own file: its code and its
// constants. A start touches most of them once, and the kernel maps sixteen
// for each that is touched; what a program that only watches goes on to use
// is a fraction, and comes back page by page from the kernel's cache.
// Mappings that hold anything which is not in the file, such as a debugger's
// breakpoints, are left alone. See madvise(2), MADV_DONTNEED and MADV_RANDOM.
func Shed() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	for _, clean := range unchanged(f, program) {
		if clean.advise(syscall.MADV_DONTNEED) {
			clean.advise(syscall.MADV_RANDOM)
		}
	}
}

// unchanged lists the mappings of a program's file that nobody may write to
// and nobody has, out of what /proc/self/smaps tells.
func unchanged(smaps io.Reader, program string) []span {
	var region span // that the lines are about, empty for others' mappings
	var clean []span
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-") && !strings.HasSuffix(fields[0], ":"):
			region = span{}
			if len(fields) > 5 && strings.Join(fields[5:], " ") == program && (fields[1] == "r-xp" || fields[1] == "r--p") {
				region = parseSpan(fields[0])
			}
		case region.size > 0 && len(fields) > 1 && fields[0] == "Anonymous:" && fields[1] == "0":
			clean = append(clean, region)
		}
	}
	return clean
}

// span is a piece of this process's memory.
type span struct{ start, size uintptr }

// parseSpan reads a range as /proc/self/smaps writes it; one that cannot be
// read is empty.
func parseSpan(text string) span {
	from, to, _ := strings.Cut(text, "-")
	start, err := strconv.ParseUint(from, 16, 64)
	if err != nil {
		return span{}
	}
	end, err := strconv.ParseUint(to, 16, 64)
	if err != nil || end < start {
		return span{}
	}
	return span{uintptr(start), uintptr(end - start)}
}

func (s span) advise(advice int) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, s.start, s.size, uintptr(advice))
	return errno == 0
}
