package ldapcall

import (
	"context"
	"iter"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Search is a search for a few entries.
type Search struct {
	// Base is empty for that of the connection, below which everything is searched; Entry
	// searches the base alone.
	Base  string
	Entry bool
	// Filter must hold every foreign value escaped by Escape.
	Filter     string
	Attributes []string
	// Limit bounds the entries.
	Limit    int
	Controls []ldap.Control
	// root searches what the server says of itself.
	root bool
}

// Escape makes a value safe within a filter.
func Escape(value string) string { return ldap.EscapeFilter(value) }

// baseMissing: a search answers 32 when its base is missing or hidden. An account that is not
// there is an empty answer.
var baseMissing = map[uint16]Result{
	ldap.LDAPResultNoSuchObject: {connectors.RejectedByProvider, "the base is not there, or the bind account may not see it; check BASE_DN"},
}

func (s Search) request(base string) *ldap.SearchRequest {
	scope := ldap.ScopeWholeSubtree
	if s.Entry {
		scope = ldap.ScopeBaseObject
	}
	if s.Base != "" || s.root {
		base = s.Base
	}
	seconds := int(Timeout.Seconds())
	return &ldap.SearchRequest{
		BaseDN: base, Scope: scope, DerefAliases: ldap.NeverDerefAliases, SizeLimit: s.Limit, EnforceSizeLimit: true,
		TimeLimit: seconds, Filter: s.Filter, Attributes: s.Attributes, Controls: s.Controls,
	}
}

// Search returns what is found; more says that Limit, or the server's own, left entries out.
func (c *Client) Search(ctx context.Context, operation string, search Search) (entries []*ldap.Entry, more bool, err error) {
	call := Call{Operation: operation}
	if search.Base == "" {
		call.Results = baseMissing
	}
	var found *ldap.SearchResult
	failure := c.do(ctx, call, func(conn *ldap.Conn) (err error) {
		found, err = conn.Search(search.request(c.Base))
		return err
	})
	switch {
	case failure == nil:
		return found.Entries, false, nil
	case failure.Status == ldap.LDAPResultSizeLimitExceeded:
		return found.Entries, true, nil
	default:
		return nil, false, failure
	}
}

// One returns the only entry that a search finds, or nil where it finds none.
func (c *Client) One(ctx context.Context, operation string, search Search) (*ldap.Entry, error) {
	search.Limit = 2
	entries, _, err := c.Search(ctx, operation, search)
	switch {
	case err != nil || len(entries) == 0:
		return nil, err
	case len(entries) > 1:
		return nil, c.Fail(operation, connectors.MalformedResponse, c.Name+": several entries have the same identifier")
	default:
		return entries[0], nil
	}
}

// Root returns what the server says of itself (RFC 4512, section 5.1).
func (c *Client) Root(ctx context.Context, operation string, attributes ...string) (*ldap.Entry, error) {
	entry, err := c.One(ctx, operation, Search{Entry: true, Filter: "(objectClass=*)", Attributes: attributes, root: true})
	if err == nil && entry == nil {
		err = c.Fail(operation, connectors.MalformedResponse, c.Name+": the server says nothing of itself; check URLS")
	}
	return entry, err
}

// Pages yields what is found by the page (RFC 2696). The pages of a search belong to one
// connection, which is the walk's own: whoever takes a page may ask further questions. Each page
// has the deadline of a call.
func (c *Client) Pages(ctx context.Context, operation string, search Search, size int) iter.Seq2[[]*ldap.Entry, error] {
	return func(yield func([]*ldap.Entry, error) bool) {
		var own *session
		defer func() {
			if own != nil {
				own.end()
			}
		}()
		get := func(ctx context.Context) (_ *session, failure *connectors.Error) {
			if own == nil {
				own, failure = c.open(ctx, operation)
			}
			return own, failure
		}
		paging := ldap.NewControlPaging(uint32(size)) //nolint:gosec // it is our own number
		search.Controls = append(search.Controls[:len(search.Controls):len(search.Controls)], paging)
		for {
			var found *ldap.SearchResult
			failure := c.on(ctx, Call{Operation: operation, Results: baseMissing}, get, func(conn *ldap.Conn) (err error) {
				found, err = conn.Search(search.request(c.Base))
				return err
			})
			if failure != nil {
				yield(nil, failure)
				return
			}
			answer, _ := ldap.FindControl(found.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
			last := answer == nil || len(answer.Cookie) == 0
			if !yield(found.Entries, nil) || last {
				return
			}
			paging.SetCookie(answer.Cookie)
		}
	}
}
