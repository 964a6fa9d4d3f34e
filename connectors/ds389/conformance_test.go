package ds389_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/ds389"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall/ldaptest"
	"github.com/latchkey-iam/latchkey/internal/directory"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t testing.TB) conformance.Harness {
		return &harness{t: t, peer: one.part(t), users: map[string]ldaptest.Person{}}
	})
}

// TestConformanceOfSuppliers: two servers that replicate each other, with locks of their own.
func TestConformanceOfSuppliers(t *testing.T) {
	t.Parallel()
	conformance.RunSeveral(t, func(t testing.TB) conformance.Harness {
		h := &suppliers{harness{t: t, users: map[string]ldaptest.Person{}}}
		if strings.HasSuffix(t.Name(), "/StoppedServers") {
			h.peer = startPeer(t, two.options)
		} else {
			h.peer = two.part(t)
		}
		return h
	})
}

type harness struct {
	t     testing.TB
	peer  *peer
	users map[string]ldaptest.Person
}

var (
	_ conformance.Harness = (*harness)(nil)
	_ conformance.Several = (*suppliers)(nil)
)

func (h *harness) Provider() connectors.Provider         { return ds389.Provider() }
func (h *harness) Capabilities() connectors.Capabilities { return h.peer.config().Capabilities() }
func (h *harness) Connector() conformance.Connector      { return open(h.t, h.peer.config()) }
func (h *harness) UnknownID() string                     { return ds389.Provider().ID.Absent }
func (h *harness) Secrets() []string {
	return []string{directory.DS389ServicePassword, directory.DS389Service, h.peer.Base}
}

func (h *harness) WrongCredentials() conformance.Connector {
	config := h.peer.config()
	config.Password = "wrong"
	return open(h.t, config)
}

func (h *harness) ReadOnly() conformance.Connector {
	return open(h.t, h.peer.as(directory.DS389Reader))
}

func (h *harness) MakeUser(t testing.TB, username, email string) conformance.User {
	user := h.peer.Add(t, username, email, nil)
	h.users[user.ID] = user
	return user.User
}

func (h *harness) LockByFailedSignIns(t testing.TB, user conformance.User) {
	for server := range h.peer.Servers {
		h.peer.lock(t, server, h.users[user.ID])
	}
}

// Whoever administers 389 Directory Server disables, and neither locks nor suspends.
func (h *harness) LockAsAdministrator(testing.TB, conformance.User) bool { return false }
func (h *harness) Suspend(testing.TB, conformance.User) bool             { return false }

func (h *harness) Disable(t testing.TB, user conformance.User) bool {
	dn := h.users[user.ID].DN
	h.peer.Set(t, 0, dn, "nsAccountLock", "true")
	for server := range h.peer.Servers {
		h.peer.await(t, server, dn, "nsAccountLock", "true")
	}
	return true
}

func (h *harness) SignIn(t testing.TB, user conformance.User) bool {
	for server, each := range h.peer.Servers {
		if each.Running() && !h.peer.signIn(t, server, h.users[user.ID].DN, ldaptest.Password) {
			return false
		}
	}
	return true
}

type suppliers struct{ harness }

func (s *suppliers) Servers() []string { return s.peer.names() }

func (s *suppliers) number(server string) int {
	number := slices.Index(s.Servers(), server)
	require.NotEqual(s.t, -1, number)
	return number
}

// LockOn implements conformance.Several.
func (s *suppliers) LockOn(t testing.TB, user conformance.User, server string) []string {
	s.peer.lock(t, s.number(server), s.users[user.ID])
	return []string{server}
}

func (s *suppliers) Stop(_ testing.TB, server string) { s.peer.Servers[s.number(server)].Stop() }
