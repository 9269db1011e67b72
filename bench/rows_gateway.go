//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// gatewayClients are how many clients pgbench has, in turn.
var gatewayClients = []int{1, 8, 64}

// gatewayRow has pgbench ask a server over one protocol: directly, through
// the gateway, and through PgBouncer in session mode.
func gatewayRow(name, protocol string) row {
	return row{
		name: name, title: "pgbench -S -M " + protocol + " directly, through the gateway and through PgBouncer (session mode)",
		goal:    "CPU of the relay for a query, and p99, within 1.5 of PgBouncer's",
		columns: []string{"µs CPU at 8", "p99 ms at 8", "p50 ms at 8", "µs CPU at 1", "p99 ms at 1", "µs CPU at 64", "p99 ms at 64"},
		most:    3, reference: "PgBouncer", bound: 5 * time.Minute,
		entrants: func(b *bench) []entrant {
			measure := func(who string) func(context.Context, *trial) (sample, error) {
				return func(ctx context.Context, t *trial) (sample, error) { return t.gateway(ctx, who, protocol) }
			}
			_, missing := exec.LookPath("pgbench")
			pooler := missing
			if pooler == nil {
				_, pooler = findPgBouncer()
			}
			return []entrant{
				{"PgBouncer", pooler, measure("PgBouncer")},
				{"syndicate's gateway", missing, measure("gateway")},
				{"direct", missing, measure("direct")},
			}
		},
	}
}

func findPgBouncer() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, nil
	}
	const debian = "/usr/sbin/pgbouncer"
	_, err := os.Stat(debian)
	return debian, err
}

const gatewayConfiguration = `
syndicate {
  name = "bench"
}
database "main" {
  managed {
    data_dir   = %q
    durability = "off"
  }
  gateway {
    max_conn = 90
  }
}
service "urls" {
  command = "env >urls.tmp; mv urls.tmp urls; exec sleep 100000"
  dir     = %q
  env     = { GATED = database.main.url, DIRECT = database.main.direct_url }
}
`

// gateway brings a server and its gateway up, and has pgbench ask one of the
// three ways.
func (t *trial) gateway(ctx context.Context, who, protocol string) (sample, error) {
	shared, err := os.MkdirTemp("/tmp", "syndicate-bench-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(shared)
	if err := os.Chmod(shared, 0o755); err != nil { // the server runs as another user
		return sample{}, err
	}
	path, err := t.write(fmt.Sprintf(gatewayConfiguration, filepath.Join(shared, "data"), t.dir), 0o644, "bench.hcl")
	if err != nil {
		return sample{}, err
	}
	if err := t.start(launch{argv: []string{t.binary, "-f", path, "up"}, stdout: os.DevNull}); err != nil {
		return sample{}, err
	}
	defer func() { // in good order: a killed server leaves its shared memory
		_ = t.main.Process.Signal(syscall.SIGTERM)
		select {
		case <-t.ended:
		case <-time.After(time.Minute):
		}
	}()
	urls, err := t.urls(ctx)
	if err != nil {
		return sample{}, err
	}
	if err := t.pgbench(ctx, urls["DIRECT"], "-i", "-q", "-s", "1"); err != nil {
		return sample{}, err
	}
	to, pid := urls["DIRECT"], 0
	switch who {
	case "gateway":
		to, pid = urls["GATED"], t.main.Process.Pid
	case "PgBouncer":
		stop, address, process, err := t.pgbouncer(ctx, shared, urls["DIRECT"])
		if err != nil {
			return sample{}, err
		}
		defer stop()
		to, pid = address, process
	}
	values := map[string]float64{}
	for _, clients := range gatewayClients {
		cpu, latencies, err := t.ask(ctx, to, protocol, clients, pid)
		if err != nil {
			return sample{}, err
		}
		n := len(latencies)
		values[fmt.Sprint("cpu ", clients)] = float64(cpu.Microseconds()) / float64(n)
		values[fmt.Sprint("p50 ", clients)] = latencies[n/2]
		values[fmt.Sprint("p99 ", clients)] = latencies[n*99/100]
	}
	s := sample{}
	for _, name := range []string{"cpu 8", "p99 8", "p50 8", "cpu 1", "p99 1", "cpu 64", "p99 64"} {
		s.values = append(s.values, values[name])
	}
	return s, nil
}

// urls waits for the service that writes down where the database is.
func (t *trial) urls(ctx context.Context) (map[string]string, error) {
	for range 600 {
		if text, err := os.ReadFile(t.path("urls")); err == nil {
			urls := map[string]string{}
			for line := range strings.Lines(string(text)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				urls[name] = value
			}
			return urls, nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return nil, errors.New("the database did not come up: " + t.output())
}

// pgbench runs it to its end, with the password in its environment.
func (t *trial) pgbench(ctx context.Context, address string, args ...string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	password, _ := u.User.Password()
	cmd := exec.CommandContext(ctx, "pgbench", append(args, "-h", u.Hostname(), "-p", u.Port(), "-U", u.User.Username(), strings.TrimPrefix(u.Path, "/"))...)
	cmd.Dir, cmd.Env = t.dir, t.environ("PGPASSWORD="+password, "PGSSLMODE=disable")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench: %w: %s", err, out)
	}
	return nil
}

// ask measures one number of clients: the CPU time of the relay, and the
// latency of every query in milliseconds, in order.
func (t *trial) ask(ctx context.Context, address, protocol string, clients, pid int) (time.Duration, []float64, error) {
	logs, err := os.MkdirTemp(t.dir, "pgbench-")
	if err != nil {
		return 0, nil, err
	}
	before := cpuTime([]int{pid})
	seconds := strconv.Itoa(max(5, int(t.scale.window.Seconds())/2)) // connecting is part of it
	err = t.pgbench(ctx, address, "-S", "-n", "-M", protocol, "-c", strconv.Itoa(clients), "-T", seconds, "-l", "--log-prefix", filepath.Join(logs, "log"))
	cpu := cpuTime([]int{pid}) - before
	if err != nil {
		return 0, nil, err
	}
	files, _ := filepath.Glob(filepath.Join(logs, "log*"))
	var latencies []float64
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return 0, nil, err
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 3 {
				continue
			}
			us, err := strconv.ParseFloat(fields[2], 64)
			if err == nil {
				latencies = append(latencies, us/1000)
			}
		}
		_ = f.Close()
	}
	if len(latencies) == 0 {
		return 0, nil, errors.New("pgbench asked nothing in " + seconds + " s")
	}
	slices.Sort(latencies)
	return cpu, latencies, nil
}

// pgbouncer starts one in session mode before a server.
func (t *trial) pgbouncer(ctx context.Context, dir, server string) (stop func(), address string, pid int, err error) {
	program, err := findPgBouncer()
	if err != nil {
		return nil, "", 0, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, "", 0, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, "", 0, err
	}
	password, _ := u.User.Password()
	users := filepath.Join(dir, "users.txt")
	ini := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"auth_type = scram-sha-256\nauth_file = %s\npool_mode = session\ndefault_pool_size = 90\nmax_client_conn = 500\n", u.Port(), ports[0], users)
	if err := os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", u.User.Username(), password), 0o644); err != nil {
		return nil, "", 0, err
	}
	path := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(path, []byte(ini), 0o644); err != nil {
		return nil, "", 0, err
	}
	cmd := exec.Command(program, "-q", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 { // it refuses to run as root
		other, err := user.Lookup("postgres")
		if err != nil {
			return nil, "", 0, err
		}
		uid, _ := strconv.Atoi(other.Uid)
		gid, _ := strconv.Atoi(other.Gid)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if err := cmd.Start(); err != nil {
		return nil, "", 0, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	for range 100 {
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			_ = conn.Close()
			return stop, u.String(), cmd.Process.Pid, nil
		}
		sleep(ctx, 50*time.Millisecond)
	}
	stop()
	return nil, "", 0, errors.New("PgBouncer does not listen")
}
