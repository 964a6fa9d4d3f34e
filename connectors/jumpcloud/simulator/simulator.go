package simulator

import (
	"net/http"
	"sync"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Names of the operations, as faults match them and the calls log shows them.
const (
	OpToken        = "token"        // POST /oauth2/token
	OpLookup       = "lookup"       // GET /api/systemusers/{id}
	OpUpdate       = "update"       // PUT /api/systemusers/{id}
	OpUnlock       = "unlock"       // POST /api/systemusers/{id}/unlock
	OpFind         = "find"         // a list or search with a filter other than account_locked
	OpList         = "list"         // a list or search without a filter, or with account_locked
	OpOrganization = "organization" // GET /api/organizations[/{id}]
	OpOther        = "other"
)

// Simulator is a JumpCloud organization. It is an http.Handler.
type Simulator struct {
	*kit.Server
	options Options

	mu       sync.Mutex
	settings Settings
	users    *kit.Directory[user]
	locked   []*user // in the order of users
	dues     kit.Dues
	stale    kit.Stale[user]
	tokens   kit.Tokens[access]
	lastID   uint64
}

var _ http.Handler = (*Simulator)(nil)

// New returns an empty organization. The zero Options give working defaults.
func New(options Options) *Simulator {
	s := &Simulator{options: options.withDefaults()}
	s.clear()
	s.Server = kit.NewServer(tenant{s}, kit.NewClock(options.Now))
	return s
}

// APIURL is the base URL of the API on a server started at rootURL.
func APIURL(rootURL string) string { return rootURL + "/api" }

// TokenURL is the token endpoint of service accounts on a server started at rootURL.
func TokenURL(rootURL string) string { return rootURL + "/oauth2/token" }

// OrgID is the organization's id.
func (s *Simulator) OrgID() string { return s.options.OrgID }

// Options returns the options in force, defaults filled in.
func (s *Simulator) Options() Options { return s.options }

// clear brings the tenant back to its beginning. The caller holds the lock or
// is New.
func (s *Simulator) clear() {
	s.settings = DefaultSettings()
	if s.options.Settings != nil {
		s.settings = *s.options.Settings
	}
	s.users = kit.NewDirectory(func(a, b *user) bool { return a.id < b.id })
	s.locked = nil
	s.dues = kit.Dues{}
	s.stale.Forget()
	s.tokens.Revoke()
	s.lastID = 0
}

func (s *Simulator) now() time.Time { return s.Clock.Now() }
