package pg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// Of several clients it is the oldest that is not older than the server.
func TestFindProgram(t *testing.T) {
	root := t.TempDir()
	for _, major := range []int{13, 15, 17} {
		dir := filepath.Join(root, fmt.Sprintf("usr/lib/postgresql/%d/bin", major))
		script := fmt.Sprintf("#!/bin/sh\necho 'pg_dump (PostgreSQL) %d.2'\n", major)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"pg_dump", "psql", "pg_restore"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	cfg := FindConfig{Root: root, Getenv: func(string) string { return "" }}
	for server, want := range map[int]int{12: 13, 13: 13, 14: 15, 15: 15, 16: 17} {
		got, err := FindProgram(t.Context(), "pg_dump", server, cfg)
		if err != nil || got.Major != want || !filepath.IsAbs(got.Path) {
			t.Errorf("for a server of %d: %+v, %v", server, got, err)
		}
	}
	_, err := FindProgram(t.Context(), "pg_dump", 18, cfg)
	wantText(t, err, "find pg_dump", "is of PostgreSQL 17, and the server is PostgreSQL 18", "install")
	for _, name := range []string{"psql", "pg_restore"} {
		if got, err := FindProgram(t.Context(), name, 18, cfg); err != nil || got.Major != 17 {
			t.Errorf("%s for a server of 18: %+v, %v", name, got, err)
		}
	}
	_, err = FindProgram(t.Context(), "pg_basebackup", 15, cfg)
	wantText(t, err, "pg_basebackup", "not installed")
}

func TestWithoutPassword(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://app:s3cret@db:6000/shop?sslmode=disable":                       "postgres://app@db:6000/shop?sslmode=disable",
		"postgres://app@db/shop?password=s3cret&application_name=a+b":              "postgres://app@db/shop?application_name=a%20b",
		"postgres://app:s3cret@a:1,b:2/shop?target_session_attrs=read-write":       "postgres://app@a:1,b:2/shop?target_session_attrs=read-write",
		"postgres://app:s3cret@/shop?host=/run/pg&port=5433":                       "postgres://app@/shop?host=%2Frun%2Fpg&port=5433",
		"postgres://app:s3cret@[::1]:5433/shop?sslmode=disable&sslpassword=s3cret": "postgres://app@[::1]:5433/shop?sslmode=disable",
	} {
		to, err := ParseURL(spec.Sensitive(url))
		if err != nil {
			t.Fatal(err)
		}
		got, err := to.WithoutPassword()
		if err != nil || got != want || strings.Contains(got, "s3cret") {
			t.Errorf("%s became %s, %v", url, got, err)
		}
	}
}
