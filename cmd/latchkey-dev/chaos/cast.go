package main

import (
	"fmt"

	jumpcloudprovider "github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	pingoneprovider "github.com/latchkey-iam/latchkey/connectors/pingone"
	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// The connections. Every unlock of the strict one must be approved, by its approvers; the
// frugal one unlocks no more than frugalCeiling users an hour.
const (
	jumpcloud = "jc"
	pingone   = "ping"
	strict    = "strict"
	frugal    = "frugal"
)

var connections = []string{jumpcloud, pingone, strict, frugal}

// operations are those of each connection's provider that the faults are ordered at.
var operations = map[string][]string{
	jumpcloud: jumpcloudOperations,
	strict:    jumpcloudOperations,
	frugal:    jumpcloudOperations,
	pingone: {pingonesimulator.OpToken, pingonesimulator.OpLookup, pingonesimulator.OpFind, pingonesimulator.OpList, pingonesimulator.OpUnlock,
		pingonesimulator.OpUnlock, pingonesimulator.OpPassword, pingonesimulator.OpUnlockPassword},
}

var jumpcloudOperations = []string{jumpcloudsimulator.OpLookup, jumpcloudsimulator.OpFind, jumpcloudsimulator.OpList, jumpcloudsimulator.OpUnlock,
	jumpcloudsimulator.OpUnlock, jumpcloudsimulator.OpOrganization}

// What the connections' rules say, beside the approvals of the strict one.
const (
	protectedUsers  = "vip-*"
	approverPattern = "boss-*"
	approvalTimeout = "6s"
	frugalCeiling   = 8
)

// personal stands in every name and address of the cast, so that one that is where it must
// not be is found.
const personal = "quokka"

// secrets are those that the workers are given.
var secrets = []string{jumpcloudsimulator.DefaultAPIKey, pingonesimulator.DefaultClientSecret}

// tenant is a connection's provider, in this process.
type tenant struct {
	*simulator.Server
	connection, provider string
	url                  string
	stop                 func()
	cast                 []person
	// settings are the connection's variables, without their prefix.
	settings []string
	// away is what takes a user out of use here.
	away string
	// anyAccepts says that the provider documents no body of an unlock's answer, so that any
	// that is no web page is one that it may give.
	anyAccepts bool
}

// person is a user of a tenant, locked at first.
type person struct {
	id, username, email string
	// forbidden is why nobody may unlock the account; empty when somebody may.
	forbidden string
}

func newTenant(connection string) (*tenant, error) {
	t := &tenant{connection: connection, provider: jumpcloudprovider.Name, away: "suspend", anyAccepts: true}
	var settings func() []string
	if connection == pingone {
		simulated := pingonesimulator.New(pingonesimulator.Options{})
		t.Server, t.provider, t.away, t.anyAccepts = simulated.Server, pingoneprovider.Name, "disable", false
		settings = func() []string {
			return []string{"API_URL=" + pingonesimulator.APIURL(t.url), "AUTH_URL=" + pingonesimulator.AuthURL(t.url),
				"ENVIRONMENT_ID=" + simulated.EnvironmentID(), "CLIENT_ID=" + pingonesimulator.DefaultClientID,
				"CLIENT_SECRET=" + pingonesimulator.DefaultClientSecret}
		}
	} else {
		simulated := jumpcloudsimulator.New(jumpcloudsimulator.Options{})
		t.Server = simulated.Server
		settings = func() []string {
			return []string{"BASE_URL=" + jumpcloudsimulator.APIURL(t.url), "API_KEY=" + jumpcloudsimulator.DefaultAPIKey}
		}
	}
	var err error
	if t.url, t.stop, err = t.Start(""); err != nil {
		return nil, fmt.Errorf("start the tenant of %s: %w", connection, err)
	}
	t.settings = settings()
	return t, t.populate()
}

// populate makes the cast, everybody locked: the ordinary first, then the protected, then
// those who were taken out of use.
func (t *tenant) populate() error {
	for i := range allPeople {
		one := person{username: fmt.Sprintf("%s-%s-%03d", t.connection, personal, i)}
		switch {
		case i >= ordinary+protected:
			one.forbidden = t.away
		case i >= ordinary:
			one.username, one.forbidden = "vip-"+one.username, "protected"
		}
		one.email = one.username + "@people.example"
		native := map[string]any{"username": one.username, "email": one.email}
		if t.provider == jumpcloudprovider.Name { // Two organizations would give the same.
			native["_id"] = fmt.Sprintf("%020x%04x", t.connection, i)
		}
		one.id = t.MustCreateUser(native)
		if err := t.LockByFailures(one.id); err != nil {
			return fmt.Errorf("lock a user of %s: %w", t.connection, err)
		}
		if i >= ordinary+protected {
			if err := t.Act(one.id, t.away, nil); err != nil {
				return fmt.Errorf("take a user of %s out of use: %w", t.connection, err)
			}
		}
		t.cast = append(t.cast, one)
	}
	return nil
}

// lock locks people: by failed sign-ins, or as an administrator.
func (t *tenant) lock(order *lock) error {
	for _, each := range order.people {
		how := t.LockByFailures
		if order.admin {
			how = func(id string) error { return t.Act(id, "lock", nil) }
		}
		if err := how(t.cast[each].id); err != nil {
			return fmt.Errorf("lock a user of %s: %w", t.connection, err)
		}
	}
	return nil
}
