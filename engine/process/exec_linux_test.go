package process

import (
	"os"
	"testing"
)

// A process that has no environment is told from one that has none yet: as
// long as an exec lasts, the kernel shows it.
func TestInExec(t *testing.T) {
	begin := func(env []string) *os.Process {
		p, err := os.StartProcess(self0(), []string{"helper", "-test.run=^$"}, &os.ProcAttr{Env: env})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = p.Kill()
			_, _ = p.Wait()
		})
		return p
	}
	amid := 0
	for range 50 {
		p := begin(append(os.Environ(), helperVariable+"=stubborn"))
		for {
			env, err := environOf(p.Pid)
			if err != nil {
				t.Fatal(err)
			}
			if len(env) > 0 {
				break
			}
			if inExec(p.Pid) {
				amid++
			} else if env, err := environOf(p.Pid); err != nil || len(env) == 0 {
				t.Fatalf("it is not in an exec and has no environment: %v", err)
			}
		}
		if inExec(p.Pid) {
			t.Fatal("an exec that has ended counts as one under way")
		}
	}
	t.Logf("%d looks found an exec under way", amid)
}
