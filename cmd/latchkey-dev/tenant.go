package main

import (
	"encoding/json"
	"fmt"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// tenant is what the demonstration does at a simulated provider, as its users and its
// administrators would.
type tenant interface {
	CreateUser(native any) (json.RawMessage, error)
	SignIn(ref, password string) simulator.SignIn
	Act(ref, action string, args any) error
	LockByFailures(ref string) error
}

// password is the right one of every demonstration user.
const password = dev.Password

// person is a demonstration user at one tenant.
type person struct {
	environment *dev.Environment
	connection  string
	tenant      tenant
	ID          string
	Username    string
	Email       string
}

// newPerson makes a user with a rich profile.
func newPerson(environment *dev.Environment, connection, first, last, title string) (*person, error) {
	username := first + "." + last
	made := &person{environment: environment, connection: connection, tenant: environment.JumpCloud, Username: username, Email: username + "@example.com"}
	profile := jumpCloudProfile(first, last, title)
	if connection == dev.PingOne {
		made.tenant = environment.PingOne
		profile = pingOneProfile(first, last, title)
	}
	profile["username"], profile["email"], profile["password"] = made.Username, made.Email, password
	created, err := made.tenant.CreateUser(profile)
	if err != nil {
		return nil, fmt.Errorf("make a user at %s: %w", connection, err)
	}
	var ids struct {
		JumpCloud string `json:"_id"`
		PingOne   string `json:"id"`
	}
	if err := json.Unmarshal(created, &ids); err != nil {
		return nil, err
	}
	made.ID = ids.JumpCloud
	if connection == dev.PingOne {
		made.ID = ids.PingOne
	}
	return made, nil
}

// jumpCloudProfile and pingOneProfile are partial objects; the simulators fill the rest in.
func jumpCloudProfile(first, last, title string) map[string]any {
	return map[string]any{"firstname": first, "lastname": last, "displayname": first + " " + last, "jobTitle": title,
		"department": "Engineering", "location": "Arlington", "costCenter": "CC-4711"}
}

func pingOneProfile(first, last, title string) map[string]any {
	return map[string]any{"name": map[string]any{"given": first, "family": last, "formatted": first + " " + last}, "title": title,
		"locale": "en-GB", "badgeColours": []string{"red", "green"}}
}

// failSignIns enters wrong passwords until the tenant's policy locks the account.
func failSignIns(p *person) error { return p.tenant.LockByFailures(p.ID) }

// act returns the preparation that does a thing as an administrator would.
func act(action string) func(*person) error {
	return func(p *person) error { return p.tenant.Act(p.ID, action, nil) }
}

// signsIn reports whether the right password lets the user in.
func (p *person) signsIn() bool { return p.tenant.SignIn(p.Username, password).OK }

// samples are the locked users that a newcomer may unlock.
type samples struct{ JumpCloudEmail, PingOneID string }

func makeSamples(environment *dev.Environment) (samples, error) {
	cloud, err := newPerson(environment, dev.JumpCloud, "grace", "hopper", "Rear Admiral")
	if err != nil {
		return samples{}, err
	}
	ping, err := newPerson(environment, dev.PingOne, "alan", "turing", "Reader")
	if err != nil {
		return samples{}, err
	}
	for _, each := range []*person{cloud, ping} {
		if err := failSignIns(each); err != nil {
			return samples{}, err
		}
	}
	return samples{JumpCloudEmail: cloud.Email, PingOneID: ping.ID}, nil
}
