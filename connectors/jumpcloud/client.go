package jumpcloud

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// The words for what was being done.
const (
	opLookup = "look up"
	opUnlock = "unlock"
	opList   = "list locked"
)

// client makes the calls of JumpCloud's Directory API v1.
type client struct {
	httpcall.Caller
	base  *url.URL
	orgID string
}

func newClient(config *Config, parsed settings, options connectors.Options) *client {
	caller := httpcall.Caller{
		Provider: Name, Transport: httpcall.TransportOf(options), Rules: rules, Now: options.Clock(),
	}
	if parsed.apiKey.Given() {
		// https://docs.jumpcloud.com/api/1.0/index.html#section/Authentication
		caller.Key = &httpcall.Key{Source: parsed.apiKey, Set: func(header http.Header, key string) { header.Set("x-api-key", key) }}
	} else {
		caller.Authorize = httpcall.NewTokens(caller, httpcall.ClientCredentials{
			TokenURL: parsed.tokenURL, ClientID: config.ClientID, Secret: parsed.secret, Scope: "api",
		}).Authorize
	}
	return &client{Caller: caller, base: parsed.base, orgID: config.OrgID}
}

func (c *client) request(operation, method string, query url.Values, path ...string) httpcall.Request {
	address := httpcall.Address(c.base, query, path...)
	header := http.Header{"Accept": {"application/json"}}
	if c.orgID != "" {
		header.Set("x-org-id", c.orgID)
	}
	return httpcall.Request{Operation: operation, Method: method, URL: address, Header: header}
}

// user reads one user: https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_get
func (c *client) user(ctx context.Context, id string) (*httpcall.Answer, error) {
	request := c.request(opLookup, http.MethodGet, nil, "systemusers", id)
	request.MaxAnswer = httpcall.MaxUser
	return c.Do(ctx, request)
}

// unlock unlocks one user, whatever the body of its 2xx says unless it is a web page:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_unlock
func (c *client) unlock(ctx context.Context, account *connectors.Account) (*httpcall.Answer, error) {
	request := c.request(opUnlock, http.MethodPost, nil, "systemusers", account.ID, "unlock")
	request.Effect = true
	request.Private = []string{account.Username, account.Email}
	return c.Do(ctx, request)
}

// findLimit is enough to see that a name is not unique.
const findLimit = 10

// find returns the users of which field is exactly value:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_list
func (c *client) find(ctx context.Context, field, value string) (found, error) {
	query := url.Values{"filter": {field + ":$eq:" + value}, "limit": {strconv.Itoa(findLimit)}}
	request := c.request(opLookup, http.MethodGet, query, "systemusers")
	request.Private = []string{value}
	return c.list(ctx, request)
}

// findAnyCase returns the users of which field is value, in upper or lower case.
func (c *client) findAnyCase(ctx context.Context, field, value string) (found, error) {
	return c.search(ctx, opLookup, map[string]any{
		"filter": map[string]any{field: map[string]string{"$regex": "(?i)(^" + regexp.QuoteMeta(value) + "$)"}},
		"limit":  findLimit,
	}, value)
}

// listPage is JumpCloud's largest page.
const listPage = 100

// locked returns a page of the locked users in the order of their IDs.
func (c *client) locked(ctx context.Context, skip int) (found, error) {
	return c.search(ctx, opList, map[string]any{
		"filter": []any{map[string]bool{"account_locked": true}},
		"limit":  listPage, "skip": skip, "sort": "_id",
	})
}

// search: https://docs.jumpcloud.com/api/1.0/index.html#operation/search_systemusers_post
func (c *client) search(ctx context.Context, operation string, query map[string]any, private ...string) (found, error) {
	body, err := json.Marshal(query)
	if err != nil {
		return found{}, c.Fail(operation, connectors.RejectedByProvider, "the search cannot be written as JSON")
	}
	request := c.request(operation, http.MethodPost, nil, "search", "systemusers")
	request.Header.Set("Content-Type", "application/json")
	request.Body = body
	request.Private = private
	return c.list(ctx, request)
}

// found is the answer to a search.
type found struct {
	users  []json.RawMessage
	answer *httpcall.Answer
}

func (c *client) list(ctx context.Context, request httpcall.Request) (found, error) {
	request.MaxAnswer = httpcall.MaxPage
	request.Kinds = httpcall.NamesNoAccount
	answer, err := c.Do(ctx, request)
	if err != nil {
		return found{}, err
	}
	object, err := httpcall.ReadObject(answer.Body)
	if err != nil {
		return found{}, c.Fail(request.Operation, connectors.MalformedResponse, err.Error())
	}
	users, sent, err := httpcall.List(object, "results")
	if err != nil || !sent {
		return found{}, c.Fail(request.Operation, connectors.MalformedResponse, "the answer holds no list of results, or one too long")
	}
	return found{users: users, answer: answer}, nil
}

// policy reads how an organization locks accounts. No call about organizations takes the
// header x-org-id: https://docs.jumpcloud.com/api/1.0/index.html#operation/organization_get
func (c *client) policy(ctx context.Context, operation, organization string) (policy, error) {
	request := c.request(operation, http.MethodGet, nil, "organizations", organization)
	request.Header.Del("x-org-id")
	request.MaxAnswer = httpcall.MaxUser
	answer, err := c.Do(ctx, request)
	if err != nil {
		return policy{}, err
	}
	object, err := httpcall.ReadObject(answer.Body)
	if err != nil {
		return policy{}, c.Fail(operation, connectors.MalformedResponse, err.Error())
	}
	return readPolicy(object), nil
}
