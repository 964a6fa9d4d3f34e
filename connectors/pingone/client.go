package pingone

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// The words for what was being done.
const (
	opLookup = "look up"
	opUnlock = "unlock"
	opList   = "list locked"
)

// The content types of the unlock calls, which say what to unlock.
const (
	unlockAccount  = "application/vnd.pingidentity.account.unlock+json"
	unlockPassword = "application/vnd.pingidentity.password.unlock+json"
)

// client makes the calls of the PingOne Platform API.
type client struct {
	httpcall.Caller
	// base is the environment's address.
	base *url.URL
}

func newClient(config *Config, parsed settings, options connectors.Options) *client {
	caller := httpcall.Caller{
		Provider: Name, Transport: httpcall.TransportOf(options), Rules: rules, Now: options.Clock(),
	}
	caller.Authorize = httpcall.NewTokens(caller, httpcall.ClientCredentials{
		TokenURL: parsed.tokenURL, ClientID: config.ClientID, Secret: parsed.secret, InBody: parsed.inBody,
	}).Authorize
	return &client{Caller: caller, base: parsed.base}
}

func (c *client) request(operation, method string, query url.Values, path ...string) httpcall.Request {
	return httpcall.Request{
		Operation: operation, Method: method, URL: httpcall.Address(c.base, query, path...),
		Header: http.Header{"Accept": {"*/*"}},
	}
}

// user reads one user, with what else is asked for:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1/read-one-user.html
func (c *client) user(ctx context.Context, id string, with url.Values) (*httpcall.Answer, error) {
	request := c.request(opLookup, http.MethodGet, with, "users", id)
	request.MaxAnswer = httpcall.MaxUser
	return c.Do(ctx, request)
}

// password reads the state of one user's password:
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords/read-password-state.html
func (c *client) password(ctx context.Context, operation, id string) (passwordState, error) {
	request := c.request(operation, http.MethodGet, nil, "users", id, "password")
	request.MaxAnswer = httpcall.MaxUser
	answer, err := c.Do(ctx, request)
	if err != nil {
		return passwordState{}, err
	}
	object, err := httpcall.ReadObject(answer.Body)
	if err != nil {
		return passwordState{}, c.Fail(operation, connectors.MalformedResponse, err.Error())
	}
	status, sent, err := httpcall.Get[string](object, "status")
	if err != nil || !sent {
		return passwordState{}, c.Fail(operation, connectors.MalformedResponse, "the password's status is missing or no string")
	}
	end := readEnd(object)
	return passwordState{status: status, end: &end, asOf: answer.AsOf}, nil
}

// unlock unlocks the account, and is answered with the user: what answers otherwise is not
// PingOne, and nobody knows what it did.
// https://developer.pingidentity.com/pingone-api/platform/users/user-accounts/account-unlock.html
func (c *client) unlock(ctx context.Context, account *connectors.Account) (*httpcall.Answer, error) {
	request := c.unlocking(account, unlockAccount)
	request.MaxAnswer = httpcall.MaxUser
	answer, err := c.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	object, err := httpcall.ReadObject(answer.Body)
	if err != nil || !strings.EqualFold(httpcall.Text(object, "id"), account.ID) {
		failure := c.Fail(opUnlock, connectors.MalformedResponse, "the answer to the unlock is not the user; check the address and any proxy")
		failure.Sent = connectors.Unknown
		return nil, failure
	}
	return answer, nil
}

// unlockPassword unlocks the password, whatever the body of its 2xx says:
// https://developer.pingidentity.com/pingone-api/platform/users/user-passwords/unlock-password.html
func (c *client) unlockPassword(ctx context.Context, account *connectors.Account) (*httpcall.Answer, error) {
	return c.Do(ctx, c.unlocking(account, unlockPassword, "password"))
}

// unlocking is an unlock call: without a body and with exactly one Content-Type, which says
// what is unlocked.
func (c *client) unlocking(account *connectors.Account, contentType string, path ...string) httpcall.Request {
	request := c.request(opUnlock, http.MethodPost, nil, append([]string{"users", account.ID}, path...)...)
	request.Header.Set("Content-Type", contentType)
	request.Effect = true
	request.Private = []string{account.Username, account.Email}
	return request
}

// findLimit is enough to see that a name is not unique.
const findLimit = 10

// quoting escapes a string for a SCIM filter: RFC 7644, section 3.4.2.2.
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// find returns the users of which field is value:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1/read-all-users.html
func (c *client) find(ctx context.Context, field, value string) (page, error) {
	query := url.Values{"filter": {field + ` eq "` + quoting.Replace(value) + `"`}, "limit": {strconv.Itoa(findLimit)}}
	request := c.request(opLookup, http.MethodGet, query, "users")
	request.Private = []string{value}
	return c.page(ctx, request)
}

// listPage is PingOne's largest page.
const listPage = 200

// users returns a page of all users: the first, or the one that next names.
func (c *client) users(ctx context.Context, next *url.URL) (page, error) {
	request := c.request(opList, http.MethodGet, url.Values{"limit": {strconv.Itoa(listPage)}}, "users")
	if next != nil {
		request.URL = next
	}
	return c.page(ctx, request)
}

// page is one page of users.
type page struct {
	users []json.RawMessage
	// next is the address of the next page; nil on the last.
	next   *url.URL
	answer *httpcall.Answer
}

func (c *client) page(ctx context.Context, request httpcall.Request) (page, error) {
	request.MaxAnswer = httpcall.MaxPage
	request.Kinds = httpcall.NamesNoAccount
	answer, err := c.Do(ctx, request)
	if err != nil {
		return page{}, err
	}
	malformed := func(message string) (page, error) {
		return page{}, c.Fail(request.Operation, connectors.MalformedResponse, message)
	}
	object, err := httpcall.ReadObject(answer.Body)
	if err != nil {
		return malformed(err.Error())
	}
	embedded, _, err := httpcall.Get[httpcall.Object](object, "_embedded")
	if err != nil {
		return malformed(err.Error())
	}
	users, sent, err := httpcall.List(embedded, "users")
	if err != nil || !sent && !isEmpty(object) {
		return malformed("the answer holds no list of users, or one too long")
	}
	next, err := c.next(object)
	if err != nil {
		return malformed(err.Error())
	}
	return page{users: users, next: next, answer: answer}, nil
}

// isEmpty reports whether a page without a list says itself that it is empty.
func isEmpty(object httpcall.Object) bool {
	for _, key := range []string{"size", "count"} {
		if count, told, err := httpcall.Get[int64](object, key); err == nil && told {
			return count == 0
		}
	}
	return false
}
