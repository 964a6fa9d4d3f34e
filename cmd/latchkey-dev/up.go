package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/pflag"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/devserver"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/embedded"
	"github.com/latchkey-iam/latchkey/connectors/registry/simulated"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/worker"
)

// upCommand keeps an environment up.
type upCommand struct {
	stdout, stderr io.Writer
	options        dev.Options
	addresses      map[string]*string // of the simulated tenants, by their providers' names
	logLevel       string
	check          bool
}

// firstTenantPort is where the first simulated tenant answers; the others follow it.
const firstTenantPort = 8801

func (c *upCommand) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&c.options.TemporalAddress, "temporal-address", "127.0.0.1:7233", "where Temporal answers")
	flags.StringVar(&c.options.HTTPAddress, "http-address", "127.0.0.1:7243", "where Temporal's own HTTP API answers")
	flags.StringVar(&c.options.UIAddress, "ui-address", "127.0.0.1:8233", "where the Temporal UI answers")
	c.addresses = map[string]*string{}
	for i, each := range simulated.Providers() {
		c.addresses[each.Name] = flags.String(addressFlag(each), fmt.Sprintf("127.0.0.1:%d", firstTenantPort+i), "where the simulated "+each.Title+" answers")
	}
	flags.StringSliceVar(&c.options.Directories, "with", nil, "real directory servers to start and serve beside the simulated tenants, where they are installed: "+strings.Join(dev.Directories(), ", "))
	flags.StringSliceVar(&c.options.AllowedHosts, "allowed-host", nil, "a name of this machine, beside localhost, under which all that speaks HTTP may be asked; web pages by any other name are kept out")
	flags.StringVar(&c.options.DatabaseFile, "db", "", "a file that keeps Temporal's state over restarts; default in memory")
	flags.BoolVar(&c.check, "check", false, "start nothing; ask the latchkey-dev that runs here, at LATCHKEY_HEALTH_ADDRESS, whether it is ready")
	flags.StringVar(&c.logLevel, "log-level", "warn", "the least level of the worker's log: debug, info, warn or error; audit lines are always written")
}

func (c *upCommand) run(ctx context.Context) error {
	if c.check {
		return worker.Check(ctx)
	}
	if err := dev.CheckDirectories(c.options.Directories); err != nil {
		return fmt.Errorf("--with: %w", err)
	}
	level, err := zapcore.ParseLevel(c.logLevel)
	if err != nil {
		return fmt.Errorf("--log-level must be debug, info, warn or error, not %q", c.logLevel)
	}
	if c.options.Worker, err = loadWorker(); err != nil {
		return err
	}
	c.options.Logger = newLogger(c.stderr, level)
	c.options.StartTemporal = embedded.Start
	c.options.TenantAddresses = map[string]string{}
	for name, address := range c.addresses {
		c.options.TenantAddresses[name] = *address
	}
	environment, err := dev.Start(ctx, c.options)
	if err != nil {
		return explain(err)
	}
	err = c.stayUp(ctx, environment)
	if stopped := environment.Stop(); err == nil {
		err = stopped
	}
	return err
}

// loadWorker reads the connections of the environment, which are served beside the
// simulated ones.
func loadWorker() (worker.Config, error) {
	config, err := worker.Load()
	if err != nil {
		return config, fmt.Errorf("the environment's connections cannot be served:\n%w", err)
	}
	for _, connection := range config.Connections {
		if slices.Contains(dev.Directories(), connection.Name) {
			return config, fmt.Errorf("LATCHKEY_CONNECTIONS names %q, which is for the directory that --with starts: choose another name", connection.Name)
		}
		if slices.ContainsFunc(simulated.Providers(), func(of simulator.Simulated) bool { return of.Name == connection.Name }) {
			return config, fmt.Errorf("LATCHKEY_CONNECTIONS names %q, which is the simulated tenant's: choose another name", connection.Name)
		}
	}
	if os.Getenv("LATCHKEY_HEALTH_ADDRESS") == "" {
		config.HealthAddress = ""
	}
	return config, nil
}

func (c *upCommand) stayUp(ctx context.Context, environment *dev.Environment) error {
	samples, err := makeSamples(environment)
	if err != nil {
		return err
	}
	var served []string
	for _, connection := range c.options.Worker.Connections {
		served = append(served, connection.Name)
	}
	elsewhere := "" // A latchkey that is told nothing looks at the default address.
	if address := environment.Temporal.Address(); address != devserver.DefaultAddress {
		elsewhere = " --address " + address
	}
	if err := banner.Execute(c.stdout, map[string]any{
		"E": environment, "Samples": samples, "Password": password, "Served": served, "Elsewhere": elsewhere,
	}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-environment.Failed():
		return err
	}
}

var banner = template.Must(template.New("banner").Parse(`Latchkey is up, with simulated tenants. Ctrl-C ends it.

  Temporal               {{.E.Temporal.Address}}
{{- with .E.Temporal.UIAddress}}
  Temporal UI            http://{{.}}
{{- end}}
  Temporal HTTP API      http://{{.E.Temporal.HTTPAddress}}
{{- range .E.Tenants}}
  {{printf "%-22s" (print .Title ", simulated")}} {{.URL}}   served as the connection {{.Name}}
{{- end}}
{{- range .E.Directories}}
  {{printf "%-22s" .Title}} {{.URL}}   served as the connection {{.Name}}
{{- end}}
{{- range .Served}}
  From the environment   the connection {{.}}
{{- end}}

These users are locked. Try, in another terminal, the last command before and after the first:
{{range .Samples}}
  latchkey unlock{{$.Elsewhere}} --connection {{.Connection}} {{.Reference}}
{{- end}}
{{- with index .Samples 0}}
  curl --json '{"user":"{{.Email}}","password":"{{$.Password}}"}' {{.URL}}/_simulator/sign-in
{{- end}}
`))
