package conformance

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Tenant is what a harness needs of a simulated tenant.
type Tenant interface {
	CreateUser(native any) (json.RawMessage, error)
	LockByFailures(ref string) error
	SignIn(ref, password string) simulator.SignIn
	Act(ref, action string, args any) error
}

// Simulated is the part of a Harness that all simulated tenants share. A provider's
// harness embeds it.
type Simulated struct {
	Tenant Tenant
	// IDKey is the key of a user's ID in the native object.
	IDKey string
	// SuspendAction and DisableAction are the simulator's words; empty where the provider
	// knows no such thing.
	SuspendAction, DisableAction string

	made atomic.Int64
}

// MakeUser implements Harness.
func (s *Simulated) MakeUser(t testing.TB, username, email string) User {
	t.Helper()
	number := s.made.Add(1)
	user := User{Username: username, Email: email}
	if user.Username == "" {
		user.Username = fmt.Sprintf("user-%d", number)
	}
	if user.Email == "" {
		user.Email = user.Username + "@example.com"
	}
	native, err := s.Tenant.CreateUser(map[string]any{"username": user.Username, "email": user.Email})
	require.NoError(t, err)
	var object map[string]any
	require.NoError(t, json.Unmarshal(native, &object))
	user.ID, _ = object[s.IDKey].(string)
	require.NotEmpty(t, user.ID)
	return user
}

// LockByFailedSignIns implements Harness.
func (s *Simulated) LockByFailedSignIns(t testing.TB, user User) {
	t.Helper()
	require.NoError(t, s.Tenant.LockByFailures(user.ID))
}

// LockAsAdministrator implements Harness.
func (s *Simulated) LockAsAdministrator(t testing.TB, user User) bool {
	t.Helper()
	return s.act(t, user, "lock")
}

// Suspend implements Harness.
func (s *Simulated) Suspend(t testing.TB, user User) bool { return s.act(t, user, s.SuspendAction) }

// Disable implements Harness.
func (s *Simulated) Disable(t testing.TB, user User) bool { return s.act(t, user, s.DisableAction) }

func (s *Simulated) act(t testing.TB, user User, action string) bool {
	t.Helper()
	if action == "" {
		return false
	}
	require.NoError(t, s.Tenant.Act(user.ID, action, nil))
	return true
}

// SignIn implements Harness.
func (s *Simulated) SignIn(t testing.TB, user User) bool {
	t.Helper()
	return s.Tenant.SignIn(user.ID, simulator.DefaultPassword).OK
}

// Open opens a connector and fails the test when the configuration is wrong.
func Open(t testing.TB, provider connectors.Provider, config connectors.Config) Connector {
	t.Helper()
	opened, err := connectors.Open(provider, config, connectors.Options{})
	require.NoError(t, err)
	return opened
}
