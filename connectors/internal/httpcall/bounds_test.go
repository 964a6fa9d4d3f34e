package httpcall

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostAllocated bounds what one call may allocate, in bytes, the server's part included.
const mostAllocated = 48 << 20

// TestMemoryIsBounded: an answer that is large, or becomes so, is refused before it costs much.
func TestMemoryIsBounded(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	var bomb bytes.Buffer
	packed, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.CopyN(packed, endless{}, 64<<20)
	require.NoError(t, err)
	require.NoError(t, packed.Close())
	for name, answer := range map[string]struct {
		status   int
		encoding string
		body     func() io.Reader
	}{
		"a bomb":                {200, "gzip", func() io.Reader { return bytes.NewReader(bomb.Bytes()) }},
		"a bomb in a refusal":   {403, "gzip", func() io.Reader { return bytes.NewReader(bomb.Bytes()) }},
		"no end":                {200, "", func() io.Reader { return endless{} }},
		"no end in a failure":   {503, "", func() io.Reader { return endless{} }},
		"over-deep":             {200, "", text(strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000))},
		"over-deep objects":     {200, "", text(strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000))},
		"much white space":      {200, "", text(strings.Repeat(" ", 5<<20))},
		"a list of small items": {200, "", text(`{"users":[` + strings.Repeat("0,", 1<<19) + `0]}`)},
		"many keys":             {200, "", text(`{` + keys(60_000) + `"a":1,"a":2}`)},
	} {
		t.Run(name, func(t *testing.T) {
			caller, request := callerOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if answer.encoding != "" {
					w.Header().Set("Content-Encoding", answer.encoding)
				}
				w.WriteHeader(answer.status)
				_, _ = io.Copy(w, answer.body())
			})
			request.MaxAnswer = MaxPage
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := caller.Do(t.Context(), request)
			if err == nil {
				var page struct {
					Users Rows `json:"users"`
				}
				err = Decode(got.Body, &page)
			}
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			allocated := after.TotalAlloc - before.TotalAlloc
			require.Less(t, allocated, uint64(mostAllocated), "it allocates %d MiB", allocated>>20)
		})
	}
}

// endless is JSON that never ends.
type endless struct{}

func (endless) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = '['
	}
	return len(into), nil
}

func text(body string) func() io.Reader {
	return func() io.Reader { return strings.NewReader(body) }
}

func keys(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, `"k%d":0,`, i)
	}
	return text.String()
}
