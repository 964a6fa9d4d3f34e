// Package jumpcloud unlocks user accounts of a JumpCloud organization through its Directory
// API v1: https://docs.jumpcloud.com/api/1.0/index.html
package jumpcloud

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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
	FoldCase: true, Absent: "ffffffffffffffffffffffff", Words: "24 hexadecimal digits",
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
	base     *url.URL
	orgID    string
	policies policies
}

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
	Failure:   readFailure,
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the credential was not accepted; check it, REGION (a key of another region answers so too) and ORG_ID",
		connectors.PermissionDenied: "the credential lacks a right; unlocking needs an administrator, or the scope users",
	},
}

// readFailure reads both shapes of JumpCloud's errors: {"code":404,"message":…} of its
// specification and {"error":"Unauthorized","message":…} of its live service.
func readFailure(body []byte) (code string, own bool) {
	var failure struct {
		Code    jsontext.Value         `json:"code"`
		Error   httpcall.Loose[string] `json:"error"`
		Message httpcall.Loose[string] `json:"message"`
	}
	if httpcall.Decode(body, &failure) != nil {
		return "", false
	}
	if code = failure.Error.Value; len(failure.Code) > 0 && failure.Code.Kind() != 'n' {
		code = string(failure.Code)
		_ = json.Unmarshal(failure.Code, &code) // A number stays as it is.
	}
	return code, code != "" && failure.Message.Value != ""
}

func (d *driver) request(operation, method string, query url.Values, path ...string) httpcall.Request {
	header := http.Header{"Accept": {"application/json"}}
	if d.orgID != "" {
		header.Set("x-org-id", d.orgID)
	}
	return httpcall.Request{
		Operation: operation, Method: method, URL: httpcall.Address(d.base, query, path...), Header: header, MaxAnswer: httpcall.MaxUser,
	}
}

// Get reads one user: https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_get
func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	answer, err := d.Do(ctx, d.request(connectors.OperationLookup, http.MethodGet, nil, "systemusers", id))
	if err != nil {
		return nil, err
	}
	read, err := readUser(answer.Body)
	if err != nil {
		return nil, d.Malformed(connectors.OperationLookup, err)
	}
	return d.whole(ctx, read, answer.AsOf)
}

// whole is a user with its whole object.
func (d *driver) whole(ctx context.Context, read *user, asOf time.Time) (*connectors.Account, error) {
	account, err := d.account(ctx, connectors.OperationLookup, read, asOf)
	if err != nil {
		return nil, err
	}
	if account.User, err = connectors.Complete(json.RawMessage(read.raw), fields); err != nil {
		return nil, d.Malformed(connectors.OperationLookup, err)
	}
	return account, nil
}

// account maps a user by the policy of its organization, which is read where it is locked.
func (d *driver) account(ctx context.Context, operation string, read *user, asOf time.Time) (*connectors.Account, error) {
	policy, err := d.policyOf(ctx, operation, read)
	if err != nil {
		return nil, err
	}
	return read.account(policy, asOf), nil
}

// Unlock unlocks one user, whatever the body of its 2xx says unless it is a web page. It does
// not lift a suspension, and a password that has expired stays so:
// https://docs.jumpcloud.com/api/1.0/index.html#operation/systemusers_unlock
func (d *driver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	request := d.request(connectors.OperationUnlock, http.MethodPost, nil, "systemusers", account.ID, "unlock")
	request.MaxAnswer = 0
	request.Effect = true
	request.Private = []string{account.Username, account.Email}
	answer, err := d.Do(ctx, request)
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
	request := d.request(connectors.OperationLookup, http.MethodGet, query, "systemusers")
	request.Private = []string{value}
	found, err := d.list(ctx, request)
	if err != nil {
		return nil, false, err
	}
	if len(found.rows) > 0 {
		return d.matches(ctx, field, value, found)
	}
	found, err = d.search(ctx, connectors.OperationLookup, map[string]any{
		"filter": map[string]any{string(field): map[string]string{"$regex": "(?i)(^" + regexp.QuoteMeta(value) + "$)"}},
		"limit":  findLimit,
	}, value)
	if err != nil {
		return nil, false, err
	}
	return d.matches(ctx, field, "", found)
}

// matches reads what was found. The one user whose name is exactly so was listed whole.
func (d *driver) matches(ctx context.Context, field connectors.NameField, exactly string, found page) ([]connectors.Match, bool, error) {
	var matches []connectors.Match
	for _, raw := range found.rows {
		read, err := readUser(raw)
		if err != nil {
			return nil, false, d.Malformed(connectors.OperationLookup, err)
		}
		account := read.account(policy{}, found.asOf)
		match := connectors.Match{Account: account, Name: account.Named(field)}
		if len(found.rows) == 1 && match.Name == exactly {
			if match.Account, err = d.whole(ctx, read, found.asOf); err != nil {
				return nil, false, err
			}
		}
		matches = append(matches, match)
	}
	return matches, found.total > int64(len(found.rows)), nil
}

// search: https://docs.jumpcloud.com/api/1.0/index.html#operation/search_systemusers_post
func (d *driver) search(ctx context.Context, operation string, query map[string]any, private ...string) (page, error) {
	body, err := json.Marshal(query)
	if err != nil {
		return page{}, d.Fail(operation, connectors.RejectedByProvider, "the search cannot be written as JSON")
	}
	request := d.request(operation, http.MethodPost, nil, "search", "systemusers")
	request.Header.Set("Content-Type", "application/json")
	request.Body, request.Private = body, private
	return d.list(ctx, request)
}

// page is the answer to a search.
type page struct {
	rows httpcall.Rows
	// total counts what matches on all pages.
	total int64
	asOf  time.Time
}

func (d *driver) list(ctx context.Context, request httpcall.Request) (page, error) {
	request.MaxAnswer = httpcall.MaxPage
	request.Kinds = httpcall.NamesNoAccount
	answer, err := d.Do(ctx, request)
	if err != nil {
		return page{}, err
	}
	var envelope struct {
		Results    httpcall.Rows `json:"results"`
		TotalCount *int64        `json:"totalCount"`
	}
	err = httpcall.Decode(answer.Body, &envelope)
	if err == nil && (envelope.Results == nil || envelope.TotalCount == nil || *envelope.TotalCount < 0) {
		err = errors.New("the answer holds no list of results with its totalCount")
	}
	if err != nil {
		return page{}, d.Malformed(request.Operation, err)
	}
	return page{rows: envelope.Results, total: *envelope.TotalCount, asOf: answer.AsOf}, nil
}

// Scan walks over the locked users in the order of their IDs; see walk.
func (d *driver) Scan(ctx context.Context, after string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		walk := walk{limit: listPage, after: after}
		for !walk.done {
			found, err := d.locked(ctx, walk)
			if errors.Is(err, httpcall.ErrTooLong) && walk.limit > 1 {
				walk.limit = max(walk.limit/listShrink, 1)
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			rows, err := readRows(found.rows)
			hole := 0
			if err == nil {
				rows, hole, err = walk.take(rows, found.total)
			}
			if err != nil {
				yield(nil, d.Fail(connectors.OperationList, kindOf(err), err.Error()))
				return
			}
			if hole > 0 && !yield(nil, &connectors.Gap{Rows: hole}) {
				return
			}
			for _, row := range rows {
				if row.user == nil {
					err = &connectors.Gap{ID: row.id}
				}
				var account *connectors.Account
				if row.user != nil {
					account, err = d.account(ctx, connectors.OperationList, row.user, found.asOf)
				}
				if !yield(account, err) {
					return
				}
			}
		}
	}, true
}

// locked returns a page of the locked users.
func (d *driver) locked(ctx context.Context, walk walk) (page, error) {
	return d.search(ctx, connectors.OperationList, map[string]any{
		"filter": []any{map[string]bool{"account_locked": true}},
		"limit":  walk.limit, "skip": walk.skip, "sort": "_id",
	})
}

// Close gives up the connections that are kept open.
func (d *driver) Close() error {
	d.CloseIdle()
	return nil
}
