package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Policy says whom UnlockLockedUsers may unlock, and how many. A field that is left out has
// a default: a cautious one where all locked users are meant, mostly none for a given list.
type Policy struct {
	// OnlyReasons are the lock reasons that may be cleared; the default is failed_sign_in,
	// and any for a given list. An empty list allows any.
	OnlyReasons *[]connectors.Reason `json:"onlyReasons,omitempty"`
	// MinLockedFor is how old each lock must be; the default is 15m, and none for a given
	// list. A lock of unknown age counts from when a run first saw it.
	MinLockedFor *Duration `json:"minLockedFor,omitempty"`
	// MaxLockedFor is how old each lock may be; the default is none. A lock of unknown age
	// does not pass it.
	MaxLockedFor Duration `json:"maxLockedFor,omitzero"`
	// ExcludePrivileged leaves out privileged accounts, and those of which the provider
	// could say so and does not; the default is true, and false for a given list.
	ExcludePrivileged *bool `json:"excludePrivileged,omitempty"`
	// Exclude leaves out whom one of these covers, Include whom none does: IDs, usernames and
	// email addresses, with * for any text, and "group:" before IDs and names of groups.
	Exclude []string `json:"exclude,omitempty" jsonschema:"maxItems=100"`
	Include []string `json:"include,omitempty" jsonschema:"maxItems=100"`
	// MaxPerUser bounds the unlocks of one user within a window; the default is 3 within
	// 24h, and none for a given list.
	MaxPerUser *MaxPerUser `json:"maxPerUser,omitempty"`
	// MaxPerRun stops the run after so many unlocks; 0 is none. The default is 500, and none
	// for a given list.
	MaxPerRun *int `json:"maxPerRun,omitempty" jsonschema:"minimum=0"`
	// Hold keeps a run from unlocking anybody when a crowd was locked lately; it is on by
	// default, and off for a given list.
	Hold *Hold `json:"hold,omitempty"`
	// Concurrency is how many users are unlocked at a time, 1 to 100; the default is 10.
	Concurrency int `json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=100"`
	// DryRun decides and reports, and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
}

// MaxPerUser bounds the unlocks of one user.
type MaxPerUser struct {
	// Unlocks is the most within the window; 0 is none.
	Unlocks int `json:"unlocks" jsonschema:"minimum=0"`
	// Within is the window; the default is 24h. The namespace must keep closed runs as long.
	Within Duration `json:"within,omitzero"`
}

// Hold says when a run waits for a person before it unlocks anybody.
type Hold struct {
	// Off switches the hold off.
	Off bool `json:"off,omitempty"`
	// Above is how many users, locked within the window by failed sign-ins or for unknown
	// reasons, are no crowd yet; the default is 50.
	Above *int `json:"above,omitempty" jsonschema:"minimum=0"`
	// Window is how long ago such a lock was made at most; the default is 1h. A lock without
	// a date counts, and so does an account of the list that could not be read.
	Window Duration `json:"window,omitzero"`
	// Deadline is how long the run waits for release or abort; the default is 1h. Then it
	// ends as held.
	Deadline Duration `json:"deadline,omitzero"`
}

// The defaults of a policy.
const (
	DefaultMinLockedFor   = 15 * time.Minute
	DefaultUnlocksPerUser = 3
	DefaultPerUserWindow  = 24 * time.Hour
	DefaultMaxPerRun      = 500
	DefaultHoldAbove      = 50
	DefaultHoldWindow     = time.Hour
	DefaultHoldDeadline   = time.Hour
	DefaultConcurrency    = 10
)

// These keep a history within its bounds, which holds the policy once for each user.
const (
	maxConcurrency  = 100
	maxPatterns     = 100
	maxPatternsSize = 64 << 10 // as they are stored
	maxWords        = 10
)

// complete fills in the defaults, of which a given list has others.
func (p *Policy) complete(given bool) {
	reasons, least, shy, perRun := []connectors.Reason{connectors.ReasonFailedSignIn}, Duration(DefaultMinLockedFor), true, DefaultMaxPerRun
	perUser, hold := MaxPerUser{Unlocks: DefaultUnlocksPerUser}, Hold{}
	if given {
		reasons, least, shy, perRun = []connectors.Reason{}, 0, false, 0
		perUser, hold = MaxPerUser{}, Hold{Off: true}
	}
	p.OnlyReasons = orDefault(p.OnlyReasons, reasons)
	p.MinLockedFor = orDefault(p.MinLockedFor, least)
	p.ExcludePrivileged = orDefault(p.ExcludePrivileged, shy)
	p.MaxPerRun = orDefault(p.MaxPerRun, perRun)
	p.MaxPerUser = orDefault(p.MaxPerUser, perUser)
	p.Hold = orDefault(p.Hold, hold)
	p.Hold.Above = orDefault(p.Hold.Above, DefaultHoldAbove)
	if p.MaxPerUser.Unlocks != 0 {
		p.MaxPerUser.Within = cmp.Or(p.MaxPerUser.Within, Duration(DefaultPerUserWindow))
	}
	p.Hold.Window = cmp.Or(p.Hold.Window, Duration(DefaultHoldWindow))
	p.Hold.Deadline = cmp.Or(p.Hold.Deadline, Duration(DefaultHoldDeadline))
	p.Concurrency = cmp.Or(p.Concurrency, DefaultConcurrency)
}

// orDefault returns a pointer of its own, so that filling in does not reach the caller's.
func orDefault[T any](given *T, otherwise T) *T {
	if given != nil {
		otherwise = *given
	}
	return &otherwise
}

// faults names every wrong field of a complete policy.
func (p *Policy) faults() (found faults) {
	found.note(len(*p.OnlyReasons) > maxWords, "policy.onlyReasons", "holds more than %d words", maxWords)
	found.note(slices.ContainsFunc(*p.OnlyReasons, unknownReason), "policy.onlyReasons", unknownReasonText)
	found.noteAges("policy", *p.MinLockedFor, p.MaxLockedFor)
	found.notePatterns("policy", p.Exclude, p.Include)
	found.note(p.MaxPerUser.Unlocks < 0, "policy.maxPerUser.unlocks", "must not be negative; 0 is no bound")
	found.note(p.MaxPerUser.Unlocks == 0 && p.MaxPerUser.Within != 0, "policy.maxPerUser.within", "bounds nothing by itself: give unlocks too, or leave it out")
	found.note(p.MaxPerUser.Unlocks != 0 && outside(p.MaxPerUser.Within), "policy.maxPerUser.within", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.note(*p.MaxPerRun < 0, "policy.maxPerRun", "must not be negative; 0 is no bound")
	found.note(*p.Hold.Above < 0, "policy.hold.above", "must not be negative; off: true switches the hold off")
	found.note(outside(p.Hold.Window), "policy.hold.window", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.note(outside(p.Hold.Deadline), "policy.hold.deadline", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.note(p.Concurrency < 1 || p.Concurrency > maxConcurrency, "policy.concurrency", "must be between 1 and %d", maxConcurrency)
	return found
}

func outside(d Duration) bool { return d.Std() < minTimeout || d.Std() > MaxTimeout }

const unknownReasonText = "holds an unknown word: use failed_sign_in, admin, expired and unknown"

func unknownReason(reason connectors.Reason) bool {
	return !slices.Contains(connectors.Reasons(), reason)
}

// noteAges notes what is wrong with the ages that locks must have.
func (f *faults) noteAges(of string, least, most Duration) {
	f.note(least < 0, of+".minLockedFor", "must not be negative")
	f.note(most < 0, of+".maxLockedFor", "must not be negative")
	f.note(most > 0 && least > most, of+".minLockedFor", "is longer than the age that a lock may have at most: no lock can pass")
}

func (f *faults) notePatterns(of string, exclude, include []string) {
	f.note(include != nil && len(include) == 0, of+".include", "is empty, and would include everybody: name somebody, or leave it out")
	f.noteAll(of+".exclude", validatePatterns(exclude))
	f.noteAll(of+".include", validatePatterns(include))
}

// validatePatterns reports whether the patterns of exclude or include can be used.
func validatePatterns(patterns []string) error {
	if len(patterns) > maxPatterns {
		return fmt.Errorf("holds %d patterns; at most %d are allowed: use * to cover many", len(patterns), maxPatterns)
	}
	for _, pattern := range patterns {
		text, _ := guard.CutGroupPrefix(pattern)
		if strings.TrimSpace(text) == "" || len(text) > connectors.MaxReferenceLength {
			return fmt.Errorf("holds a pattern that is empty or longer than %d bytes", connectors.MaxReferenceLength)
		}
	}
	if size := activities.StoredSize(patterns); size > maxPatternsSize {
		return fmt.Errorf("takes %d bytes as it is stored, where some letters take six; at most %d are allowed: use * to cover many", size, maxPatternsSize)
	}
	return nil
}

// LookBack is how long the policy of a run over all locked users looks back, with the
// defaults filled in; 0 when it counts nothing.
func (p Policy) LookBack() time.Duration {
	p.complete(false)
	if p.MaxPerUser.Unlocks == 0 {
		return 0
	}
	return p.MaxPerUser.Within.Std()
}
