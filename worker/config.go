// Package worker is one process that serves Latchkey's workflows, or the activities of
// the connections that it is given, or both.
package worker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
	"github.com/latchkey-iam/latchkey/internal/suggest"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Prefix begins every environment variable of Latchkey's own.
const Prefix = "LATCHKEY"

// connectionPrefix begins every variable of a connection; its folded name follows.
const connectionPrefix = Prefix + "_CONNECTION_"

// connectionsVariable names the connections.
const connectionsVariable = Prefix + "_CONNECTIONS"

// Config is what a worker serves, and how.
type Config struct {
	// Connections are those whose activities it serves.
	Connections []Connection
	// Workflows says whether it serves the workflows too.
	Workflows bool
	// HealthAddress is where /healthz and /readyz answer; empty answers nowhere.
	HealthAddress string
	LogLevel      zapcore.Level
	// LogFormat is "json" or "console".
	LogFormat string
	// DrainTimeout is how long activities may go on after a signal to stop. It is longer
	// than an attempt takes, so that a restart cuts none off.
	DrainTimeout time.Duration
	// BuildID is the version of the program, which Temporal notes with each step that a worker
	// completes; empty notes none.
	BuildID string

	keys *temporalclient.Keys
}

// Connection is one provider's tenant under a name.
type Connection struct {
	Name     string
	Provider connectors.Provider
	Config   connectors.Config
	// RateLimit bounds the requests a second; 0 is no bound.
	RateLimit float64
	Rules     guard.Rules
}

// Format prints no more than the name and the provider, under every verb: fmt would show
// the secrets behind a pointer where a verb does not fit it.
func (c Connection) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "%s:%s", c.Name, c.Provider.Name)
}

// ActivitiesPerSecond is the rate at which the server hands out the connection's
// activities over all workers, were each to make the fewest requests that it can; 0 is no
// bound. What some make beyond, the transport of each worker holds back.
func (c Connection) ActivitiesPerSecond() float64 {
	return c.RateLimit / float64(c.Config.Capabilities().Requests)
}

// Settings are the variables of the worker itself. They are strings, so that every fault
// is found and not only the first.
type Settings struct {
	Connections   string `split_words:"true" desc:"The connections to serve, as name:provider, separated by commas; such as jc-prod:jumpcloud,ping-eu:pingone."`
	Workflows     string `split_words:"true" default:"true" desc:"Whether to serve the workflows too: true or false. A worker for workflows alone needs no secret."`
	HealthAddress string `split_words:"true" default:"127.0.0.1:8085" desc:"Where /healthz, /readyz and /metrics answer, as host:port; off for nowhere."`
	LogLevel      string `split_words:"true" default:"info" desc:"The least level that is logged: debug, info, warn or error. Audit lines always are."`
	LogFormat     string `split_words:"true" default:"json" desc:"How log lines look: json or console."`
	DrainTimeout  string `split_words:"true" default:"30s" desc:"How long running activities may go on after a signal to stop; at least 25s."`

	EncryptionKeysetFile string `split_words:"true" desc:"The keys that payloads in Temporal are encrypted with, a keyset file; read again when it changes. The command line reads it too. Default nothing is encrypted."`
}

// DefaultDrainTimeout is the default of LATCHKEY_DRAIN_TIMEOUT; minDrain is longer than
// one attempt of an activity may take.
const (
	DefaultDrainTimeout = 30 * time.Second
	minDrain            = 25 * time.Second
)

// ConnectionSettings are the variables that every connection has, whatever its provider.
type ConnectionSettings struct {
	RateLimit         string   `split_words:"true" desc:"The requests a second over all workers; default none. No worker sends more; together they can for a while, since activities are counted by the fewest requests that one makes. All workers of a connection must set the same value."`
	ProtectedUsers    []string `split_words:"true" desc:"IDs, usernames and email addresses, with * for any text, separated by commas, that are never unlocked."`
	ProtectedGroups   []string `split_words:"true" desc:"IDs and names of groups, with * for any text, separated by commas, whose members are never unlocked."`
	RefuseAdminLocks  string   `split_words:"true" default:"false" desc:"Whether to leave alone what was not locked by failed sign-ins: true or false."`
	RefusePrivileged  string   `split_words:"true" default:"false" desc:"Whether to leave privileged accounts alone: true or false. Accounts of which the provider does not say count as privileged."`
	PermitOverride    []string `split_words:"true" desc:"What callers may override, separated by commas: suspended, disabled. Default nothing."`
	ApprovalFor       []string `split_words:"true" desc:"When somebody must approve an unlock first, separated by commas: always, privileged (also where that is not known), admin_locks (also where the reason of a lock is not known). Default never."`
	Approvers         []string `desc:"Who may approve or deny, as names with * for any text, separated by commas; default anybody but who asked. Names are claims, unless an authenticating proxy or Temporal's own authorization stands in front."`
	ApprovalTimeout   string   `split_words:"true" default:"1h" desc:"How long an approval is waited for when the request does not say."`
	MaxUnlocksPerHour string   `split_words:"true" desc:"The most unlocks of this connection within an hour, over all workers, at most 10000; default none. Set the same on each worker."`
}

// Load reads the configuration from the environment. Its error names every fault at
// once, each with what would be right.
func Load() (Config, error) {
	var settings Settings
	if err := envconfig.Process(Prefix, &settings); err != nil {
		return Config{}, fmt.Errorf("read the environment: %w", err)
	}
	config, faults := settings.parse()
	names, unread, more := parseConnections(settings.Connections)
	faults = append(faults, more...)
	for _, named := range names {
		connection, more := loadConnection(named)
		faults = append(faults, more...)
		config.Connections = append(config.Connections, connection)
	}
	known := knownVariables(names)
	faults = append(faults, unknownVariables(os.Environ(), known, unread)...)
	if settings.Connections == "" && !config.Workflows {
		faults = append(faults, errors.New("LATCHKEY_CONNECTIONS is empty and LATCHKEY_WORKFLOWS is false: there is nothing to serve"))
	}
	return config, errors.Join(withUnseen(faults, unseenFaults(known))...)
}

func (s Settings) parse() (Config, []error) {
	var faults []error
	config := Config{LogFormat: s.LogFormat, HealthAddress: s.HealthAddress}
	var err error
	if config.Workflows, err = parseBool("LATCHKEY_WORKFLOWS", s.Workflows); err != nil {
		faults = append(faults, err)
	}
	if config.LogLevel, err = zapcore.ParseLevel(s.LogLevel); err != nil || config.LogLevel > zapcore.ErrorLevel {
		faults = append(faults, errors.New("LATCHKEY_LOG_LEVEL must be debug, info, warn or error"))
	}
	if s.LogFormat != "json" && s.LogFormat != "console" {
		faults = append(faults, errors.New("LATCHKEY_LOG_FORMAT must be json or console"))
	}
	if s.HealthAddress == healthOff {
		config.HealthAddress = ""
	} else if _, _, err := net.SplitHostPort(s.HealthAddress); err != nil {
		faults = append(faults, errors.New("LATCHKEY_HEALTH_ADDRESS must be host:port, such as 127.0.0.1:8085, or off"))
	}
	config.DrainTimeout, err = time.ParseDuration(s.DrainTimeout)
	if err != nil || config.DrainTimeout < minDrain {
		faults = append(faults, fmt.Errorf("LATCHKEY_DRAIN_TIMEOUT must be a duration of at least %s, longer than one attempt takes", minDrain))
	}
	return config, faults
}

// named is one entry of LATCHKEY_CONNECTIONS.
type named struct {
	name     string
	provider connectors.Provider
}

// prefix is what the connection's variables begin with.
func (n named) prefix() string { return connectionPrefix + fold(n.name) }

// fold turns a connection's name into a part of a variable's.
func fold(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// parseConnections also returns the prefixes of the entries that are at fault: what stands
// under these cannot be judged.
func parseConnections(list string) (found []named, unread []string, faults []error) {
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		connection, err := parseConnection(entry)
		if err == nil {
			err = distinct(found, connection.name)
		}
		if err != nil {
			name, _, _ := strings.Cut(entry, ":")
			unread = append(unread, named{name: name}.prefix())
			faults = append(faults, fmt.Errorf("LATCHKEY_CONNECTIONS: %w", err))
			continue
		}
		found = append(found, connection)
	}
	return found, unread, faults
}

func parseConnection(entry string) (named, error) {
	name, provider, complete := strings.Cut(entry, ":")
	if !complete {
		return named{}, fmt.Errorf("%q must be name:provider, such as jc-prod:jumpcloud", entry)
	}
	if err := workflows.ValidateConnection(name); err != nil {
		return named{}, fmt.Errorf("%q: the name of a %w", entry, err)
	}
	known, found := registry.Find(provider)
	if !found {
		return named{}, unknownProvider(entry, provider)
	}
	return named{name: name, provider: known}, nil
}

func unknownProvider(entry, provider string) error {
	names := providerNames()
	if meant := suggest.Closest(provider, names); meant != "" {
		return fmt.Errorf("%q: unknown provider %q: did you mean %s?", entry, provider, meant)
	}
	return fmt.Errorf("%q: unknown provider %q; the providers are %s", entry, provider, strings.Join(names, ", "))
}

func providerNames() []string {
	var names []string
	for _, provider := range registry.Providers() {
		names = append(names, provider.Name)
	}
	return names
}

// distinct refuses names whose variables could not be told apart.
func distinct(before []named, name string) error {
	for _, other := range before {
		one, two := fold(other.name), fold(name)
		switch {
		case other.name == name:
			return fmt.Errorf("%q stands there twice: rename one", name)
		case one == two:
			return fmt.Errorf("%q and %q give the same variables: rename one", other.name, name)
		case strings.HasPrefix(one, two+"_") || strings.HasPrefix(two, one+"_"):
			return fmt.Errorf("one of %q and %q is the beginning of the other, so that their variables could be confused: rename one", other.name, name)
		}
	}
	return nil
}

func loadConnection(from named) (Connection, []error) {
	prefix := from.prefix()
	config := from.provider.NewConfig()
	var settings ConnectionSettings
	var faults []error
	for _, spec := range []any{config, &settings} {
		if err := envconfig.Process(prefix, spec); err != nil {
			faults = append(faults, fmt.Errorf("read the variables of %s: one has a value of the wrong type", prefix))
		}
	}
	_, err := config.Open(connectors.Options{})
	for _, fault := range split(err) {
		faults = append(faults, fmt.Errorf("%s_%w", prefix, fault))
	}
	connection := Connection{Name: from.name, Provider: from.provider, Config: config}
	for _, fault := range settings.apply(&connection) {
		faults = append(faults, fmt.Errorf("%s_%w", prefix, fault))
	}
	return connection, faults
}

// split takes apart what errors.Join put together.
func split(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

func (s ConnectionSettings) apply(to *Connection) []error {
	var faults []error
	note := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	faults = append(faults, s.checkLists(to.Provider.Title, to.Config.Capabilities())...)
	var err error
	to.RateLimit, err = parsePositive[float64]("RATE_LIMIT", s.RateLimit)
	note(err)
	ceiling, err := parsePositive[int]("MAX_UNLOCKS_PER_HOUR", s.MaxUnlocksPerHour)
	if err == nil && ceiling > workflows.MaxCeiling {
		err = fmt.Errorf("MAX_UNLOCKS_PER_HOUR must be at most %d", workflows.MaxCeiling)
	}
	note(err)
	admin, err := parseBool("REFUSE_ADMIN_LOCKS", s.RefuseAdminLocks)
	note(err)
	privileged, err := parseBool("REFUSE_PRIVILEGED", s.RefusePrivileged)
	note(err)
	timeout, err := guard.ParseDuration(s.ApprovalTimeout)
	if err != nil || timeout.Std() > workflows.MaxTimeout || timeout.Std() < time.Second {
		note(errors.New("APPROVAL_TIMEOUT must be a duration between 1s and 720h, such as 1h"))
	}
	to.Rules = guard.Rules{
		ApprovalFor:       s.ApprovalFor,
		Approvers:         s.Approvers,
		ApprovalTimeout:   timeout,
		ProtectedUsers:    s.ProtectedUsers,
		ProtectedGroups:   s.ProtectedGroups,
		RefuseAdminLocks:  admin,
		RefusePrivileged:  privileged,
		PermitOverride:    s.PermitOverride,
		MaxUnlocksPerHour: ceiling,
	}
	return faults
}

// checkLists trims the lists, and says what is wrong with them.
func (s ConnectionSettings) checkLists(provider string, can connectors.Capabilities) []error {
	var faults []error
	for _, each := range []struct {
		name string
		list []string
	}{
		{"PROTECTED_USERS", s.ProtectedUsers}, {"PROTECTED_GROUPS", s.ProtectedGroups},
		{"PERMIT_OVERRIDE", s.PermitOverride}, {"APPROVAL_FOR", s.ApprovalFor}, {"APPROVERS", s.Approvers},
	} {
		if err := trim(each.name, each.list); err != nil {
			faults = append(faults, err)
		}
	}
	if slices.ContainsFunc(s.Approvers, guard.Invisible) {
		faults = append(faults, errors.New("APPROVERS holds a control character, or one that cannot be seen: nobody who answers may have it in a name"))
	}
	for _, word := range s.PermitOverride {
		if word != connectors.BlockSuspended && word != connectors.BlockDisabled {
			faults = append(faults, errors.New("PERMIT_OVERRIDE holds an unknown word: use suspended and disabled"))
		}
	}
	if len(s.ProtectedGroups) > 0 && !can.ReadsGroups {
		faults = append(faults, fmt.Errorf("PROTECTED_GROUPS cannot be kept, since %s does not tell the groups of a user: use PROTECTED_USERS", provider))
	}
	if slices.ContainsFunc(s.ApprovalFor, func(word string) bool { return !slices.Contains(guard.ApprovalCases(), word) }) {
		faults = append(faults, errors.New("APPROVAL_FOR holds an unknown word: use always, privileged and admin_locks"))
	}
	return faults
}
