package pingone

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// ListLocked implements connectors.LockedLister. PingOne is not known to filter by
// account.status nor to sort by ID, so each page is a scan over all users that keeps the
// smallest IDs beyond `after`. Ask for as many as will do, so that scans are few.
//
// The list tells an account's own lock. It seldom tells the password's state, which is
// then Unread as Unsupported: a look-up reads it. An account whose status is a word that
// is not documented is left out.
func (c *Connector) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	kept := smallest{after: strings.ToLower(after), limit: max(limit, 1)}
	read := 0
	// Digests, as a link may be long and the pages many.
	seen := map[[sha256.Size]byte]bool{}
	for next := (*url.URL)(nil); ; {
		users, err := c.client.users(ctx, next)
		if err != nil {
			return connectors.Page{}, err
		}
		for _, raw := range users.users {
			read++
			if err := c.keep(&kept, raw, users.answer.AsOf); err != nil {
				return connectors.Page{}, c.malformed(opList, err)
			}
		}
		if next = users.next; next == nil {
			return kept.page(read), nil
		}
		link := sha256.Sum256([]byte(next.String()))
		if seen[link] {
			return connectors.Page{}, c.client.Fail(opList, connectors.MalformedResponse, "the links to the next page run in a circle")
		}
		seen[link] = true
	}
}

// keep adds the account to those kept if it is locked and its ID small enough.
func (c *Connector) keep(kept *smallest, raw json.RawMessage, asOf time.Time) error {
	read, err := readUser(raw)
	if err != nil {
		return err
	}
	password := read.embedded
	if password.status == "" {
		password.unread = connectors.Unsupported
	}
	now := c.client.Now()
	if !read.state(password, asOf, now).Locked() {
		return nil
	}
	index, wanted := kept.place(read.id)
	if !wanted {
		return nil
	}
	kept.insert(index, read.account(password, asOf, now))
	return nil
}

// smallest keeps the accounts of the smallest IDs beyond a key, at most limit of them.
type smallest struct {
	after string
	limit int
	// accounts are sorted by ID.
	accounts []*connectors.Account
	// more says that an account had to be left out.
	more bool
}

// place returns where an account of this ID belongs, and whether to keep it. One that
// is listed twice, as can happen while the set changes, is kept once.
func (s *smallest) place(id string) (int, bool) {
	index, found := slices.BinarySearchFunc(s.accounts, id, func(account *connectors.Account, id string) int {
		return strings.Compare(account.ID, id)
	})
	if found || id <= s.after {
		return 0, false
	}
	if index == s.limit {
		s.more = true
		return 0, false
	}
	return index, true
}

func (s *smallest) insert(index int, account *connectors.Account) {
	s.accounts = slices.Insert(s.accounts, index, account)
	if len(s.accounts) > s.limit {
		s.accounts = slices.Delete(s.accounts, s.limit, len(s.accounts))
		s.more = true
	}
}

func (s *smallest) page(read int) connectors.Page {
	page := connectors.Page{Accounts: append([]*connectors.Account{}, s.accounts...), Read: read}
	if s.more {
		page.Next = page.Accounts[len(page.Accounts)-1].ID
	}
	return page
}
