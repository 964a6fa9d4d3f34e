package connectors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors"
)

// scripted is a driver that answers as its fields say.
type scripted struct {
	accounts map[string]*connectors.Account
	matches  []connectors.Match
	more     bool
	// failure is what every call ends with; unlockFailure what an unlock does.
	failure, unlockFailure error
	unlocked               []string
	gets                   int
	closed                 bool
}

func holding(accounts ...*connectors.Account) *scripted {
	driver := &scripted{accounts: map[string]*connectors.Account{}}
	for _, account := range accounts {
		driver.accounts[account.ID] = account
	}
	return driver
}

func (d *scripted) Get(_ context.Context, id string) (*connectors.Account, error) {
	d.gets++
	if d.failure != nil {
		return nil, d.failure
	}
	account := d.accounts[id]
	if account == nil {
		return nil, failing(connectors.NotFound)
	}
	copied := *account
	copied.State.CanSignIn = copied.State.SignInAnswer()
	return &copied, nil
}

func (d *scripted) Find(context.Context, connectors.NameField, string) ([]connectors.Match, bool, error) {
	return d.matches, d.more, d.failure
}

func (d *scripted) Unlock(_ context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	if d.unlockFailure != nil {
		return connectors.Unlocked{}, d.unlockFailure
	}
	d.unlocked = append(d.unlocked, account.ID)
	return connectors.Unlocked{At: noon}, nil
}

func (d *scripted) Close() error {
	d.closed = true
	return nil
}

// scanned is a scripted driver that lists rows, in their order.
type scanned struct {
	*scripted
	rows   []any
	sorted bool
	yields int
}

func (d *scanned) Scan(context.Context, string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		for _, row := range d.rows {
			d.yields++
			account, isAccount := row.(*connectors.Account)
			err, _ := row.(error)
			if isAccount {
				copied := *account
				account = &copied
			}
			if !yield(account, err) {
				return
			}
		}
	}, d.sorted
}

var (
	_ connectors.Driver  = (*scripted)(nil)
	_ connectors.Scanner = (*scanned)(nil)
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func failing(kind connectors.Kind) error {
	return &connectors.Error{Kind: kind, Provider: "acme", Operation: "test", Message: "as ordered"}
}

var (
	hexadecimal = connectors.ID{Pattern: regexp.MustCompile(`^[0-9a-f]{4}$`), FoldCase: true, Absent: "ffff", Description: "4 hexadecimal digits"}
	mixedCase   = connectors.ID{Pattern: regexp.MustCompile(`^00u[0-9A-Za-z]{3}$`), Absent: "00u000", Description: "00u and 3 letters or digits"}
	prefixed    = connectors.ID{Pattern: regexp.MustCompile(`^[a-z0-9-]+\|[^ ]+$`), Absent: "auth0|0", Description: "a connection, | and an identifier"}
	decimal     = connectors.ID{Pattern: regexp.MustCompile(`^[1-9][0-9]*$`), Absent: "1", Description: "a number"}
)

func provider(shape connectors.ID) connectors.Provider {
	return connectors.Provider{Name: "acme", Title: "Acme", ID: shape}
}

func account(id, username string, locks ...connectors.Lock) *connectors.Account {
	return &connectors.Account{
		ID: id, Username: username, Email: username + "@example.org", User: json.RawMessage(`{}`), AsOf: noon,
		State: connectors.State{Locks: locks, Privileged: connectors.No},
	}
}

var locked = connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn}

func TestIDsAreTheProviders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shape       connectors.ID
		held, asked string
		want        connectors.Kind
	}{
		"another case, which means nothing":    {shape: hexadecimal, held: "ABCD", asked: "abCD"},
		"another shape":                        {shape: hexadecimal, held: "abcd", asked: "abc", want: connectors.RejectedByProvider},
		"mixed case":                           {shape: mixedCase, held: "00uAbC", asked: "00uAbC"},
		"mixed case is another's in lower":     {shape: mixedCase, held: "00uAbC", asked: "00uabc", want: connectors.NotFound},
		"a prefix and a bar":                   {shape: prefixed, held: "auth0|5f7c", asked: "auth0|5f7c"},
		"a number":                             {shape: decimal, held: "4711", asked: "4711"},
		"a number that begins with a zero":     {shape: decimal, held: "4711", asked: "04711", want: connectors.RejectedByProvider},
		"an address, whatever the shape takes": {shape: prefixed, held: "auth0|5f7c", asked: "samlp|x@example.org", want: connectors.RejectedByProvider},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := holding(account(test.held, "jane"))
			if test.shape.FoldCase {
				driver.accounts[strings.ToLower(test.held)] = driver.accounts[test.held]
			}
			connector := connectors.New(provider(test.shape), connectors.Server{Driver: driver})
			found, err := connector.Lookup(t.Context(), connectors.UserRef{ID: test.asked})
			require.Equal(t, test.want, connectors.KindOf(err), "%v", err)
			unlocked, unlockErr := connector.Unlock(t.Context(), &connectors.Account{ID: test.asked})
			if test.want == connectors.RejectedByProvider {
				require.Zero(t, driver.gets)
				require.Empty(t, driver.unlocked)
				var failure *connectors.Error
				require.ErrorAs(t, unlockErr, &failure)
				require.Equal(t, connectors.No, failure.Sent)
				require.NotContains(t, err.Error(), test.asked)
				return
			}
			require.NoError(t, unlockErr)
			require.Equal(t, noon, unlocked.At)
			if test.want == "" {
				canonical, err := test.shape.Canonical(test.held)
				require.NoError(t, err)
				require.Equal(t, canonical, found.ID)
				require.Equal(t, []string{canonical}, driver.unlocked)
			}
		})
	}
}

func TestAnAnswerAboutAnother(t *testing.T) {
	t.Parallel()
	driver := holding()
	driver.accounts["aaaa"] = account("bbbb", "jane")
	driver.accounts["cccc"] = account("a name", "jane")
	connector := connectors.New(provider(hexadecimal), connectors.Server{Driver: driver})
	for _, id := range []string{"aaaa", "cccc"} {
		_, err := connector.Lookup(t.Context(), connectors.UserRef{ID: id})
		require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err))
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	jane, other := account("aaaa", "Jane"), account("bbbb", "jane")
	partial := account("aaaa", "Jane")
	partial.User = nil
	named := func(account *connectors.Account, name string) connectors.Match {
		return connectors.Match{Account: account, Name: name}
	}
	for name, test := range map[string]struct {
		matches []connectors.Match
		more    bool
		now     *connectors.Account // under the ID
		want    connectors.Kind
		gets    int
	}{
		"one":                               {matches: []connectors.Match{named(jane, "Jane")}},
		"nobody":                            {want: connectors.NotFound},
		"two":                               {matches: []connectors.Match{named(jane, "Jane"), named(other, "jane")}, want: connectors.Ambiguous},
		"one, and more":                     {matches: []connectors.Match{named(jane, "Jane")}, more: true, want: connectors.Ambiguous},
		"a filter that was ignored":         {matches: []connectors.Match{named(jane, "Jane"), named(other, "joe")}, want: connectors.MalformedResponse},
		"full width is another":             {matches: []connectors.Match{named(jane, "\uff4aane")}, want: connectors.NotFound},
		"a blank at the end is another":     {matches: []connectors.Match{named(jane, "jane ")}, want: connectors.NotFound},
		"decomposed is another":             {matches: []connectors.Match{named(jane, "jane\u0301")}, want: connectors.MalformedResponse},
		"half of it is read by the ID":      {matches: []connectors.Match{named(partial, "Jane")}, now: jane, gets: 1},
		"renamed meanwhile":                 {matches: []connectors.Match{named(partial, "Jane")}, now: account("aaaa", "joe"), want: connectors.MalformedResponse, gets: 1},
		"gone meanwhile":                    {matches: []connectors.Match{named(partial, "Jane")}, want: connectors.NotFound, gets: 1},
		"found under an alias":              {matches: []connectors.Match{named(account("aaaa", "j.doe"), "jane")}},
		"an ID that is none":                {matches: []connectors.Match{named(account("jane", "jane"), "jane")}, want: connectors.MalformedResponse},
		"one is exact, one only looks so":   {matches: []connectors.Match{named(jane, "Jane"), named(other, "\uff4aane")}},
		"a match whose ID is in other case": {matches: []connectors.Match{named(account("AAAA", "jane"), "jane")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := holding()
			driver.matches, driver.more = test.matches, test.more
			if test.now != nil {
				driver.accounts["aaaa"] = test.now
			}
			found, err := connectors.New(provider(hexadecimal), connectors.Server{Driver: driver}).Lookup(t.Context(), connectors.UserRef{Username: "jane"})
			require.Equal(t, test.want, connectors.KindOf(err), "%v", err)
			require.Equal(t, test.gets, driver.gets)
			if test.want == "" {
				require.Equal(t, "aaaa", found.ID)
				return
			}
			require.NotContains(t, strings.ToLower(err.Error()), "jane")
		})
	}
}

func TestWhatADriverDoesNotSay(t *testing.T) {
	t.Parallel()
	driver := holding()
	connector := connectors.New(provider(hexadecimal), connectors.Server{Driver: driver})
	driver.unlockFailure = failing(connectors.Unavailable)
	_, err := connector.Unlock(t.Context(), account("aaaa", "jane"))
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, connectors.Unknown, failure.Sent, "a driver that does not say may have sent it")
	require.False(t, connector.Lists())
	_, err = connector.ListLocked(t.Context(), "", 1)
	require.Equal(t, connectors.Unsupported, connectors.KindOf(err))
	require.NoError(t, connector.Close())
	require.True(t, driver.closed)
}

func TestSeveralServers(t *testing.T) {
	t.Parallel()
	one, two := holding(account("aaaa", "jane", locked)), holding(account("aaaa", "jane", locked))
	two.accounts["aaaa"].State.Disabled = true
	connector := connectors.New(provider(hexadecimal), connectors.Server{Name: "one", Driver: one}, connectors.Server{Name: "two", Driver: two})

	both, err := connector.Lookup(t.Context(), connectors.UserRef{ID: "aaaa"})
	require.NoError(t, err)
	require.Len(t, both.State.Locks, 2)
	require.Equal(t, "one", both.State.Locks[0].Server)
	require.Equal(t, "two", both.State.Locks[1].Server)
	require.True(t, both.State.Disabled)
	require.True(t, both.AsOf.IsZero(), "their clocks differ")
	require.Equal(t, connectors.No, both.State.CanSignIn)

	two.failure, two.unlockFailure = failing(connectors.Unavailable), failing(connectors.Unavailable)
	half, err := connector.Lookup(t.Context(), connectors.UserRef{ID: "aaaa"})
	require.NoError(t, err)
	require.Equal(t, []connectors.Unread{{Layer: connectors.LayerUnknown, Server: "two", Kind: connectors.Unavailable}}, half.State.Unread)
	require.False(t, half.State.Clear(), "a server that cannot be asked is never: no lock")

	one.accounts["aaaa"].State.Locks = nil
	half, err = connector.Lookup(t.Context(), connectors.UserRef{ID: "aaaa"})
	require.NoError(t, err)
	require.Equal(t, connectors.Unknown, half.State.CanSignIn)

	unlocked, err := connector.Unlock(t.Context(), half)
	require.NoError(t, err)
	require.Equal(t, []string{"aaaa"}, one.unlocked)
	require.True(t, unlocked.At.IsZero())
	require.Len(t, unlocked.Refused, 1)
	require.Equal(t, "two", unlocked.Refused[0].Server)
	require.Equal(t, connectors.Unavailable, unlocked.Refused[0].Kind)

	two.unlockFailure = errors.New("jane@example.org is locked")
	unlocked, err = connector.Unlock(t.Context(), half)
	require.NoError(t, err)
	require.Equal(t, connectors.MalformedResponse, unlocked.Refused[0].Kind)
	require.NotContains(t, unlocked.Refused[0].Message, "jane", "results are stored")

	two.unlockFailure = failing(connectors.Unsupported)
	unlocked, err = connector.Unlock(t.Context(), half)
	require.NoError(t, err)
	require.Empty(t, unlocked.Refused, "a replica gets it from the server that accepted")

	refused := connectors.Error{Kind: connectors.PermissionDenied, Sent: connectors.No}
	one.unlockFailure = &refused
	_, err = connector.Unlock(t.Context(), half)
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, connectors.Unknown, failure.Sent, "one of them does not say")

	one.failure, two.failure = failing(connectors.NotFound), failing(connectors.Unavailable)
	_, err = connector.Lookup(t.Context(), connectors.UserRef{ID: "aaaa"})
	require.Equal(t, connectors.Unavailable, connectors.KindOf(err), "one does not have it and the other may")
	two.failure = failing(connectors.NotFound)
	_, err = connector.Lookup(t.Context(), connectors.UserRef{ID: "aaaa"})
	require.Equal(t, connectors.NotFound, connectors.KindOf(err))
}

func TestNamesAreFoundOnAnyServer(t *testing.T) {
	t.Parallel()
	dead, alive := holding(), holding(account("aaaa", "jane", locked))
	dead.failure = failing(connectors.Unavailable)
	alive.matches = []connectors.Match{{Account: account("aaaa", "jane"), Name: "jane"}}
	connector := connectors.New(provider(hexadecimal), connectors.Server{Name: "one", Driver: dead}, connectors.Server{Name: "two", Driver: alive})
	found, err := connector.Lookup(t.Context(), connectors.UserRef{Username: "jane"})
	require.NoError(t, err)
	require.Len(t, found.State.Locks, 1)
	require.Len(t, found.State.Unread, 1)
}

func TestPartialLocks(t *testing.T) {
	t.Parallel()
	partial := locked
	partial.Partial, partial.Server = true, "unknown_devices"
	driver := holding(account("00uAbC", "jane", partial))
	found, err := connectors.New(provider(mixedCase), connectors.Server{Driver: driver}).Lookup(t.Context(), connectors.UserRef{ID: "00uAbC"})
	require.NoError(t, err)
	require.True(t, found.State.Locked())
	require.Equal(t, connectors.Yes, found.State.CanSignIn, "a known device is let in")
	require.Equal(t, "unknown_devices", found.State.Locks[0].Server, "the driver's own place is kept")
}

func TestAListThatIsNotWhole(t *testing.T) {
	t.Parallel()
	open := func(sorted bool, rows ...any) *connectors.Connector {
		return connectors.New(provider(hexadecimal), connectors.Server{Driver: &scanned{scripted: holding(), rows: rows, sorted: sorted}})
	}
	page, err := open(false, account("bbbb", "b", locked), &connectors.Gap{ID: "CCCC"}, &connectors.Gap{Rows: 3}, account("no ID", "x", locked), account("aaaa", "a", locked)).ListLocked(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{"aaaa", "bbbb"}, ids(page))
	require.Equal(t, connectors.Missing{Rows: 5, UserIDs: []string{"cccc"}}, page.Missing)
	require.True(t, page.Missing.Any())

	_, err = open(false, &connectors.Gap{}).ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err), "nothing could be read")
	_, err = open(true, account("bbbb", "b", locked), account("aaaa", "a", locked)).ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err), "not sorted")
	_, err = open(false, account("bbbb", "b", locked), failing(connectors.RateLimited)).ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.RateLimited, connectors.KindOf(err))
	_, err = open(false).ListLocked(t.Context(), "x", 10)
	require.Equal(t, connectors.RejectedByProvider, connectors.KindOf(err))

	alive := &scanned{scripted: holding(), rows: []any{account("aaaa", "a", locked), account("bbbb", "b")}}
	dead := &scanned{scripted: holding(), rows: []any{account("aaaa", "a", locked), account("cccc", "c", locked), failing(connectors.Unavailable)}}
	servers := connectors.New(provider(hexadecimal), connectors.Server{Name: "one", Driver: alive}, connectors.Server{Name: "two", Driver: dead})
	page, err = servers.ListLocked(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{"aaaa", "cccc"}, ids(page), "what was seen before is not forgotten")
	require.Len(t, page.Accounts[0].State.Locks, 2)
	require.Equal(t, []connectors.MissingServer{{Server: "two", Kind: connectors.Unavailable}}, page.Missing.Servers)

	require.Equal(t, "the server two could not be asked (Unavailable)", page.Missing.String())

	var merged connectors.Missing
	merged.Merge(page.Missing)
	merged.Merge(connectors.Missing{Rows: 2, UserIDs: []string{"cccc"}})
	merged.Merge(connectors.Missing{Rows: 1, UserIDs: []string{"cccc"}, Servers: page.Missing.Servers})
	require.Equal(t, connectors.Missing{Rows: 2, UserIDs: []string{"cccc"}, Servers: page.Missing.Servers}, merged)
}

// TestMergedMissing: of what the pages of a list lack nothing is lost, whatever their order.
func TestMergedMissing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var merged connectors.Missing
		rows, named, servers := 0, map[string]bool{}, map[connectors.MissingServer]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "pages") {
			var page connectors.Missing
			for range rapid.IntRange(0, 12).Draw(t, "named") {
				id := fmt.Sprintf("%04x", rapid.IntRange(0, 150).Draw(t, "id"))
				page.UserIDs, named[id] = append(page.UserIDs, id), true
			}
			page.Rows = len(page.UserIDs) + rapid.IntRange(0, 3).Draw(t, "without an ID")
			rows = max(rows, page.Rows)
			if rapid.Bool().Draw(t, "a server") {
				unasked := connectors.MissingServer{Server: rapid.SampledFrom([]string{"one", "two"}).Draw(t, "which"), Kind: connectors.Unavailable}
				page.Servers, servers[unasked] = append(page.Servers, unasked), true
			}
			merged.Merge(page)
		}
		require.Equal(t, rows > 0 || len(servers) > 0, merged.Any())
		require.Equal(t, merged.Any(), merged.String() != "")
		require.GreaterOrEqual(t, merged.Rows, max(rows, min(len(named), 100)))
		require.Len(t, merged.UserIDs, min(len(named), 100))
		require.Len(t, merged.Servers, len(servers))
		for _, id := range merged.UserIDs {
			require.True(t, named[id])
			delete(named, id) // Named once.
		}
		for _, unasked := range merged.Servers {
			require.True(t, servers[unasked])
		}
	})
}

func ids(page connectors.Page) []string {
	ids := []string{}
	for _, account := range page.Accounts {
		ids = append(ids, account.ID)
	}
	return ids
}

// TestPages: whatever the order of a scan and the size of pages, everybody who is locked is
// met once, in order, and nobody else is.
func TestPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.IntRange(0, 0xffff), 0, 40, rapid.ID[int]).Draw(t, "ids")
		sorted := rapid.Bool().Draw(t, "sorted")
		if sorted {
			slices.Sort(numbers)
		}
		var rows []any
		want := []string{}
		for _, number := range numbers {
			row := account(fmt.Sprintf("%04x", number), "x")
			if rapid.Bool().Draw(t, "locked") {
				row.State.Locks = []connectors.Lock{locked}
				want = append(want, row.ID)
			}
			rows = append(rows, row)
			if !sorted && rapid.IntRange(0, 9).Draw(t, "twice") == 0 {
				rows = append(rows, row)
			}
		}
		slices.Sort(want)
		driver := &scanned{scripted: holding(), rows: rows, sorted: sorted}
		connector := connectors.New(provider(hexadecimal), connectors.Server{Driver: driver})
		met, after, limit := []string{}, "", rapid.IntRange(1, 12).Draw(t, "limit")
		for range len(numbers) + 1 {
			page, err := connector.ListLocked(context.Background(), after, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Accounts), limit)
			for _, account := range page.Accounts {
				require.Nil(t, account.User, "pages are long")
			}
			met = append(met, ids(page)...)
			if after = page.Next; after == "" {
				break
			}
		}
		require.Equal(t, want, met)
	})
}
