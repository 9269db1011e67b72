package pg

import (
	"fmt"
	"os"
	"strings"
)

// Looked is one place where PostgreSQL was looked for.
type Looked struct {
	Dir    string
	Why    string // bin_dir, Debian, …
	Result string // what was there
}

// NotFoundError says that no fitting PostgreSQL is installed.
type NotFoundError struct {
	Major    int  // wanted, 0: any
	FromData bool // since the data directory is of that version
	Looked   []Looked
	Install  Install
}

// Install is how to get PostgreSQL on this machine.
type Install struct {
	Commands []string // to run in this order, may be empty
	Note     string   // what to know before, may be empty
}

// Error returns the whole story on several lines: what is missing, every
// place looked at, and the commands to run.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString("find PostgreSQL: ")
	switch {
	case e.Major != 0 && e.FromData:
		fmt.Fprintf(&b, "the data directory belongs to version %d, which is not installed", e.Major)
	case e.Major != 0:
		fmt.Fprintf(&b, "version %d is not installed", e.Major)
	default:
		b.WriteString("it is not installed")
	}
	b.WriteString("\nlooked at:")
	for _, l := range e.Looked {
		fmt.Fprintf(&b, "\n  %s (%s): %s", l.Dir, l.Why, l.Result)
	}
	if len(e.Install.Commands) > 0 {
		b.WriteString("\ninstall it with:")
		for _, c := range e.Install.Commands {
			b.WriteString("\n  " + c)
		}
	}
	if e.Install.Note != "" {
		b.WriteString("\n" + e.Install.Note)
	}
	return b.String()
}

// installHint returns the commands of one package manager. major is 0 where
// the distribution's own choice is right.
func installHint(manager string, major int) Install {
	v := ""
	if major != 0 {
		v = fmt.Sprintf("%d", major)
	}
	switch manager {
	case "apt":
		pkg := "postgresql"
		if v != "" {
			pkg = "postgresql-" + v
		}
		return Install{
			Commands: []string{
				"sudo apt-get update && sudo apt-get install -y postgresql-common",
				`echo "create_main_cluster = false" | sudo tee -a /etc/postgresql-common/createcluster.conf`,
				"sudo apt-get install -y --no-install-recommends " + pkg,
			},
			Note: "The first two lines keep Debian from creating and starting a server of its own on port 5432; only the programs are needed.",
		}
	case "dnf":
		if v == "" {
			return Install{Commands: []string{"sudo dnf install -y postgresql-server"}}
		}
		return Install{
			Commands: []string{"sudo dnf install -y postgresql" + v + "-server"},
			Note: "Where dnf does not know that package, add PostgreSQL's repository first (https://www.postgresql.org/download/linux/redhat/), " +
				"or install the distribution's version with: sudo dnf install -y postgresql-server",
		}
	case "apk":
		return Install{Commands: []string{"sudo apk add postgresql" + v}}
	case "zypper":
		return Install{Commands: []string{"sudo zypper install -y postgresql" + v + "-server"}}
	case "pacman":
		return Install{Commands: []string{"sudo pacman -S --noconfirm postgresql"}}
	case "brew":
		if v == "" {
			v = "17"
		}
		return Install{Commands: []string{"brew install postgresql@" + v}}
	}
	return Install{Note: "Install PostgreSQL (https://www.postgresql.org/download/) and name the directory of its programs with bin_dir or SYNDICATE_PG_BIN."}
}

// InstallHint returns how to install PostgreSQL on this machine, for a
// command that looks at the machine.
func InstallHint(cfg FindConfig) Install {
	if cfg.Getenv == nil {
		return Install{}
	}
	major := cfg.Major
	if major == 0 {
		major = packagedMajor(cfg)
	}
	return installHint(installer(cfg), major).as(os.Geteuid())
}

// as returns the commands as a user types them: root needs no sudo, and in a
// container often has none.
func (i Install) as(uid int) Install {
	if uid != 0 {
		return i
	}
	plain := make([]string, len(i.Commands))
	for n, c := range i.Commands {
		plain[n] = strings.ReplaceAll(c, "sudo ", "")
	}
	i.Commands = plain
	i.Note = strings.ReplaceAll(i.Note, "sudo ", "")
	return i
}
