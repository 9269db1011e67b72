package main

import (
	"runtime"
	"runtime/debug"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/view"
)

// versionCmd prints the version.
type versionCmd struct {
	JSON bool `name:"json" help:"As JSON, with the versions of the formats."`
}

// Run prints it.
func (c *versionCmd) Run(s *session) error {
	info, _ := debug.ReadBuildInfo()
	v := buildVersion(version, info)
	if c.JSON {
		return v.JSON(s.stdout)
	}
	return v.Text(s.stdout)
}

// ownVersion is the version alone.
func ownVersion() string {
	info, _ := debug.ReadBuildInfo()
	return buildVersion(version, info).Version
}

// buildVersion says what was built: the linker's version in a release, else
// what Go recorded of the checkout.
func buildVersion(linked string, info *debug.BuildInfo) view.Version {
	v := view.Version{
		FormatVersion: "1.0",
		Version:       linked,
		Go:            runtime.Version(),
		Platform:      runtime.GOOS + "/" + runtime.GOARCH,
		Formats:       map[string]string{"diagnostics": view.DiagnosticVersion, "plan": plan.FormatVersion},
	}
	if info != nil {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
		if v.Version == "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
	}
	if v.Version == "" {
		v.Version = "development"
	}
	return v
}
