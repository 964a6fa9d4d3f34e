package openldap_test

import (
	"testing"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/connectors/openldap"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness {
		return &harness{t: t, peer: newPeer(t), users: map[string]ldaptest.Person{}}
	})
}

// TestConformanceOfReplicas: a provider, and consumers that keep locks of their own.
func TestConformanceOfReplicas(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness {
		peer := startPeer(t, directory.OpenLDAPOptions{Consumers: 2, UpdateRef: true})
		return &replicas{harness{t: t, peer: peer, users: map[string]ldaptest.Person{}}}
	})
}

type harness struct {
	t     testing.TB
	peer  *peer
	users map[string]ldaptest.Person
}

var (
	_ conformance.Harness   = (*harness)(nil)
	_ conformance.Clockless = (*harness)(nil)
	_ conformance.Several   = (*replicas)(nil)
)

func (h *harness) Provider() connectors.Provider         { return openldap.Provider() }
func (h *harness) Capabilities() connectors.Capabilities { return h.peer.config().Capabilities() }
func (h *harness) Connector() conformance.Connector      { return open(h.t, h.peer.config()) }
func (h *harness) UnknownID() string                     { return openldap.Provider().ID.Absent }
func (h *harness) Secrets() []string {
	return []string{directory.OpenLDAPServicePassword}
}

// Clockless implements conformance.Clockless.
func (h *harness) Clockless() {}

func (h *harness) WrongCredentials() conformance.Connector {
	config := h.peer.config()
	config.Password = "wrong"
	return open(h.t, config)
}

func (h *harness) ReadOnly() conformance.Connector {
	config := h.peer.config()
	config.BindDN = directory.OpenLDAPReader
	return open(h.t, config)
}

func (h *harness) MakeUser(t testing.TB, username, email string) conformance.User {
	user := h.peer.Add(t, username, email, nil)
	h.users[user.ID] = user
	return user.User
}

// LockByFailedSignIns implements conformance.Harness: what the provider writes, its consumers get.
func (h *harness) LockByFailedSignIns(t testing.TB, user conformance.User) {
	h.peer.lock(t, 0, h.users[user.ID])
	h.peer.awaitLocks(t, h.users[user.ID].DN)
}

func (h *harness) LockAsAdministrator(t testing.TB, user conformance.User) bool {
	h.peer.Set(t, 0, h.users[user.ID].DN, "pwdAccountLockedTime", "000001010000Z")
	h.peer.awaitLocks(t, h.users[user.ID].DN)
	return true
}

// OpenLDAP knows no account that is taken out of use: whoever does that locks it, or sets its end.
func (h *harness) Suspend(testing.TB, conformance.User) bool { return false }
func (h *harness) Disable(testing.TB, conformance.User) bool { return false }

func (h *harness) SignIn(t testing.TB, user conformance.User) bool {
	for server, each := range h.peer.Servers {
		if each.Running() && !h.peer.signIn(t, server, h.users[user.ID].DN, ldaptest.Password) {
			return false
		}
	}
	return true
}

type replicas struct{ harness }

func (r *replicas) Servers() []string {
	var names []string
	for _, server := range r.peer.Servers {
		names = append(names, server.Host+":3636")
	}
	return names
}

func (r *replicas) number(server string) int {
	for number, name := range r.Servers() {
		if name == server {
			return number
		}
	}
	r.t.Fatalf("there is no server %s", server)
	return 0
}

// LockOn implements conformance.Several. What the provider writes, its consumers get; what a
// consumer writes itself stays there.
func (r *replicas) LockOn(t testing.TB, user conformance.User, server string) []string {
	number := r.number(server)
	r.peer.lock(t, number, r.users[user.ID])
	if number > 0 {
		return []string{server}
	}
	r.peer.awaitLocks(t, r.users[user.ID].DN)
	return r.Servers()
}

func (r *replicas) Stop(_ testing.TB, server string) { r.peer.Servers[r.number(server)].Stop() }
