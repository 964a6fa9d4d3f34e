package simulator

import (
	"cmp"
	"slices"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Credentials that work when Options names no others. All clients share one secret.
const (
	DefaultEnvironmentID = "0a4e8c1e-5d4b-4c55-9f0b-6a1e2d3c4b5a"
	DefaultClientID      = "c1000000-0000-4000-8000-000000000001" // RoleAdmin
	DefaultClientSecret  = "simulated-pingone-client-secret"

	ReadOnlyClientID   = "c1000000-0000-4000-8000-000000000002" // RoleReadOnly
	NoPasswordClientID = "c1000000-0000-4000-8000-000000000003" // RoleNoPassword
	RolelessClientID   = "c1000000-0000-4000-8000-000000000004" // RoleNone
	PostClientID       = "c1000000-0000-4000-8000-000000000005" // RoleAdmin, AuthPost
)

// DefaultPopulationID is the population of users made without one; PopulationName is the
// name of every population.
const (
	DefaultPopulationID = "d0000000-0000-4000-8000-000000000001"
	PopulationName      = "Simulated Population"
)

// Roles of an application.
const (
	RoleAdmin      = "admin"      // everything
	RoleReadOnly   = "readOnly"   // reads users and password states; 403 on writes
	RoleNoPassword = "noPassword" // users and accounts, but 403 on anything of a password
	RoleNone       = "none"       // gets a token, then 403 on everything
)

// How an application authenticates at the token endpoint.
const (
	AuthBasic  = "CLIENT_SECRET_BASIC"
	AuthPost   = "CLIENT_SECRET_POST"
	AuthEither = "EITHER"
)

// Options is what an environment is made with.
type Options struct {
	Settings *Settings        // nil: DefaultSettings
	Now      func() time.Time // nil: the machine's clock
}

// What becomes of a POST with two Content-Types.
const (
	TwoTypesAtTimes = "atTimes" // every other one is refused, the first too
	TwoTypesRefused = "refused"
	TwoTypesTaken   = "taken"
)

// Settings are the environment's policies, and the switches for what no source
// settles about PingOne.
type Settings struct {
	Lockout Lockout `json:"lockout"`
	// AccountUnlockClearsPassword makes the account unlock clear a password lockout too.
	AccountUnlockClearsPassword bool `json:"accountUnlockClearsPassword"`
	// PasswordLockKeepsAccountLocked makes the account stay LOCKED after an account
	// unlock that left a password lockout; otherwise it is OK beside it.
	PasswordLockKeepsAccountLocked bool `json:"passwordLockKeepsAccountLocked"`
	// AccountStatusFilterable lets a filter name account.status; otherwise it is a 400.
	AccountStatusFilterable bool `json:"accountStatusFilterable"`
	// FilterIgnoresCase makes filters pass over case.
	FilterIgnoresCase bool `json:"filterIgnoresCase"`
	// EmbedPasswordStatus adds _embedded.password.status to the user object.
	EmbedPasswordStatus bool `json:"embedPasswordStatus"`
	// AnswersEveryInclude makes a read answer all includes that it names; otherwise the first.
	AnswersEveryInclude bool `json:"answersEveryInclude"`
	// TokenEndpointAuthMethod is for the applications that do not say themselves.
	TokenEndpointAuthMethod string       `json:"tokenEndpointAuthMethod"`
	TokenLifetime           kit.Duration `json:"tokenLifetime"`
	// NextBaseURL replaces scheme and host of _links.next.href, as an attacker or a
	// broken proxy would.
	NextBaseURL string `json:"nextBaseUrl"`
	// TwoContentTypes is what becomes of a POST with two: one of TwoTypes…
	TwoContentTypes string `json:"twoContentTypes"`
	// IgnoresUnknown passes over parameters, includes and filters that are not understood,
	// so that they ask for everybody; otherwise each is a 400.
	IgnoresUnknown bool `json:"ignoresUnknown"`
}

// Lockout is the password policy's part that locks passwords.
type Lockout struct {
	Enabled      bool         `json:"enabled"`
	FailureCount int          `json:"failureCount"` // one failure more than that locks
	Window       kit.Duration `json:"window"`       // "0s": failures count for ever
	Duration     kit.Duration `json:"duration"`     // "0s": until somebody unlocks
}

// DefaultSettings locks on the sixth failure within 15 minutes, for 15 minutes.
func DefaultSettings() Settings {
	quarter := kit.Duration(15 * time.Minute)
	return Settings{
		Lockout:                        Lockout{Enabled: true, FailureCount: 5, Window: quarter, Duration: quarter},
		PasswordLockKeepsAccountLocked: true,
		FilterIgnoresCase:              true,
		TokenEndpointAuthMethod:        AuthBasic,
		TokenLifetime:                  kit.Duration(time.Hour),
		TwoContentTypes:                TwoTypesAtTimes,
	}
}

// Check refuses wrong settings.
func (s Settings) Check() error {
	return cmp.Or(
		kit.Need(s.Lockout.FailureCount >= 0 && s.Lockout.FailureCount <= 1000, "lockout.failureCount must be from 0 to 1000"),
		kit.Need(slices.Contains([]string{AuthBasic, AuthPost, AuthEither}, s.TokenEndpointAuthMethod),
			"tokenEndpointAuthMethod must be %s, %s or %s", AuthBasic, AuthPost, AuthEither),
		kit.Need(slices.Contains([]string{TwoTypesAtTimes, TwoTypesRefused, TwoTypesTaken}, s.TwoContentTypes),
			"twoContentTypes must be %s, %s or %s", TwoTypesAtTimes, TwoTypesRefused, TwoTypesTaken),
		kit.Need(s.TokenLifetime > 0, "tokenLifetime must be above zero"),
	)
}

// Ignores reports whether unknown parameters and filters are ignored.
func (s Settings) Ignores() bool { return s.IgnoresUnknown }

// Policy is what failed sign-ins do.
func (s Settings) Policy() kit.Policy {
	return kit.Policy{
		Layer: kit.LayerPassword, Off: !s.Lockout.Enabled, Limit: s.Lockout.FailureCount + 1,
		Window: s.Lockout.Window.D(), Duration: s.Lockout.Duration.D(),
	}
}
