// Package pingone unlocks user accounts of a PingOne environment through the PingOne
// Platform API: https://developer.pingidentity.com/pingone-api/platform/users.html
package pingone

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

// Name is the word for PingOne in LATCHKEY_CONNECTIONS.
const Name = "pingone"

//go:embed fields.tsv
var table string

var fields = connectors.ParseFields(table)

var uuid = connectors.ID{
	Pattern:  regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`),
	FoldCase: true, Absent: "ffffffff-ffff-4fff-bfff-ffffffffffff", Description: "a UUID", Keys: []string{"id"},
}

// Provider describes PingOne to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "PingOne", Fields: fields, ID: uuid,
		NewConfig: func() connectors.Config { return NewConfig() },
	}
}

// driver speaks to one environment.
type driver struct{ httpcall.Caller }

var (
	_ connectors.Driver  = (*driver)(nil)
	_ connectors.Scanner = (*driver)(nil)
	_ connectors.Config  = (*Config)(nil)
)

// rules say how PingOne's failures are read. Its statuses mean what the common table says;
// codes may change, so the status alone decides:
// https://developer.pingidentity.com/pingone-api/foundations/errors.html
var rules = httpcall.Rules{
	RequestID: []string{"Correlation-Id"},
	Reset:     httpcall.CommonResets,
	Codes:     []string{"code"}, Message: "message",
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the access token was not accepted; check CLIENT_ID, CLIENT_SECRET and REGION",
		connectors.PermissionDenied: "the worker application lacks a right, or the environment does not exist; grant it Identity Data Admin, and check ENVIRONMENT_ID",
	},
}

// Get reads the user and its password, which lock apart from each other, and its groups, whose
// names and IDs take two calls, since PingOne answers one include a call. A password or groups
// that the credential may not read are unknown.
func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	read, answer, err := d.user(ctx, id, url.Values{"include": {"memberOfGroupNames"}})
	if err != nil {
		return nil, err
	}
	again, _, err := d.user(ctx, id, url.Values{"include": {"memberOfGroupIDs"}, "expand": {"population"}})
	switch {
	case err == nil:
		read.GroupIDs, read.Population.Name = again.GroupIDs, again.Population.Name
	case connectors.Retryable(err):
		return nil, err
	}
	password, err := d.password(ctx, connectors.OperationLookup, id)
	if connectors.Retryable(err) {
		return nil, err
	}
	password.unread = connectors.KindOf(err)
	account := read.account(password, answer.AsOf, d.Now())
	account.AsOf = cmp.Or(password.asOf, answer.AsOf)
	if account.User, err = read.whole(answer.Body); err != nil {
		return nil, d.Malformed(connectors.OperationLookup, err)
	}
	return account, nil
}

// user reads one user, with what else is asked for:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1/read-one-user.html
func (d *driver) user(ctx context.Context, id string, with url.Values) (*user, *httpcall.Answer, error) {
	var read user
	answer, err := d.Read(ctx, d.Request(connectors.OperationLookup, http.MethodGet, with, "users", id), &read)
	if err == nil && !strings.EqualFold(read.ID, id) {
		err = d.Malformed(connectors.OperationLookup, errors.New("the answer is about another account than was asked for"))
	}
	return &read, answer, err
}

// password reads the state of one user's password:
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords/read-password-state.html
func (d *driver) password(ctx context.Context, operation, id string) (password, error) {
	var read password
	answer, err := d.Read(ctx, d.Request(operation, http.MethodGet, nil, "users", id, "password"), &read)
	if err != nil {
		return password{}, err
	}
	read.asOf = answer.AsOf
	return read, nil
}

// The content types of the unlock calls, which say what to unlock.
const (
	unlockAccount  = "application/vnd.pingidentity.account.unlock+json"
	unlockPassword = "application/vnd.pingidentity.password.unlock+json"
)

// Unlock unlocks the account, and then its password where that is still locked out: whether
// the first does the second is not documented. What answers an unlock of the account without
// the user is not PingOne, and nobody knows what it did.
// https://developer.pingidentity.com/pingone-api/platform/users/user-accounts/account-unlock.html
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords/unlock-password.html
func (d *driver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	request := d.unlocking(account, unlockAccount)
	request.MaxAnswer = httpcall.MaxUser
	answer, err := d.Do(ctx, request)
	if err != nil {
		return connectors.Unlocked{}, err
	}
	var answered struct {
		ID httpcall.Loose[string] `json:"id"`
	}
	if httpcall.Decode(answer.Body, &answered) != nil || !strings.EqualFold(answered.ID.Value, account.ID) {
		failure := d.Malformed(connectors.OperationUnlock, errors.New("the answer to the unlock is not the user; check the address and any proxy"))
		failure.Sent = connectors.Unknown
		return connectors.Unlocked{}, failure
	}
	unlocked := connectors.Unlocked{At: answer.AsOf, RequestID: answer.RequestID}
	password, err := d.password(ctx, connectors.OperationUnlock, account.ID)
	unlocked.At = cmp.Or(password.asOf, unlocked.At)
	if err == nil && password.Status == passwordLockedOut {
		if answer, err = d.Do(ctx, d.unlocking(account, unlockPassword, "password")); err == nil {
			unlocked.At = cmp.Or(answer.AsOf, unlocked.At)
		}
	}
	var failure *connectors.Error
	if errors.As(err, &failure) {
		failure.Sent = connectors.Yes
	}
	return unlocked, err
}

// unlocking is an unlock call: without a body, with exactly one Content-Type.
func (d *driver) unlocking(account *connectors.Account, contentType string, path ...string) httpcall.Request {
	request := d.Unlocking(account, append([]string{"users", account.ID}, path...)...)
	request.Header.Set("Content-Type", contentType)
	return request
}

// findLimit is enough to see that a name is not unique.
const findLimit = "10"

// quoting escapes a string for a SCIM filter: RFC 7644, section 3.4.2.2.
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Find filters the users by a name: https://developer.pingidentity.com/pingone-api/platform/users/users-1/read-all-users.html
// What it lists does not tell the groups.
func (d *driver) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	query := url.Values{"filter": {string(field) + ` eq "` + quoting.Replace(value) + `"`}, "limit": {findLimit}}
	request := d.Request(connectors.OperationLookup, http.MethodGet, query, "users")
	request.Private = []string{value}
	var found page
	answer, err := d.ReadList(ctx, request, &found)
	if err != nil {
		return nil, false, err
	}
	var matches []connectors.Match
	for _, raw := range found.Embedded.Users {
		var read user
		if err := httpcall.Decode(raw, &read); err != nil {
			return nil, false, d.Malformed(connectors.OperationLookup, err)
		}
		account := read.account(password{}, answer.AsOf, d.Now())
		matches = append(matches, connectors.Match{Account: account, Name: account.Named(field)})
	}
	return matches, found.Links.Next != nil, nil
}

// listPage is PingOne's largest page.
const listPage = 200

// Scan reads all users: PingOne is not known to filter by account.status nor to sort by ID.
func (d *driver) Scan(ctx context.Context, _ string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		request := d.Request(connectors.OperationList, http.MethodGet, nil, "users")
		size, seen := httpcall.PageSize{Limit: listPage}, map[string]bool{}
		for {
			query := request.URL.Query()
			query.Set("limit", strconv.Itoa(size.Limit))
			request.URL.RawQuery = query.Encode()
			var listed page
			answer, err := d.ReadList(ctx, request, &listed)
			if size.Shrink(err) {
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, raw := range listed.Embedded.Users {
				if !yield(d.listed(raw, answer.AsOf)) {
					return
				}
			}
			next := listed.Links.Next
			if next == nil {
				return
			}
			if request.URL, err = httpcall.NextLink(request.URL, next.Href); err == nil && seen[next.Href] {
				err = errors.New("the links to the next page run in a circle")
			}
			if err != nil {
				yield(nil, d.Malformed(connectors.OperationList, err))
				return
			}
			seen[next.Href], size.Limit = true, min(2*size.Limit, listPage)
		}
	}, false
}

// listed is an account of a list, which seldom tells the password's state, or the gap in its place.
func (d *driver) listed(raw jsontext.Value, asOf time.Time) (*connectors.Account, error) {
	var read user
	if err := httpcall.Row(raw, "id", &read); err != nil {
		return nil, err
	}
	password := password{Status: read.Embedded.Password.Status.Value, endUnknown: true}
	if password.Status == "" {
		password.unread = connectors.Unsupported
	}
	return read.account(password, asOf, d.Now()), nil
}

// page is one page of users, in an envelope of HAL.
type page struct {
	Embedded struct {
		Users httpcall.Rows `json:"users"`
	} `json:"_embedded"`
	Links struct {
		Next *struct {
			Href string `json:"href"`
		} `json:"next"`
	} `json:"_links"`
	Count *int64 `json:"count"`
	Size  *int64 `json:"size"`
}

// Check implements httpcall.Checked. A page without a list must say itself that it is empty.
func (p *page) Check() error {
	if size := cmp.Or(p.Size, p.Count); p.Embedded.Users == nil && (size == nil || *size != 0) {
		return errors.New("the answer holds no list of users")
	}
	return nil
}
