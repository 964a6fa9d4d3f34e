package dev

import (
	"fmt"

	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// The names of the connections that tests and measurements ask.
const (
	JumpCloud = "jumpcloud"
	PingOne   = "pingone"
)

// Password is the right one of every user that Locked makes.
const Password = "Correct-Horse-Battery-1"

// Locked makes a user of the simulated JumpCloud, whom failed sign-ins have locked, with an
// address at example.com.
func (e *Environment) Locked(username string) (id string, err error) {
	tenant := e.Tenant(JumpCloud)
	id, err = tenant.Make(map[string]any{"username": username, "email": username + "@example.com", "password": Password})
	if err != nil {
		return "", err
	}
	return id, tenant.LockByFailures(id)
}

// Make makes a user from a partial native object and returns its ID.
func (t *Tenant) Make(native map[string]any) (id string, err error) {
	created, err := t.CreateUser(native)
	if err != nil {
		return "", fmt.Errorf("make a user at %s: %w", t.Name, err)
	}
	user, err := simulator.ParseFields(created, "user")
	return user.Text(t.IDKey), err
}
