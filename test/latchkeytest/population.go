package latchkeytest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Population is a provider with many accounts that can list who is locked.
type Population struct {
	// OnLookup and OnUnlock are asked before each call; an error is what the caller gets.
	OnLookup func(ctx context.Context, id string) error
	OnUnlock func(ctx context.Context, id string) error
	// OnList is asked before each page.
	OnList func(ctx context.Context, after string) error
	// FoldsIDs says that upper and lower case mean the same in an ID, which is spelt in lower
	// case; otherwise they make two.
	FoldsIDs bool
	// Missing is what each page of the list lacks; nil is nothing.
	Missing func(after string) connectors.Missing
	// PageSize bounds a page further than the caller does; 0 does not.
	PageSize int

	mutex    sync.Mutex
	accounts map[string]*connectors.Account
	// effective counts the unlocks that cleared a lock, by user.
	effective map[string]int
}

var _ activities.Connector = (*Population)(nil)

// NewPopulation returns a provider without accounts.
func NewPopulation() *Population {
	return &Population{accounts: map[string]*connectors.Account{}, effective: map[string]int{}}
}

// MemberID is the ID of the n-th account.
func MemberID(n int) string { return fmt.Sprintf("%08x-0000-4000-a000-%012x", n, n) }

// MisshapenID has not the shape of a Population's IDs.
const MisshapenID = "misshapen"

// Member is the n-th account, with these locks.
func Member(n int, locks ...connectors.Lock) *connectors.Account {
	name := fmt.Sprintf("member%d", n)
	return &connectors.Account{
		ID: MemberID(n), Username: name, Email: name + "@example.org", Groups: []string{},
		State: connectors.State{Locks: locks, Privileged: connectors.No},
		User:  json.RawMessage(`{"username":"` + name + `"}`),
	}
}

// Add adds accounts, or changes those that are there.
func (p *Population) Add(accounts ...*connectors.Account) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, account := range accounts {
		copied := *account
		p.accounts[account.ID] = &copied
	}
}

// Change alters an account.
func (p *Population) Change(id string, how func(*connectors.Account)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	how(p.accounts[id])
}

// Canonical implements activities.Connector.
func (p *Population) Canonical(id string) (string, error) {
	switch {
	case id == MisshapenID:
		return "", Fail(connectors.RejectedByProvider)
	case p.FoldsIDs:
		return strings.ToLower(id), nil
	default:
		return id, nil
	}
}

// Lookup implements activities.Connector.
func (p *Population) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	if p.OnLookup != nil {
		if err := p.OnLookup(ctx, cmp.Or(ref.ID, ref.Username, ref.Email)); err != nil {
			return nil, err
		}
	}
	if ref.ID != "" {
		var err error
		if ref.ID, err = p.Canonical(ref.ID); err != nil {
			return nil, err
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, account := range p.accounts {
		if cmp.Or(ref.ID, account.ID) == account.ID && cmp.Or(ref.Username, account.Username) == account.Username && cmp.Or(ref.Email, account.Email) == account.Email {
			return copyOf(account), nil
		}
	}
	return nil, Fail(connectors.NotFound)
}

func copyOf(account *connectors.Account) *connectors.Account {
	copied := *account
	copied.State.Locks = slices.Clone(account.State.Locks)
	copied.State.CanSignIn = copied.State.SignInAnswer()
	return &copied
}

// Unlock implements activities.Connector.
func (p *Population) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	if p.OnUnlock != nil {
		if err := p.OnUnlock(ctx, account.ID); err != nil {
			return connectors.Unlocked{}, err
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	known := p.accounts[account.ID]
	if known == nil {
		return connectors.Unlocked{}, Fail(connectors.NotFound)
	}
	if known.State.Locked() {
		p.effective[account.ID]++
	}
	known.State.Locks = nil
	return connectors.Unlocked{At: time.Now().UTC()}, nil
}

// Lists implements activities.Connector.
func (p *Population) Lists() bool { return true }

// ListLocked implements activities.Connector.
func (p *Population) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	if p.OnList != nil {
		if err := p.OnList(ctx, after); err != nil {
			return connectors.Page{}, err
		}
	}
	if p.PageSize > 0 {
		limit = min(limit, p.PageSize)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	page := connectors.Page{Accounts: []*connectors.Account{}, Read: len(p.accounts)}
	if p.Missing != nil {
		page.Missing = p.Missing(after)
	}
	for _, id := range slices.Sorted(maps.Keys(p.accounts)) {
		if id <= after || !p.accounts[id].State.Locked() {
			continue
		}
		if len(page.Accounts) == limit {
			page.Next = page.Accounts[limit-1].ID
			break
		}
		page.Accounts = append(page.Accounts, copyOf(p.accounts[id]))
	}
	return page, nil
}

// Unlocked counts the unlocks that cleared a lock, by user.
func (p *Population) Unlocked() map[string]int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return maps.Clone(p.effective)
}
