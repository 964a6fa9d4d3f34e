package simulator

import (
	"net/http"
	"strings"
	"sync"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Names of the operations, as faults match them and the calls log shows them.
const (
	OpToken           = "token"           // POST /{env}/as/token
	OpLookup          = "lookup"          // GET …/users/{id}
	OpGroupIDs        = "groupIDs"        // GET …/users/{id}?include=memberOfGroupIDs
	OpFind            = "find"            // GET …/users with a filter on id, username, email or externalId
	OpList            = "list"            // any other GET …/users, following pages too
	OpUnlock          = "unlock"          // POST …/users/{id} as account.unlock
	OpLock            = "lock"            // POST …/users/{id} as account.lock
	OpPassword        = "password"        // GET …/users/{id}/password
	OpUnlockPassword  = "unlockPassword"  // POST …/users/{id}/password
	OpEnabled         = "enabled"         // GET, PUT …/users/{id}/enabled
	OpRoleAssignments = "roleAssignments" // GET …/users/{id}/roleAssignments
	OpOther           = "other"
)

// Simulator is a PingOne environment. It is an http.Handler.
type Simulator struct {
	*kit.Server
	options Options

	mu       sync.Mutex
	settings Settings
	users    *kit.Directory[user]
	dues     kit.Dues
	stale    kit.Stale[user]
	tokens   kit.Tokens[Role]
	seq      uint64
}

var _ http.Handler = (*Simulator)(nil)

// New returns an empty environment. The zero Options give working defaults.
func New(options Options) *Simulator {
	s := &Simulator{options: options.withDefaults()}
	s.clear()
	s.Server = kit.NewServer(tenant{s}, kit.NewClock(options.Now))
	return s
}

// APIURL is the base URL of the API on a server started at rootURL.
func APIURL(rootURL string) string { return rootURL + "/v1" }

// AuthURL is the base URL of the token endpoint on a server started at rootURL;
// the environment's id and /as/token follow it.
func AuthURL(rootURL string) string { return rootURL }

// EnvironmentID is the environment's id.
func (s *Simulator) EnvironmentID() string { return s.options.EnvironmentID }

// Options returns the options in force, defaults filled in.
func (s *Simulator) Options() Options { return s.options }

// clear brings the tenant back to its beginning. The caller holds the lock or
// is New.
func (s *Simulator) clear() {
	s.settings = DefaultSettings()
	if s.options.Settings != nil {
		s.settings = *s.options.Settings
	}
	s.users = kit.NewDirectory(func(a, b *user) bool { return a.seq < b.seq })
	s.dues = kit.Dues{}
	s.stale.Forget()
	s.tokens.Revoke()
	s.seq = 0
}

func (s *Simulator) now() time.Time { return s.Clock.Now() }

// environmentPath is the path of the environment's API, under which all links stand.
func (s *Simulator) environmentPath() string {
	return "/v1/environments/" + s.options.EnvironmentID
}

// base is what links begin with: the host that the client called.
func (s *Simulator) base(r *http.Request) string {
	if s.options.PublicURL != "" {
		return strings.TrimRight(s.options.PublicURL, "/") + s.environmentPath()
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + s.environmentPath()
}
