package simulator

import (
	"cmp"
	"slices"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Credentials that work when Options names no others.
const (
	DefaultAPIKey            = "simulated-jumpcloud-api-key"          // of an administrator with all rights
	DefaultReadOnlyAPIKey    = "simulated-jumpcloud-read-only-key"    // of one who may only read: 403 on writes
	DefaultMultiTenantAPIKey = "simulated-jumpcloud-multi-tenant-key" // of a multi-tenant (MSP) one: its calls need x-org-id
	DefaultOrgID             = "5a0000000000000000000001"

	DefaultClientID             = "simulated-service-account" // with the scope users
	DefaultClientSecret         = "simulated-service-account-secret"
	DefaultReadOnlyClientID     = "simulated-read-only-account" // with the scope users.readonly
	DefaultReadOnlyClientSecret = "simulated-read-only-account-secret"

	// ForeignAPIKey stands for a key of another region: it answers 401 like any unknown one.
	ForeignAPIKey = "simulated-key-of-another-region"
)

// Options is what an organization is made with. Empty fields get the defaults.
type Options struct {
	APIKey       string           // of an administrator with all rights
	ClientSecret string           // of the service account with the scope users
	Now          func() time.Time // nil: the machine's clock
}

// What the unlock call answers with; JumpCloud documents no more than "string".
const (
	UnlockAnswerEmpty  = "empty"  // no body
	UnlockAnswerOK     = "ok"     // the JSON string "OK"
	UnlockAnswerObject = "object" // {}
	UnlockAnswerText   = "text"   // plain text
)

// Shapes of an error's body; both occur.
const (
	ErrorShapeMixed         = "mixed"         // live for 401, specification for the rest
	ErrorShapeLive          = "live"          // {"error":…,"message":…}
	ErrorShapeSpecification = "specification" // {"code":…,"message":…,"status":…,"details":[]}
)

// Settings are the organization's policies, and the switches for what no
// source settles about JumpCloud.
type Settings struct {
	PasswordPolicy PasswordPolicy `json:"passwordPolicy"`
	UnlockAnswer   string         `json:"unlockAnswer"` // one of UnlockAnswer…
	ErrorShape     string         `json:"errorShape"`   // one of ErrorShape…
	// BadIDStatus answers an id that is not 24 hex digits: 400 or 404.
	BadIDStatus int `json:"badIdStatus"`
	// ExpiryLocks makes a password or an MFA enrolment that expires lock the account.
	ExpiryLocks bool `json:"expiryLocks"`
	// OrganizationReadable lets GET /organizations answer; otherwise it says 403.
	OrganizationReadable bool         `json:"organizationReadable"`
	TokenLifetime        kit.Duration `json:"tokenLifetime"`
	// Gap is a stretch of every list in which no user stands, though totalCount counts it.
	Gap Gap `json:"gap"`
	// PageLimit is the most rows of a page, whatever is asked for; totalCount says what follows.
	PageLimit int `json:"pageLimit"`
	// NullsInTheWild makes alternateEmail and employeeIdentifier null where they are unset,
	// as they are at times although the specification knows no null there.
	NullsInTheWild bool `json:"nullsInTheWild"`
	// IgnoresUnknown passes over parameters, bodies, keys of them and filters that are not
	// understood, so that a search asks for everybody; otherwise each is a 400.
	IgnoresUnknown bool `json:"ignoresUnknown"`
}

// Gap makes pages short or empty, or leaves null rows on them.
type Gap struct {
	At    int  `json:"at"` // how many users stand before it; shorter lists have no gap
	Count int  `json:"count"`
	Null  bool `json:"null"` // its rows are null; otherwise they are left out
}

// PasswordPolicy is the part of the organization's policy that locks accounts;
// its keys are those of settings.passwordPolicy in the organization's object.
type PasswordPolicy struct {
	EnableMaxLoginAttempts bool `json:"enableMaxLoginAttempts"`
	MaxLoginAttempts       int  `json:"maxLoginAttempts"` // the failure with this number locks

	// Failures older than the window do not count, if it is enabled.
	EnableResetLockoutCounter  bool `json:"enableResetLockoutCounter"`
	ResetLockoutCounterMinutes int  `json:"resetLockoutCounterMinutes"`

	// Locks by failed sign-ins run out, if it is enabled; an administrator's never do.
	EnableLockoutTimeInSeconds bool `json:"enableLockoutTimeInSeconds"`
	LockoutTimeInSeconds       int  `json:"lockoutTimeInSeconds"` // 300 to 5400
}

// DefaultSettings locks on the sixth failure within 30 minutes, until unlocked.
func DefaultSettings() Settings {
	return Settings{
		PasswordPolicy: PasswordPolicy{
			EnableMaxLoginAttempts: true, MaxLoginAttempts: 6,
			EnableResetLockoutCounter: true, ResetLockoutCounterMinutes: 30,
			LockoutTimeInSeconds: 900,
		},
		UnlockAnswer: UnlockAnswerEmpty, ErrorShape: ErrorShapeMixed, BadIDStatus: 400,
		OrganizationReadable: true, TokenLifetime: kit.Duration(time.Hour), PageLimit: maximumLimit,
	}
}

// Check refuses wrong settings.
func (s Settings) Check() error {
	policy := s.PasswordPolicy
	return cmp.Or(
		kit.Need(policy.MaxLoginAttempts >= 1 && policy.MaxLoginAttempts <= 1000, "passwordPolicy.maxLoginAttempts must be from 1 to 1000"),
		kit.Need(policy.ResetLockoutCounterMinutes >= 1, "passwordPolicy.resetLockoutCounterMinutes must be 1 or more"),
		kit.Need(policy.LockoutTimeInSeconds >= 300 && policy.LockoutTimeInSeconds <= 5400, "passwordPolicy.lockoutTimeInSeconds must be from 300 to 5400"),
		kit.Need(unlockAnswers[s.UnlockAnswer] != nil, "unlockAnswer must be empty, ok, object or text"),
		kit.Need(slices.Contains([]string{ErrorShapeMixed, ErrorShapeLive, ErrorShapeSpecification}, s.ErrorShape), "errorShape must be mixed, live or specification"),
		kit.Need(s.BadIDStatus == 400 || s.BadIDStatus == 404, "badIdStatus must be 400 or 404"),
		kit.Need(s.Gap.At >= 0 && s.Gap.Count >= 0, "gap.at and gap.count cannot be below zero"),
		kit.Need(s.PageLimit >= 1 && s.PageLimit <= maximumLimit, "pageLimit must be from 1 to %d", maximumLimit),
		kit.Need(s.TokenLifetime > 0, "tokenLifetime must be above zero"),
	)
}

// Ignores reports whether unknown parameters and filters are ignored.
func (s Settings) Ignores() bool { return s.IgnoresUnknown }

// Policy is what failed sign-ins do.
func (s Settings) Policy() kit.Policy {
	limits := s.PasswordPolicy
	policy := kit.Policy{Layer: kit.LayerAccount, Off: !limits.EnableMaxLoginAttempts, Limit: limits.MaxLoginAttempts}
	if limits.EnableResetLockoutCounter {
		policy.Window = time.Duration(limits.ResetLockoutCounterMinutes) * time.Minute
	}
	if limits.EnableLockoutTimeInSeconds {
		policy.Duration = time.Duration(limits.LockoutTimeInSeconds) * time.Second
	}
	return policy
}
