// Package pingone unlocks user accounts of a PingOne environment through the PingOne
// Platform API: https://developer.pingidentity.com/pingone-api/platform/users.html
package pingone

import (
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
	FoldCase: true, Absent: "ffffffff-ffff-4fff-bfff-ffffffffffff", Words: "a UUID",
}

// Provider describes PingOne to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "PingOne", Fields: fields, ID: uuid,
		NewConfig: func() connectors.Config { return NewConfig() },
	}
}

// driver speaks to one environment.
type driver struct {
	httpcall.Caller
	// base is the environment's address.
	base *url.URL
}

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
	Failure:   readFailure,
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the access token was not accepted; check CLIENT_ID, CLIENT_SECRET and REGION",
		connectors.PermissionDenied: "the worker application lacks a right, or the environment does not exist; grant it Identity Data Admin, and check ENVIRONMENT_ID",
	},
}

// readFailure reads {"id":…,"code":…,"message":…,"details":[…]}.
func readFailure(body []byte) (code string, own bool) {
	var failure struct {
		Code    httpcall.Loose[string] `json:"code"`
		Message httpcall.Loose[string] `json:"message"`
	}
	if httpcall.Decode(body, &failure) != nil {
		return "", false
	}
	return failure.Code.Value, failure.Code.Value != "" && failure.Message.Value != ""
}

func (d *driver) request(operation, method string, query url.Values, path ...string) httpcall.Request {
	return httpcall.Request{
		Operation: operation, Method: method, URL: httpcall.Address(d.base, query, path...),
		Header: http.Header{"Accept": {"*/*"}}, MaxAnswer: httpcall.MaxUser,
	}
}

// What a read of a user asks for beside the user. PingOne answers one include a call, so
// that the names of a user's groups and their IDs take two.
var (
	withGroupNames = url.Values{"include": {"memberOfGroupNames"}}
	withGroupIDs   = url.Values{"include": {"memberOfGroupIDs"}, "expand": {"population"}}
)

// Get reads the user and its password, which lock apart from each other, and its groups. A
// password or groups that the credential may not read are unknown.
func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	read, asOf, err := d.user(ctx, id, withGroupNames)
	if err != nil {
		return nil, err
	}
	again, _, err := d.user(ctx, id, withGroupIDs)
	switch {
	case err == nil:
		read.addGroupIDs(again)
	case connectors.Retryable(err):
		return nil, err
	}
	password, err := d.password(ctx, connectors.OperationLookup, id)
	if err != nil {
		if connectors.Retryable(err) {
			return nil, err
		}
		password.unread = connectors.KindOf(err)
	}
	account := read.account(password, asOf, d.Now())
	if account.User, err = read.whole(); err != nil {
		return nil, d.Malformed(connectors.OperationLookup, err)
	}
	if !password.asOf.IsZero() {
		account.AsOf = password.asOf
	}
	return account, nil
}

// user reads one user, with what else is asked for:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1/read-one-user.html
func (d *driver) user(ctx context.Context, id string, with url.Values) (*user, time.Time, error) {
	answer, err := d.Do(ctx, d.request(connectors.OperationLookup, http.MethodGet, with, "users", id))
	if err != nil {
		return nil, time.Time{}, err
	}
	read, err := readUser(answer.Body)
	if err == nil && !strings.EqualFold(read.ID, id) {
		err = errors.New("the answer is about another account than was asked for")
	}
	if err != nil {
		return nil, time.Time{}, d.Malformed(connectors.OperationLookup, err)
	}
	return read, answer.AsOf, nil
}

// password reads the state of one user's password:
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords/read-password-state.html
func (d *driver) password(ctx context.Context, operation, id string) (passwordState, error) {
	answer, err := d.Do(ctx, d.request(operation, http.MethodGet, nil, "users", id, "password"))
	if err != nil {
		return passwordState{}, err
	}
	state, err := readPassword(answer.Body)
	if err != nil {
		return passwordState{}, d.Malformed(operation, err)
	}
	state.asOf = answer.AsOf
	return state, nil
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
	answer, err := d.Do(ctx, d.unlocking(account, unlockAccount, httpcall.MaxUser))
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
	at, err := d.unlockPassword(ctx, account, answer.AsOf)
	var failure *connectors.Error
	if errors.As(err, &failure) {
		failure.Sent = connectors.Yes
	}
	return connectors.Unlocked{At: at, RequestID: answer.RequestID}, err
}

func (d *driver) unlockPassword(ctx context.Context, account *connectors.Account, at time.Time) (time.Time, error) {
	password, err := d.password(ctx, connectors.OperationUnlock, account.ID)
	if err != nil {
		return at, err
	}
	at = later(at, password.asOf)
	if password.status != passwordLockedOut {
		return at, nil
	}
	answer, err := d.Do(ctx, d.unlocking(account, unlockPassword, 0, "password"))
	if err != nil {
		return at, err
	}
	return later(at, answer.AsOf), nil
}

func later(one, other time.Time) time.Time {
	if other.After(one) {
		return other
	}
	return one
}

// unlocking is an unlock call: without a body, with exactly one Content-Type.
func (d *driver) unlocking(account *connectors.Account, contentType string, maxAnswer int64, path ...string) httpcall.Request {
	request := d.request(connectors.OperationUnlock, http.MethodPost, nil, append([]string{"users", account.ID}, path...)...)
	request.Header.Set("Content-Type", contentType)
	request.MaxAnswer = maxAnswer
	request.Effect = true
	request.Private = []string{account.Username, account.Email}
	return request
}

// findLimit is enough to see that a name is not unique.
const findLimit = 10

// quoting escapes a string for a SCIM filter: RFC 7644, section 3.4.2.2.
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Find filters the users by a name: https://developer.pingidentity.com/pingone-api/platform/users/users-1/read-all-users.html
// What it lists does not tell the groups.
func (d *driver) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	query := url.Values{"filter": {string(field) + ` eq "` + quoting.Replace(value) + `"`}, "limit": {strconv.Itoa(findLimit)}}
	request := d.request(connectors.OperationLookup, http.MethodGet, query, "users")
	request.Private = []string{value}
	found, err := d.page(ctx, request)
	if err != nil {
		return nil, false, err
	}
	var matches []connectors.Match
	for _, raw := range found.rows {
		read, err := readUser(raw)
		if err != nil {
			return nil, false, d.Malformed(connectors.OperationLookup, err)
		}
		account := read.account(passwordState{}, found.asOf, d.Now())
		matches = append(matches, connectors.Match{Account: account, Name: account.Named(field)})
	}
	return matches, found.next != nil, nil
}

const (
	// listPage is PingOne's largest page.
	listPage = 200
	// listShrink is how many times smaller a page is asked for that was too long.
	listShrink = 15
)

// Scan reads all users: PingOne is not known to filter by account.status nor to sort by ID.
// A list seldom tells the password's state, which is then Unread as Unsupported. A page that
// is too long is asked for again in smaller ones.
func (d *driver) Scan(ctx context.Context, _ string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		seen := map[string]bool{}
		request := d.request(connectors.OperationList, http.MethodGet, nil, "users")
		for limit := listPage; ; {
			request.URL = withLimit(request.URL, limit)
			listed, err := d.page(ctx, request)
			if errors.Is(err, httpcall.ErrTooLong) && limit > 1 {
				limit = max(limit/listShrink, 1)
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, raw := range listed.rows {
				if !yield(d.listed(raw, listed.asOf)) {
					return
				}
			}
			if listed.next == nil {
				return
			}
			if seen[listed.next.String()] {
				yield(nil, d.Malformed(connectors.OperationList, errors.New("the links to the next page run in a circle")))
				return
			}
			seen[listed.next.String()] = true
			request.URL, limit = listed.next, min(2*limit, listPage)
		}
	}, false
}

func withLimit(address *url.URL, limit int) *url.URL {
	query := address.Query()
	query.Set("limit", strconv.Itoa(limit))
	limited := *address
	limited.RawQuery = query.Encode()
	return &limited
}

// listed is an account of a list, or the gap in its place.
func (d *driver) listed(raw []byte, asOf time.Time) (*connectors.Account, error) {
	read, err := readUser(raw)
	if err != nil || len(raw) > httpcall.MaxUser {
		return nil, &connectors.Gap{ID: idOf(raw)}
	}
	password := read.embedded()
	if password.status == "" {
		password.unread = connectors.Unsupported
	}
	return read.account(password, asOf, d.Now()), nil
}

// page is one page of users, in an envelope of HAL.
type page struct {
	rows httpcall.Rows
	// next is the address of the next page; nil on the last.
	next *url.URL
	asOf time.Time
}

func (d *driver) page(ctx context.Context, request httpcall.Request) (page, error) {
	request.MaxAnswer = httpcall.MaxPage
	request.Kinds = httpcall.NamesNoAccount
	answer, err := d.Do(ctx, request)
	if err != nil {
		return page{}, err
	}
	var envelope struct {
		Embedded struct {
			Users httpcall.Rows `json:"users"`
		} `json:"_embedded"`
		Links struct {
			Next *struct {
				Href *string `json:"href"`
			} `json:"next"`
		} `json:"_links"`
		Count *int64 `json:"count"`
		Size  *int64 `json:"size"`
	}
	err = httpcall.Decode(answer.Body, &envelope)
	if err == nil && envelope.Embedded.Users == nil && !empty(envelope.Size, envelope.Count) {
		err = errors.New("the answer holds no list of users")
	}
	if err != nil {
		return page{}, d.Malformed(request.Operation, err)
	}
	read := page{rows: envelope.Embedded.Users, asOf: answer.AsOf}
	if next := envelope.Links.Next; next != nil {
		if next.Href == nil {
			return page{}, d.Malformed(request.Operation, errors.New("the link to the next page has no usable address"))
		}
		if read.next, err = httpcall.NextLink(d.base.JoinPath("users"), *next.Href); err != nil {
			return page{}, d.Malformed(request.Operation, err)
		}
	}
	return read, nil
}

// empty reports whether a page without a list says itself that it is empty.
func empty(size, count *int64) bool {
	if size != nil {
		return *size == 0
	}
	return count != nil && *count == 0
}

// Close gives up the connections that are kept open.
func (d *driver) Close() error {
	d.CloseIdle()
	return nil
}
