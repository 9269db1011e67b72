package process

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// explainFile finds what is wrong with the program's file itself.
func (c *Command) explainFile(path string, cause error, fail func(reason, hint string) error) error {
	file := c.fromDir(path)
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fail(fmt.Sprintf("the program %s does not exist", file), c.nearFile(file))
	case err != nil:
		return fail(fmt.Sprintf("the program %s cannot be reached", file), err.Error())
	case info.IsDir():
		return fail(fmt.Sprintf("%s is a directory, not a program", file), "name the program in it")
	case !info.Mode().IsRegular():
		return fail(fmt.Sprintf("%s is not a regular file", file), "name a program")
	case info.Mode()&0o111 == 0:
		return notExecutable(path, file)
	}
	head, interpreter := interpreterOf(file)
	switch {
	case errors.Is(cause, syscall.ENOEXEC) && info.Size() == 0:
		return fail(file+" is empty", "was its build cut off?")
	case errors.Is(cause, syscall.ENOEXEC) && bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return fail(file+" was built for another machine or is damaged", "build it for this one")
	case errors.Is(cause, syscall.ENOEXEC):
		return fail(file+" is no program that the kernel can execute", `if it is a script, its first line must name its interpreter, as "#!/bin/sh"`)
	case interpreter != "" && errors.Is(cause, syscall.ENOENT):
		return fail(fmt.Sprintf("%s needs the interpreter %q, which does not exist", file, interpreter), interpreterHint(interpreter))
	case interpreter != "" && errors.Is(cause, syscall.EACCES) && !executable(c.fromDir(interpreter)):
		return fail(fmt.Sprintf("%s needs the interpreter %q, which is not executable", file, interpreter), "")
	case errors.Is(cause, syscall.EACCES):
		return fail(fmt.Sprintf("no permission to execute %s", file), c.permissionHint())
	}
	return fail(fmt.Sprintf("execute %s: %v", file, cause), "")
}

// nearFile looks for a sibling with nearly the same name.
func (c *Command) nearFile(file string) string {
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return existing(filepath.Dir(file))
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if near := nearest(filepath.Base(file), names); near != "" {
		return fmt.Sprintf("did you mean %q?", filepath.Join(filepath.Dir(file), near))
	}
	return "build or install it, or correct the path"
}

func (c *Command) permissionHint() string {
	if c.User != "" {
		return fmt.Sprintf("may user %q enter every directory above it, and the working directory?", c.User)
	}
	return "is a directory above it closed, or its file system mounted noexec?"
}

// interpreterHint knows the usual slips.
func interpreterHint(interpreter string) string {
	switch {
	case strings.HasSuffix(interpreter, "\r"):
		return "the file has Windows line ends; convert it with sed -i 's/\\r$//'"
	case strings.Contains(interpreter, "ld-musl"):
		return "it was built for a system with musl (Alpine)"
	case strings.Contains(interpreter, "ld-linux"):
		return "it was built for a system with glibc"
	}
	return "install it, or correct the first line"
}

// interpreterOf reads a file's first bytes and what must run it: the
// program of a "#!" line or the loader of a dynamic executable.
func interpreterOf(file string) (head []byte, interpreter string) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, ""
	}
	defer opened.Close()
	head, _ = bufio.NewReaderSize(opened, 256).Peek(256)
	if rest, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		text := strings.TrimLeft(string(line), " \t")
		if end := strings.IndexAny(text, " \t"); end >= 0 {
			text = text[:end]
		}
		return head, text
	}
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return head, ""
	}
	return head, loaderOf(opened)
}

// loaderOf reads the PT_INTERP segment.
func loaderOf(file io.ReaderAt) string {
	parsed, err := elf.NewFile(file)
	if err != nil {
		return ""
	}
	for _, segment := range parsed.Progs {
		if segment.Type != elf.PT_INTERP || segment.Filesz > 4096 {
			continue
		}
		name := make([]byte, segment.Filesz)
		if _, err := segment.ReadAt(name, 0); err != nil && !errors.Is(err, io.EOF) {
			return ""
		}
		return string(bytes.TrimRight(name, "\x00"))
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}
