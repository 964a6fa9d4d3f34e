// Package jumpcloud unlocks user accounts of a JumpCloud organization through its Directory
// API v1: https://docs.jumpcloud.com/api/1.0/index.html
package jumpcloud

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

// Name is the word for JumpCloud in LATCHKEY_CONNECTIONS.
const Name = "jumpcloud"

//go:embed fields.tsv
var table string

var fields = connectors.ParseFields(table)

var hex24 = connectors.ID{
	Pattern:  regexp.MustCompile(`^[0-9a-f]{24}$`),
	FoldCase: true, Absent: "ffffffffffffffffffffffff", Description: "24 hexadecimal digits", Keys: []string{"_id"},
}

// Provider describes JumpCloud to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "JumpCloud", Fields: fields, ID: hex24,
		NewConfig: func() connectors.Config { return NewConfig() },
	}
}

// driver speaks to one organization.
type driver struct {
	httpcall.Caller
	orgID string
	// attempts is the configured limit; nil takes the organization's.
	attempts *int64
	last     atomic.Pointer[lastPolicy]
}

// orgHeader names the organization, for administrators of several.
const orgHeader = "x-org-id"

var (
	_ connectors.Driver  = (*driver)(nil)
	_ connectors.Scanner = (*driver)(nil)
	_ connectors.Config  = (*Config)(nil)
)

// rules say how JumpCloud's failures are read. Its statuses mean what the common table says:
// https://docs.jumpcloud.com/api/1.0/index.html#tag/Systemusers
var rules = httpcall.Rules{
	RequestID: []string{"X-Request-Id", "X-Amzn-Requestid"},
	Reset:     httpcall.CommonResets,
	// {"code":404,"message":…} is the shape of its specification, {"error":"Unauthorized","message":…}
	// that of its live service.
	Codes: []string{"code", "error"}, Number: "code", Message: "message",
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the credential was not accepted; check it, REGION (a key of another region answers so too) and ORG_ID",
		connectors.PermissionDenied: "the credential lacks a right; unlocking needs an administrator, or the scope users",
	},
}

// Get reads one user: https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_get
func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	var read user
	answer, err := d.Read(ctx, d.Request(connectors.OperationLookup, http.MethodGet, nil, "systemusers", id), &read)
	if err != nil {
		return nil, err
	}
	return d.whole(ctx, answer.Body, &read, answer.AsOf)
}

// whole is a user with its whole object.
func (d *driver) whole(ctx context.Context, raw []byte, read *user, asOf time.Time) (*connectors.Account, error) {
	policy, err := d.policyOf(ctx, connectors.OperationLookup, read)
	if err != nil {
		return nil, err
	}
	account := read.account(policy, asOf)
	if account.User, err = connectors.Complete(raw, fields); err != nil {
		return nil, d.Malformed(connectors.OperationLookup, err)
	}
	return account, nil
}

// Unlock unlocks one user, whatever the body of its 2xx says unless it is a web page. It does
// not lift a suspension, and a password that has expired stays so:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_unlock
func (d *driver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	answer, err := d.Do(ctx, d.Unlocking(account, "systemusers", account.ID, "unlock"))
	if err != nil {
		return connectors.Unlocked{}, err
	}
	return connectors.Unlocked{At: answer.AsOf, RequestID: answer.RequestID}, nil
}

// findLimit is enough to see that a name is not unique.
const findLimit = 10

// Find looks for a name as it is, and then without regard to case. The list answers with the
// whole object, and the search leaves keys out:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_list
func (d *driver) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	query := url.Values{"filter": {string(field) + ":$eq:" + value}, "limit": {strconv.Itoa(findLimit)}}
	request := d.Request(connectors.OperationLookup, http.MethodGet, query, "systemusers")
	request.Private = []string{value}
	found, err := d.list(ctx, request)
	listed := err == nil && len(found.Results) > 0
	if err == nil && !listed {
		found, err = d.search(ctx, connectors.OperationLookup, map[string]any{
			"filter": map[string]any{string(field): map[string]string{"$regex": "(?i)(^" + regexp.QuoteMeta(value) + "$)"}},
			"limit":  findLimit,
		}, value)
	}
	if err != nil {
		return nil, false, err
	}
	var matches []connectors.Match
	for _, raw := range found.Results {
		var read user
		if err := httpcall.Decode(raw, &read); err != nil {
			return nil, false, d.Malformed(connectors.OperationLookup, err)
		}
		account := read.account(policy{}, found.asOf)
		match := connectors.Match{Account: account, Name: account.Named(field)}
		if listed && match.Name == value {
			if match.Account, err = d.whole(ctx, raw, &read, found.asOf); err != nil {
				return nil, false, err
			}
		}
		matches = append(matches, match)
	}
	return matches, *found.Total > len(found.Results), nil
}

// search: https://docs.jumpcloud.com/api/1.0/index.html#operation/search_systemusers_post
func (d *driver) search(ctx context.Context, operation string, query map[string]any, private ...string) (page, error) {
	body, err := json.Marshal(query)
	if err != nil {
		return page{}, d.Fail(operation, connectors.RejectedByProvider, "the search cannot be written as JSON")
	}
	request := d.Request(operation, http.MethodPost, nil, "search", "systemusers")
	request.Header.Set("Content-Type", "application/json")
	request.Body, request.Private = body, private
	return d.list(ctx, request)
}

// page is a page of users; Total counts what matches on all pages.
type page struct {
	Results httpcall.Rows `json:"results"`
	Total   *int          `json:"totalCount"`
	asOf    time.Time
}

// Check implements httpcall.Checked.
func (p *page) Check() error {
	if p.Results == nil || p.Total == nil || *p.Total < 0 {
		return errors.New("the answer holds no list of results with its totalCount")
	}
	return nil
}

func (d *driver) list(ctx context.Context, request httpcall.Request) (page, error) {
	var read page
	answer, err := d.ReadList(ctx, request, &read)
	if err != nil {
		return page{}, err
	}
	read.asOf = answer.AsOf
	return read, nil
}
