package process

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// A process that has no environment is told from one that has none yet: as
// long as an exec lasts, the kernel shows it.
func TestInExec(t *testing.T) {
	program := slowProgram(t)
	amid := false
	for range 200 { // one that the looks come too late for is over at once
		p, err := os.StartProcess(program, []string{"helper"}, &os.ProcAttr{Env: os.Environ()})
		if err != nil {
			t.Fatal(err)
		}
		for e, ok := lookAt(p.Pid); ok && !e.dead && !amid; e, ok = lookAt(p.Pid) {
			env, err := environOf(p.Pid)
			amid = err == nil && len(env) == 0 && inExec(p.Pid)
		}
		_ = p.Kill()
		if _, err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if amid {
			break
		}
	}
	if !amid {
		t.Error("no exec was found under way")
	}

	_, pids := launch(t, open(t, Config{Cgroup: CgroupOff}), "run", 1)
	if env, err := environOf(pids[0]); err != nil || len(env) == 0 || inExec(pids[0]) {
		t.Errorf("an exec that has ended counts as one under way: environment of %d bytes, %v", len(env), err)
	}
}

// slowProgram makes a program that the kernel maps for long: as many segments
// as it takes, each with an end that has to be cleared. It can do nothing but
// crash.
func slowProgram(t *testing.T) string {
	own, err := elf.Open(self0())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	const (
		segments = (64 << 10) / 56 // all headers together have 64 KiB at most
		page     = 64 << 10        // at least the processor's
		first    = 1 << 28
	)
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(own.Machine), Version: uint32(elf.EV_CURRENT),
		Entry: first, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: segments,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA] = byte(own.Class), byte(own.Data)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	var file bytes.Buffer
	write := func(what any) {
		if err := binary.Write(&file, own.ByteOrder, what); err != nil {
			t.Fatal(err)
		}
	}
	write(header)
	for i := range uint64(segments) {
		write(elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: page,
			Vaddr: first + 2*page*i, Filesz: 16, Memsz: page, Align: page,
		})
	}
	file.Write(make([]byte, 2*page-file.Len()))
	path := filepath.Join(t.TempDir(), "slow")
	if err := os.WriteFile(path, file.Bytes(), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
