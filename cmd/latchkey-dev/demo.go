package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/embedded"
	"github.com/latchkey-iam/latchkey/connectors/registry/simulated"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// scene is one account, how it came to be as it is, and what must become of it.
type scene struct {
	title               string
	connection          string
	first, last, jobs   string
	prepare             []func(*person) error
	by                  reference
	expect              workflows.Outcome
	refusal             workflows.RefusalCode
	signsIn             bool
	minAttemptsToUnlock int
}

// reference says by what a user is asked for.
type reference string

const (
	byID       reference = "ID"
	byUsername reference = "username"
	byEmail    reference = "email"
)

// people are those of the scenes, in turn.
var people = [][3]string{
	{"ada", "lovelace", "Analyst"}, {"mary", "jackson", "Engineer"}, {"joan", "clarke", "Cryptanalyst"}, {"karen", "jones", "Statistician"},
	{"betty", "holberton", "Programmer"}, {"jean", "bartik", "Programmer"}, {"frances", "allen", "Fellow"}, {"barbara", "liskov", "Professor"},
	{"radia", "perlman", "Designer"}, {"katherine", "johnson", "Mathematician"}, {"edith", "clarke", "Engineer"}, {"annie", "easley", "Programmer"},
}

// scenes are the demonstration: the same accounts at every simulated provider, and in every
// directory that is installed.
func scenes() []scene {
	var all []scene
	add := func(connection string, each scene) {
		name := people[len(all)%len(people)]
		each.connection, each.first, each.last, each.jobs = connection, name[0], name[1], name[2]
		all = append(all, each)
	}
	for number := range len(scenesAt(simulator.Simulated{})) {
		for _, provider := range simulated.Providers() {
			add(provider.Name, scenesAt(provider)[number])
		}
	}
	installed, _ := dev.InstalledDirectories()
	for _, directory := range installed {
		for _, each := range commonScenes() {
			add(directory, each)
		}
	}
	return all
}

// commonScenes are those of any provider.
func commonScenes() []scene {
	return []scene{
		{title: "Locked by failed sign-ins", prepare: steps(failSignIns), by: byID, expect: workflows.Unlocked, signsIn: true},
		{title: "Locked by failed sign-ins", prepare: steps(failSignIns), by: byEmail, expect: workflows.Unlocked, signsIn: true},
		{title: "Locked by an administrator", prepare: steps(lockAsAdministrator), by: byUsername, expect: workflows.Unlocked, signsIn: true},
		{title: "Not locked at all", by: byID, expect: workflows.AlreadyUnlocked, signsIn: true},
	}
}

func scenesAt(provider simulator.Simulated) []scene {
	return append(commonScenes(),
		scene{title: "Kept out, then locked", prepare: steps(act(provider.Suspend), act("lock")), by: byID,
			expect: workflows.Refused, refusal: workflows.RefusalCode(provider.Suspended)},
		scene{title: "Provider throttles first", prepare: steps(failSignIns, throttle), by: byID, expect: workflows.Unlocked, signsIn: true,
			minAttemptsToUnlock: 2},
	)
}

func steps(each ...func(*person) error) []func(*person) error { return each }

// throttle orders the provider to answer the next unlock with 429.
func throttle(p *person) error {
	_, err := p.tenant.Faults.Add(simulator.Fault{Operation: "unlock", Times: 1, Kind: simulator.KindStatus, Status: http.StatusTooManyRequests,
		RetryAfter: simulator.Duration(time.Second)})
	return err
}

// performance is a scene and what became of it.
type performance struct {
	scene
	person *person
	result *workflows.Result
	took   time.Duration
	faults []string
}

func newDemoCommand(stdout io.Writer, play []scene) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "demo",
		Short: "Lock users of simulated tenants, unlock them through the workflows, and print what became of each",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("--output must be table or json, not %q", output)
			}
			return demo(command.Context(), play, output, stdout)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "table", "table, or json for an array of the results")
	return command
}

// demoTimeout bounds the whole demonstration, which takes seconds on an idle machine.
const demoTimeout = 5 * time.Minute

// demo performs all scenes and fails unless every outcome is the expected one.
func demo(ctx context.Context, play []scene, output string, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	options := dev.FreePorts(embedded.Start)
	var missing []string
	options.Directories, missing = dev.InstalledDirectories()
	environment, err := dev.Start(ctx, options)
	if err != nil {
		return err
	}
	performed, err := performAll(ctx, environment, play)
	if err := errors.Join(err, environment.Stop()); err != nil {
		return err
	}
	if output == "json" {
		err = printJSON(stdout, performed)
	} else {
		err = printTable(stdout, performed, missing)
	}
	if err != nil {
		return err
	}
	if wrong := countWrong(performed); wrong > 0 {
		return fmt.Errorf("%d of %d outcomes are not the expected ones", wrong, len(performed))
	}
	return nil
}

func performAll(ctx context.Context, environment *dev.Environment, play []scene) ([]*performance, error) {
	var performed []*performance
	for _, each := range play {
		played, err := perform(ctx, environment, each)
		if err != nil {
			return nil, fmt.Errorf("%s at %s: %w", each.title, each.connection, err)
		}
		performed = append(performed, played)
	}
	return performed, nil
}

func perform(ctx context.Context, environment *dev.Environment, each scene) (*performance, error) {
	user, err := newPerson(environment, each.connection, each.first, each.last, each.jobs)
	if err != nil {
		return nil, err
	}
	for _, prepare := range each.prepare {
		if err := prepare(user); err != nil {
			return nil, err
		}
	}
	played := &performance{scene: each, person: user}
	began := time.Now()
	run, err := environment.Client.Start(ctx, each.ask(user))
	if err != nil {
		return nil, err
	}
	if played.result, err = run.Result(ctx); err != nil {
		return nil, err
	}
	played.took = time.Since(began)
	played.check()
	return played, nil
}

// ask is the request for the scene's user.
func (s scene) ask(user *person) workflows.Input {
	in := workflows.Input{Connection: s.connection, RequestedBy: "demo", RequestReason: s.title}
	switch s.by {
	case byID:
		in.UserID = user.ID
	case byUsername:
		in.Username = user.Username
	case byEmail:
		in.Email = user.Email
	}
	return in
}

// check notes what is not as the scene expects, a real sign-in included.
func (p *performance) check() {
	note := func(wrong bool, format string, arguments ...any) {
		if wrong {
			p.faults = append(p.faults, fmt.Sprintf(format, arguments...))
		}
	}
	note(p.result.Outcome != p.expect, "expected %s", p.expect)
	if p.refusal != "" {
		note(p.result.Refusal == nil || p.result.Refusal.Code != p.refusal, "expected the refusal %s", p.refusal)
	}
	note(p.result.Attempts.Unlock < p.minAttemptsToUnlock, "expected %d attempts to unlock", p.minAttemptsToUnlock)
	note(p.result.UserID != p.person.ID, "expected another user")
	note(p.person.signsIn() != p.signsIn, "expected sign-in: %t", p.signsIn)
	var user map[string]any
	note(json.Unmarshal(p.result.User, &user) != nil || len(user) == 0, "expected the user's object")
}

func countWrong(performed []*performance) int {
	wrong := 0
	for _, each := range performed {
		if len(each.faults) > 0 {
			wrong++
		}
	}
	return wrong
}
