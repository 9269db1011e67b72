package metric

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
	"syscall"
)

// self writes what the engine itself takes, under the names that
// Prometheus' own libraries use for it. What this system does not tell is
// left out.
func self(p *page) {
	values := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(values)
	p.one("go_goroutines", gauge, "Goroutines of the engine.", float64(values[0].Value.Uint64()))
	p.one("go_memstats_alloc_bytes", gauge, "Bytes on the engine's heap.", float64(values[1].Value.Uint64()))
	p.one("go_memstats_sys_bytes", gauge, "Bytes that the engine's runtime has from the system.", float64(values[2].Value.Uint64()))
	p.one("go_gc_cycles_total", counter, "Garbage collections of the engine.", float64(values[3].Value.Uint64()))
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		seconds := float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
		p.one("process_cpu_seconds_total", counter, "CPU time of the engine, user and system.", seconds)
	}
	if virtual, resident, ok := memory(); ok {
		p.one("process_resident_memory_bytes", gauge, "Memory of the engine in RAM.", resident)
		p.one("process_virtual_memory_bytes", gauge, "Address space of the engine.", virtual)
	}
	if open, ok := descriptors(); ok {
		p.one("process_open_fds", gauge, "Open file descriptors of the engine.", float64(open))
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		p.one("process_max_fds", gauge, "File descriptors that the engine may have open.", float64(limit.Cur))
	}
}

// memory reads the sizes of this process where /proc tells.
func memory() (virtual, resident float64, ok bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, false
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, 0, false
	}
	pages := [2]float64{}
	for i := range pages {
		n, err := strconv.ParseUint(string(fields[i]), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		pages[i] = float64(n) * float64(os.Getpagesize())
	}
	return pages[0], pages[1], true
}

// descriptors counts the open files where /proc tells.
func descriptors() (int, bool) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return len(names) - 1, err == nil // this one aside
}
