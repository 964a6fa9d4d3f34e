package simulator

import (
	"slices"
	"time"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Credentials that work when Options names no others.
const (
	DefaultAPIKey            = "simulated-jumpcloud-api-key"
	DefaultReadOnlyAPIKey    = "simulated-jumpcloud-read-only-key"
	DefaultMultiTenantAPIKey = "simulated-jumpcloud-multi-tenant-key"
	DefaultOrgID             = "5a0000000000000000000001"

	DefaultClientID             = "simulated-service-account"
	DefaultClientSecret         = "simulated-service-account-secret"
	DefaultReadOnlyClientID     = "simulated-read-only-account"
	DefaultReadOnlyClientSecret = "simulated-read-only-account-secret"

	// ForeignAPIKey stands for a key of another region: it answers 401 like any unknown one.
	ForeignAPIKey = "simulated-key-of-another-region"
)

// Options is what an organization is made with. Empty fields get the defaults above.
type Options struct {
	APIKey         string // of an administrator with all rights
	ReadOnlyAPIKey string // of an administrator who may only read: 403 on writes
	// MultiTenantAPIKey is of a multi-tenant (MSP) administrator: its calls need x-org-id.
	MultiTenantAPIKey string
	OrgID             string // 24 hex digits

	ClientID             string // service account with the scope users
	ClientSecret         string
	ReadOnlyClientID     string // service account with the scope users.readonly
	ReadOnlyClientSecret string

	Settings *Settings        // nil: DefaultSettings
	Now      func() time.Time // nil: the machine's clock
}

func (o Options) withDefaults() Options {
	for _, field := range []struct {
		value     *string
		otherwise string
	}{
		{&o.APIKey, DefaultAPIKey},
		{&o.ReadOnlyAPIKey, DefaultReadOnlyAPIKey},
		{&o.MultiTenantAPIKey, DefaultMultiTenantAPIKey},
		{&o.OrgID, DefaultOrgID},
		{&o.ClientID, DefaultClientID},
		{&o.ClientSecret, DefaultClientSecret},
		{&o.ReadOnlyClientID, DefaultReadOnlyClientID},
		{&o.ReadOnlyClientSecret, DefaultReadOnlyClientSecret},
	} {
		if *field.value == "" {
			*field.value = field.otherwise
		}
	}
	return o
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

func check(s Settings) error {
	policy := s.PasswordPolicy
	switch {
	case policy.MaxLoginAttempts < 1 || policy.MaxLoginAttempts > 1000:
		return kit.Bad("passwordPolicy.maxLoginAttempts must be from 1 to 1000, not %d", policy.MaxLoginAttempts)
	case policy.ResetLockoutCounterMinutes < 1:
		return kit.Bad("passwordPolicy.resetLockoutCounterMinutes must be 1 or more, not %d", policy.ResetLockoutCounterMinutes)
	case policy.LockoutTimeInSeconds < 300 || policy.LockoutTimeInSeconds > 5400:
		return kit.Bad("passwordPolicy.lockoutTimeInSeconds must be from 300 to 5400, not %d", policy.LockoutTimeInSeconds)
	case !slices.Contains([]string{UnlockAnswerEmpty, UnlockAnswerOK, UnlockAnswerObject, UnlockAnswerText}, s.UnlockAnswer):
		return kit.Bad("unlockAnswer must be empty, ok, object or text, not %q", s.UnlockAnswer)
	case !slices.Contains([]string{ErrorShapeMixed, ErrorShapeLive, ErrorShapeSpecification}, s.ErrorShape):
		return kit.Bad("errorShape must be mixed, live or specification, not %q", s.ErrorShape)
	case s.BadIDStatus != 400 && s.BadIDStatus != 404:
		return kit.Bad("badIdStatus must be 400 or 404, not %d", s.BadIDStatus)
	case s.Gap.At < 0 || s.Gap.Count < 0:
		return kit.Bad("gap.at and gap.count cannot be below zero")
	case s.PageLimit < 1 || s.PageLimit > maximumLimit:
		return kit.Bad("pageLimit must be from 1 to %d, not %d", maximumLimit, s.PageLimit)
	case s.TokenLifetime <= 0:
		return kit.Bad("tokenLifetime must be above zero")
	}
	return nil
}

func policy(s Settings) kit.Policy {
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
