package conformance_test

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"regexp"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// slips are the mistakes that a driver over HTTP makes; none by default.
type slips struct {
	// inAnyCase reads keys in upper and lower case.
	inAnyCase bool
	// anyStatus takes a word that is not documented for ACTIVE, noList what is no list for an empty one.
	anyStatus, noList bool
	// searchNamesAccount takes a 404 of the search for "nobody".
	searchNamesAccount bool
	// untold leaves out that a call unlocks, and nameless what an error must not repeat.
	untold, nameless bool
	// noReset and noShape leave out what the vendor says of limits and of failures.
	noReset, noShape bool
	// asItIs puts an ID into the path as it is.
	asItIs bool
	// again sends a call that failed once more, and once keeps the secret that it read first.
	again, once bool
	// requests is what is declared of them; zero is the truth.
	requests int
}

// webID is the shape of its IDs, which nearly any text has; their case matters.
var webID = connectors.ID{Pattern: regexp.MustCompile(`^[a-z0-9-]+\|[^|]+$`), Absent: "web|Nobody", Description: "a strategy, | and an identifier"}

// webProvider is one over HTTP whose unlock call would also end a suspension, which has one word
// for both, takes its secret in a header of its own, and tells when a limit ends by its X-Rate-Limit-Reset.
func webProvider() connectors.Provider {
	return connectors.Provider{Name: "web", Title: "Web", Fields: userFields, ID: webID}
}

// webConfig is its Config.
type webConfig struct {
	slips
	base   string
	secret connectors.Secret
	file   string
}

func (c *webConfig) source() *secret.Source { return secret.NewSource("SECRET", c.secret, c.file) }

func (c *webConfig) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, Requests: max(c.requests, 1)}
}

func (c *webConfig) Open(options connectors.Options) ([]connectors.Server, error) {
	base, err := settings.ParseBase("BASE_URL", c.base)
	if err != nil {
		return nil, err
	}
	rules := httpcall.Rules{RequestID: []string{"X-Request-Id"}, Reset: []string{"X-Rate-Limit-Reset"}, Codes: []string{"errorCode"}}
	if c.noReset {
		rules.Reset = nil
	}
	if c.noShape {
		rules.Codes = nil
	}
	caller := httpcall.New("web", options, rules)
	source := c.source()
	if c.once {
		kept, err := source.Read()
		if err != nil {
			return nil, err
		}
		source = secret.NewSource("SECRET", connectors.Secret(kept), "")
	}
	caller.Authorize = caller.ByKey(source, func(header http.Header, secret string) { header.Set("X-Web-Secret", secret) })
	return []connectors.Server{{Driver: &webDriver{Caller: caller, base: base, slips: c.slips}}}, nil
}

type webDriver struct {
	httpcall.Caller
	base *url.URL
	slips
}

var _ connectors.Scanner = (*webDriver)(nil)

// webUser is what is read of a user.
type webUser struct {
	ID       string                 `json:"id"`
	Username string                 `json:"username"`
	Email    string                 `json:"email"`
	Status   string                 `json:"status"`
	LockedAt httpcall.Loose[string] `json:"lockedAt"`
}

func (d *webDriver) read(raw []byte) (*webUser, error) {
	var read webUser
	decode := httpcall.Decode
	if d.inAnyCase {
		decode = stdjson.Unmarshal
	}
	if decode(raw, &read) != nil {
		return nil, errors.New("a user cannot be read")
	}
	if _, err := webID.Canonical(read.ID); err != nil {
		return nil, errors.New("a user has no ID")
	}
	switch read.Status {
	case "ACTIVE", "LOCKED", "SUSPENDED":
		return &read, nil
	default:
		if d.anyStatus {
			return &read, nil
		}
		return nil, errors.New("a user's status is not documented")
	}
}

func (d *webDriver) account(read *webUser, answer *httpcall.Answer) *connectors.Account {
	state := connectors.State{Locks: []connectors.Lock{}, Suspended: read.Status == "SUSPENDED", Privileged: connectors.Unknown}
	if read.Status == "LOCKED" {
		state.Locks = append(state.Locks, connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonUnknown, Since: httpcall.Moment(read.LockedAt.Value)})
	}
	state.CanSignIn = state.SignInAnswer()
	return &connectors.Account{ID: read.ID, Username: read.Username, Email: read.Email, State: state, AsOf: answer.AsOf}
}

func (d *webDriver) request(operation, method string, query url.Values, path ...string) httpcall.Request {
	address := httpcall.Address(d.base, query, path...)
	if d.asItIs && len(path) > 1 {
		if plain, err := url.Parse(d.base.String() + "/" + path[0] + "/" + path[1]); err == nil {
			address = plain
		}
	}
	return httpcall.Request{Operation: operation, Method: method, URL: address, Header: http.Header{"Accept": {"application/json"}}, MaxAnswer: httpcall.MaxUser}
}

// call makes one call.
func (d *webDriver) call(ctx context.Context, request httpcall.Request, private ...string) (*httpcall.Answer, error) {
	if !d.nameless {
		request.Private = private
	}
	answer, err := d.Do(ctx, request)
	if err != nil && d.again {
		return d.Do(ctx, request)
	}
	return answer, err
}

func (d *webDriver) malformed(operation string, err error) *connectors.Error {
	return d.Fail(operation, connectors.MalformedResponse, err.Error())
}

func (d *webDriver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	answer, err := d.call(ctx, d.request(connectors.OperationLookup, http.MethodGet, nil, "users", id))
	if err != nil {
		return nil, err
	}
	read, err := d.read(answer.Body)
	if err != nil {
		return nil, d.malformed(connectors.OperationLookup, err)
	}
	account := d.account(read, answer)
	if account.User, err = connectors.Complete(answer.Body, userFields); err != nil {
		return nil, d.malformed(connectors.OperationLookup, err)
	}
	return account, nil
}

func (d *webDriver) list(ctx context.Context, operation string, query url.Values, private ...string) ([]*connectors.Account, bool, error) {
	request := d.request(operation, http.MethodGet, query, "users")
	request.MaxAnswer = httpcall.MaxPage
	if !d.searchNamesAccount {
		request.Kinds = httpcall.NamesNoAccount
	}
	answer, err := d.call(ctx, request, private...)
	if err != nil {
		return nil, false, err
	}
	var page struct {
		Users httpcall.Rows `json:"users"`
		More  *bool         `json:"more"`
	}
	if err = httpcall.Decode(answer.Body, &page); err == nil && (page.Users == nil || page.More == nil) {
		err = errors.New("the answer holds no users, or does not say whether there are more")
	}
	if err != nil && d.noList {
		return nil, false, nil
	}
	var accounts []*connectors.Account
	for _, row := range page.Users {
		read, wrong := d.read(row)
		if wrong != nil {
			err = wrong
			break
		}
		accounts = append(accounts, d.account(read, answer))
	}
	if err != nil {
		return nil, false, d.malformed(operation, err)
	}
	return accounts, *page.More, nil
}

func (d *webDriver) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	found, more, err := d.list(ctx, connectors.OperationLookup, url.Values{string(field): {value}}, value)
	var matches []connectors.Match
	for _, account := range found {
		match := connectors.Match{Account: account, Name: account.Username}
		if field == connectors.FindEmail {
			match.Name = account.Email
		}
		matches = append(matches, match)
	}
	return matches, more, err
}

// Unlock reads first: the call puts an account into use, whatever keeps it out.
func (d *webDriver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	private := []string{account.Username, account.Email}
	answer, err := d.call(ctx, d.request(connectors.OperationUnlock, http.MethodGet, nil, "users", account.ID), private...)
	if err != nil {
		return connectors.Unlocked{}, unsent(err)
	}
	read, err := d.read(answer.Body)
	switch {
	case err != nil:
		return connectors.Unlocked{}, unsent(d.malformed(connectors.OperationUnlock, err))
	case read.Status == "SUSPENDED":
		return connectors.Unlocked{}, unsent(d.Fail(connectors.OperationUnlock, connectors.RejectedByProvider, "unlocking would also end the suspension; end it first"))
	case read.Status != "LOCKED":
		return connectors.Unlocked{At: answer.AsOf}, nil
	}
	request := d.request(connectors.OperationUnlock, http.MethodPut, nil, "users", account.ID)
	request.Effect, request.MaxAnswer = !d.untold, 0
	if answer, err = d.call(ctx, request, private...); err != nil {
		return connectors.Unlocked{}, err
	}
	return connectors.Unlocked{At: answer.AsOf, RequestID: answer.RequestID}, nil
}

// unsent says of a failure before the unlock that none was sent.
func unsent(err error) error {
	var failure *connectors.Error
	if errors.As(err, &failure) {
		failure.Sent = connectors.No
	}
	return err
}

func (d *webDriver) Scan(ctx context.Context, after string) (accounts iter.Seq2[*connectors.Account, error], sorted bool) {
	return func(yield func(*connectors.Account, error) bool) {
		for more := true; more; {
			var accounts []*connectors.Account
			var err error
			if accounts, more, err = d.list(ctx, connectors.OperationList, url.Values{"after": {after}}); err != nil {
				yield(nil, err)
				return
			}
			for _, account := range accounts {
				if after = account.ID; !yield(account, nil) {
					return
				}
			}
		}
	}, true
}
