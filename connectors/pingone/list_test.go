package pingone

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func uuidOf(number int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", number) }

func TestListLocked(t *testing.T) {
	t.Parallel()
	// Twelve users on three pages in no order; those of an even number are locked.
	fake := newFake(t, map[string]answer{})
	numbers := []int{7, 2, 12, 4, 9, 6, 1, 8, 3, 10, 5, 11}
	for i := range 3 {
		var listed []string
		for _, number := range numbers[i*4 : i*4+4] {
			status := "OK"
			if number%2 == 0 {
				status = "LOCKED"
			}
			listed = append(listed, fixture(t, object{"id": uuidOf(number), "account": object{"status": status}, "_embedded": object{"password": object{"status": "OK"}}}))
		}
		line, next := "GET "+users, ""
		if i > 0 {
			line += fmt.Sprintf(" c%d", i)
		}
		if i < 2 {
			next = fmt.Sprintf("%s%s?cursor=c%d", fake.URL, users, i+1)
		}
		fake.answers[line] = ok(pageOf(next, listed...))
	}
	connector := fake.open(t)
	var pages [][]string
	for after := ""; ; {
		page, err := connector.ListLocked(t.Context(), after, 4)
		require.NoError(t, err)
		require.Equal(t, 12, page.Read)
		var ids []string
		for _, account := range page.Accounts {
			require.True(t, account.State.Locked())
			require.Empty(t, account.State.Unread)
			require.Empty(t, account.User, "pages are long")
			ids = append(ids, account.ID)
		}
		pages = append(pages, ids)
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, [][]string{{uuidOf(2), uuidOf(4), uuidOf(6), uuidOf(8)}, {uuidOf(10), uuidOf(12)}}, pages)
	require.Len(t, fake.log, 6)
}

func TestListDoesNotTellThePassword(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]answer{"GET " + users: ok(pageOf("", fixture(t, nil)))})
	page, err := fake.open(t).ListLocked(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unsupported}}, page.Accounts[0].State.Unread)
	require.Equal(t, connectors.ReasonUnknown, page.Accounts[0].State.Locks[0].Reason)
}

func TestNextLinks(t *testing.T) {
	t.Parallel()
	fake := newFake(t, map[string]answer{})
	connector := fake.open(t)
	elsewhere := strings.Replace(fake.URL, "127.0.0.1", "127.0.0.2", 1)
	for name, next := range map[string]string{
		"another host":        elsewhere + users + "?cursor=a",
		"another scheme":      strings.Replace(fake.URL, "http:", "https:", 1) + users + "?cursor=a",
		"another path":        fake.URL + "/v1/environments/" + testID + "/users?cursor=a",
		"dots":                fake.URL + users + "/../../x?cursor=a",
		"encoded dots":        fake.URL + users + "/%2e%2e/users?cursor=a",
		"with a user":         strings.Replace(fake.URL, "//", "//u:p@", 1) + users,
		"relative":            users + "?cursor=a",
		"no address":          "%zz",
		"to itself in circle": fake.URL + users + "?cursor=same",
		"much too long":       fake.URL + users + "?cursor=" + strings.Repeat("x", 10<<10),
	} {
		fake.answers["GET "+users] = ok(pageOf(next))
		fake.answers["GET "+users+" same"] = ok(pageOf(next))
		_, err := connector.ListLocked(t.Context(), "", 10)
		require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err), name)
	}
	fake.answers["GET "+users] = ok(`{"_links":{"next":{}},"_embedded":{"users":[]}}`)
	_, err := connector.ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.MalformedResponse, connectors.KindOf(err))
	fake.answers["GET "+users] = answer{status: http.StatusForbidden}
	_, err = connector.ListLocked(t.Context(), "", 10)
	require.Equal(t, connectors.PermissionDenied, connectors.KindOf(err))
}

// TestPagesThatAreTooLong: a page that is longer than is read is asked for again in smaller
// ones, and a user who is too long alone is passed over and named.
func TestPagesThatAreTooLong(t *testing.T) {
	t.Parallel()
	long := fixture(t, object{"id": uuidOf(7), "account": object{"status": "LOCKED"}, "badge": strings.Repeat("x", 2<<20)})
	for name, test := range map[string]struct {
		most    int // rows of a page that is read
		replace string
		met     int
		want    connectors.Missing
		fails   connectors.Kind
	}{
		"pages of twelve":      {most: 13, met: 40},
		"pages of one":         {most: 1, met: 40},
		"one user is too long": {most: 200, replace: long, met: 39, want: connectors.Missing{Rows: 1, UserIDs: []string{uuidOf(7)}}},
		"a row is null":        {most: 200, replace: "null", met: 39, want: connectors.Missing{Rows: 1}},
		"none can be read":     {fails: connectors.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rows []string
			for number := range 40 {
				rows = append(rows, fixture(t, object{"id": uuidOf(number), "account": object{"status": "LOCKED"}}))
			}
			if test.replace != "" {
				rows[7] = test.replace
			}
			fake := newFake(t, nil)
			fake.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/as/token") {
					fake.ServeHTTP(w, r)
					return
				}
				skip, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
				limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
				end, next := min(skip+limit, len(rows)), ""
				if end < len(rows) {
					next = fmt.Sprintf("%s%s?cursor=%d&limit=%d", fake.URL, users, end, limit)
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, pageOf(next, rows[skip:end]...))
				if end-skip > test.most {
					_, _ = io.WriteString(w, strings.Repeat(" ", 5<<20))
				}
			})
			page, err := fake.open(t).ListLocked(t.Context(), "", 1000)
			require.Equal(t, test.fails, connectors.KindOf(err), "%v", err)
			require.Len(t, page.Accounts, test.met)
			require.Equal(t, test.want, page.Missing)
		})
	}
}
