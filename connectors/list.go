package connectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Page is one page of locked accounts, in the order of their IDs.
type Page struct {
	Accounts []*Account `json:"accounts"`
	// Next is the ID to continue after; empty on the last page.
	Next string `json:"next"`
	// Read counts the accounts that were read to find these: more than the page holds where
	// the provider cannot filter.
	Read int `json:"read"`
	// Missing is what could not be read. With any of it the list is not whole.
	Missing Missing `json:"missing,omitzero"`
}

// maxNamed bounds how many unreadable accounts are named.
const maxNamed = 100

// Missing is what a list lacks.
type Missing struct {
	// Rows counts the accounts that could not be read, UserIDs holds those among them that
	// are known, a hundred at most.
	Rows    int      `json:"rows,omitempty"`
	UserIDs []string `json:"userIds,omitempty"`
	// Servers could not be asked, or not to the end.
	Servers []MissingServer `json:"servers,omitempty"`
}

// MissingServer is a server that a list lacks, and why.
type MissingServer struct {
	// Server is its name.
	Server string `json:"server"`
	// Kind says why.
	Kind Kind `json:"kind"`
}

// Any reports whether something is missing.
func (m Missing) Any() bool { return m.Rows > 0 || len(m.Servers) > 0 }

// String says what is missing, for people. It names no account.
func (m Missing) String() string {
	var said []string
	switch {
	case m.Rows == 1:
		said = append(said, "1 account could not be read")
	case m.Rows > 1:
		said = append(said, fmt.Sprintf("%d accounts could not be read", m.Rows))
	}
	for _, each := range m.Servers {
		said = append(said, fmt.Sprintf("the server %s could not be asked (%s)", each.Server, each.Kind))
	}
	return strings.Join(said, ", ")
}

// Merge adds what another page of the same list lacks. A scan for each page meets the same
// rows again, so that the larger count stands, or that of the accounts that are known.
func (m *Missing) Merge(other Missing) {
	m.Rows = max(m.Rows, other.Rows)
	for _, id := range other.UserIDs {
		m.name(id)
	}
	m.Rows = max(m.Rows, len(m.UserIDs))
	for _, server := range other.Servers {
		if !slices.Contains(m.Servers, server) {
			m.Servers = append(m.Servers, server)
		}
	}
}

func (m *Missing) name(id string) {
	if len(m.UserIDs) < maxNamed && !slices.Contains(m.UserIDs, id) {
		m.UserIDs = append(m.UserIDs, id)
	}
}

// ListLocked returns locked accounts in the order of their IDs, beginning after the ID
// `after` (empty: from the first), limit at most. It depends on no count and no cursor, so
// that accounts may leave the set while it is walked. Their State may leave layers unread
// that a Lookup reads, and they have no User.
func (c *Connector) ListLocked(ctx context.Context, after string, limit int) (Page, error) {
	if after != "" {
		var err error
		if after, err = c.provider.ID.Canonical(after); err != nil {
			return Page{}, c.fail(OperationList, RejectedByProvider, "the ID to go on after "+err.Error()+" at "+c.provider.Title)
		}
	}
	if !c.Lists() {
		return Page{}, c.fail(OperationList, Unsupported, "this connection cannot list who is locked")
	}
	kept := smallest{after: after, limit: max(limit, 1)}
	var missing Missing
	var failures []error
	read := 0
	for _, server := range c.servers {
		counted, gaps, err := c.scan(ctx, server, &kept)
		read += counted
		missing.Rows += gaps.Rows
		for _, id := range gaps.UserIDs {
			missing.name(id)
		}
		if err != nil {
			failures = append(failures, err)
			missing.Servers = append(missing.Servers, MissingServer{Server: server.Name, Kind: cmp.Or(KindOf(err), MalformedResponse)})
		}
	}
	if len(failures) == len(c.servers) {
		return Page{}, failures[0]
	}
	page := kept.page(read)
	page.Missing = missing
	return page, nil
}

// scan reads one server's accounts as far as is needed.
func (c *Connector) scan(ctx context.Context, server Server, kept *smallest) (read int, missing Missing, err error) {
	scanner, _ := server.Driver.(Scanner)
	accounts, sorted := scanner.Scan(ctx, kept.after)
	var gap *Gap
	last, fits := "", 0
	for account, err := range accounts {
		if errors.As(err, &gap) {
			missing.Rows += max(gap.Rows, 1)
			if id, err := c.provider.ID.Canonical(gap.ID); err == nil {
				missing.name(id)
			}
			continue
		}
		if err != nil {
			return read, missing, err
		}
		read++
		if c.canonical(account, OperationList) != nil {
			missing.Rows++
			continue
		}
		if sorted && account.ID <= last {
			return read, missing, c.fail(OperationList, MalformedResponse, "the provider's list is not sorted by ID")
		}
		last = account.ID
		if account.ID <= kept.after || !account.State.Locked() {
			continue
		}
		kept.add(account, server.Name)
		if fits++; sorted && fits > kept.limit {
			break // What follows is greater still.
		}
	}
	// An answer of which nothing can be read is another than is documented.
	if read == 0 && missing.Rows > 0 {
		return read, missing, c.fail(OperationList, MalformedResponse, "no account of the list could be read")
	}
	return read, missing, nil
}

// smallest keeps the accounts of the smallest IDs beyond a key, at most limit of them.
type smallest struct {
	after string
	limit int
	// accounts are sorted by ID.
	accounts []*Account
	// more says that an account had to be left out.
	more bool
}

// add keeps the account if its ID is small enough. One that is met twice, as can happen
// while the set changes or on several servers, is kept once, with the locks of each server.
func (s *smallest) add(account *Account, server string) {
	index, found := slices.BinarySearchFunc(s.accounts, account.ID, func(kept *Account, id string) int {
		return strings.Compare(kept.ID, id)
	})
	switch {
	case found && server == "" || account.ID <= s.after:
	case found:
		if !slices.ContainsFunc(s.accounts[index].State.Locks, func(l Lock) bool { return l.Server == server }) {
			s.accounts[index] = unite(s.accounts[index], account, server)
		}
	case index == s.limit:
		s.more = true
	default:
		kept := *account
		kept.User = nil
		if server != "" {
			kept = *unite(nil, &kept, server)
		}
		s.accounts = slices.Insert(s.accounts, index, &kept)
		if len(s.accounts) > s.limit {
			s.accounts = slices.Delete(s.accounts, s.limit, len(s.accounts))
			s.more = true
		}
	}
}

func (s *smallest) page(read int) Page {
	page := Page{Accounts: append([]*Account{}, s.accounts...), Read: read}
	if s.more {
		page.Next = page.Accounts[len(page.Accounts)-1].ID
	}
	return page
}
