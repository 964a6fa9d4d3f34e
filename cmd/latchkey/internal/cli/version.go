package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/temporal"
)

// Version is set by the linker: -X github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli.Version=v1.2.3.
// Without it the version is the one that the Go tool recorded.
var Version string

type versionInfo struct {
	Version     string `json:"version"`
	Commit      string `json:"commit,omitempty"`
	Modified    bool   `json:"modified,omitempty"`
	Go          string `json:"go"`
	Platform    string `json:"platform"`
	TemporalSDK string `json:"temporalSdk"`
}

func readVersion() versionInfo {
	info := versionInfo{
		Version:     Version,
		Go:          runtime.Version(),
		Platform:    runtime.GOOS + "/" + runtime.GOARCH,
		TemporalSDK: temporal.SDKVersion,
	}
	build, ok := debug.ReadBuildInfo()
	if ok {
		for _, setting := range build.Settings {
			switch setting.Key {
			case "vcs.revision":
				info.Commit = setting.Value
			case "vcs.modified":
				info.Modified = setting.Value == "true"
			}
		}
		if info.Version == "" {
			info.Version = build.Main.Version
		}
	}
	if info.Version == "" {
		info.Version = "(devel)"
	}
	return info
}

// text is the version for people, a line.
func (v versionInfo) text() string {
	text := "latchkey " + v.Version
	if v.Commit != "" {
		text += fmt.Sprintf(" (commit %.12s)", v.Commit)
	}
	return fmt.Sprintf("%s, %s, %s, Temporal SDK %s", text, v.Go, v.Platform, v.TemporalSDK)
}

func (a *app) versionCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments(""),
		RunE: func(*cobra.Command, []string) error {
			info := readVersion()
			return a.show(output, info, func() { a.println(info.text()) })
		},
	}
	addFormats(cmd, &output)
	return cmd
}
