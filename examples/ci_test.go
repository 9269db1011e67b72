//go:build unix

package examples

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// job is what is common to the jobs of both systems.
type job struct {
	Steps []struct { // of GitHub
		Run string `yaml:"run"`
	} `yaml:"steps"`
	Script      []string          `yaml:"script"` // of GitLab
	AfterScript []string          `yaml:"after_script"`
	Variables   map[string]string `yaml:"variables"`
}

// scripts returns the pieces of shell of a job, in order.
func (j job) scripts() []string {
	var all []string
	for _, step := range j.Steps {
		if step.Run != "" {
			all = append(all, step.Run)
		}
	}
	return append(append(all, j.Script...), j.AfterScript...)
}

// readPipeline returns the variables of a pipeline and its jobs in order.
func readPipeline(t *testing.T, path string) (env map[string]string, jobs []job) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file yaml.Node
	var top struct {
		Env       map[string]string `yaml:"env"`
		Variables map[string]string `yaml:"variables"`
		Jobs      yaml.Node         `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if err := file.Decode(&top); err != nil {
		t.Fatal(err)
	}
	list, env := &top.Jobs, top.Env
	if list.Kind == 0 { // GitLab: each name at the top that is no keyword is a job
		list, env = file.Content[0], top.Variables
	}
	for n := 0; n+1 < len(list.Content); n += 2 {
		if name := list.Content[n].Value; name == "stages" || name == "variables" {
			continue
		}
		var j job
		if err := list.Content[n+1].Decode(&j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	return env, jobs
}

// The commands of the pipelines do what their comments say: they are run, in
// order, against a system with a database. The first time the last job starts
// it, the second time it changes what runs.
func TestPipelines(t *testing.T) {
	for _, file := range []string{"github-actions.yml", "gitlab-ci.yml"} {
		t.Run(file, func(t *testing.T) {
			s := newSystem(t, "quickstart.hcl")
			env, jobs := readPipeline(t, filepath.Join("ci", file))
			p := &pipeline{system: s, root: filepath.Dir(filepath.Dir(s.config)), port: freePort(t)}
			p.env = append(p.env, "PATH="+filepath.Dir(s.binary)+":"+os.Getenv("PATH"))
			for name, value := range env {
				p.env = append(p.env, name+"="+value)
			}
			p.forgetData()
			t.Cleanup(func() { p.sh("syndicate down") })

			used := ""
			for _, j := range jobs {
				for _, script := range j.scripts() {
					used += script + "\n"
					p.sh(script)
				}
			}
			for _, want := range []string{
				"validate", "plan --offline --json", "plan --out", "migrate up", "up --wait --timeout", "up --plan", "down", "status --exit-code",
			} {
				if !strings.Contains(used, "syndicate "+want) {
					t.Errorf("%s does not show %q", file, want)
				}
			}
			p.asked()
			p.port = freePort(t)
			said := ""
			for _, script := range jobs[len(jobs)-1].scripts() {
				said += p.sh(script)
			}
			if !strings.Contains(said, "service.api") || strings.Contains(said, "service.worker  starting") {
				t.Errorf("a new port for the API is told as\n%s", said)
			}
			p.asked()
		})
	}
}

// pipeline runs the scripts of a pipeline.
type pipeline struct {
	*system
	root string
	env  []string
	port int // of the API
}

func (p *pipeline) sh(script string) string {
	p.t.Helper()
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
	cmd.Dir = p.root
	cmd.Env = append(append(os.Environ(), p.mark, "NO_COLOR=1", fmt.Sprintf("SYNDICATE_VAR_api_port=%d", p.port)), p.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, &out)
	}
	return out.String()
}

// asked checks that the API answers.
func (p *pipeline) asked() {
	p.t.Helper()
	var nodes []node
	p.get(fmt.Sprintf("http://127.0.0.1:%d/nodes", p.port), &nodes)
	if len(nodes) != 4 {
		p.t.Errorf("the API has %q", names(nodes))
	}
}
