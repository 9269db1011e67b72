package decode

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// many writes a configuration of n services, each of which needs two others:
// one by a value and one by name.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "service \"s%d\" {\n  command = [\"true\"]\n  port    = %d\n", i, 1024+i)
		if i >= 2 {
			fmt.Fprintf(&b, "  env = {\n    UPSTREAM_URL = service.s%d.url\n  }\n  depends_on = [service.s%d]\n", i/2, i-1)
		}
		b.WriteString("}\n\n")
	}
	return b.String()
}

// BenchmarkLoad decodes 10,000 services with two dependencies each.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	src := many(10_000)
	if err := os.WriteFile(filepath.Join(dir, "many.hcl"), []byte(src), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		res, ds := Load(Options{Path: dir, Dir: dir})
		if ds.HasErrors() || len(res.System.Services) != 10_000 {
			b.Fatal(ds)
		}
	}
}

// BenchmarkRecord is BenchmarkLoad with everything that decoding asked kept,
// and BenchmarkReplay decodes the same from the bundle.
func BenchmarkRecord(b *testing.B) {
	dir := b.TempDir()
	src := many(10_000)
	if err := os.WriteFile(filepath.Join(dir, "many.hcl"), []byte(src), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		res, ds, bundle := Record(Options{Path: dir, Dir: dir})
		if ds.HasErrors() || len(res.System.Services) != 10_000 || len(bundle.Bytes()) < len(src) {
			b.Fatal(ds)
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	_, ds, bundle := Record(Options{Dir: "/c", FS: files{"many.hcl": many(10_000)}})
	if ds.HasErrors() {
		b.Fatal(ds)
	}
	data := bundle.Bytes()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		res, ds := Replay(data, Override{})
		if ds.HasErrors() || len(res.System.Services) != 10_000 {
			b.Fatal(ds)
		}
	}
}

// BenchmarkParser is the floor of BenchmarkLoad: HCL's own parser alone.
func BenchmarkParser(b *testing.B) {
	src := []byte(many(10_000))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := hclsyntax.ParseConfig(src, "many.hcl", hcl.InitialPos); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
