package conformance

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

// transport stands between a connector and its peer, and lets no request through to another
// host. It learns the credentials that go by, which no error may repeat.
type transport struct {
	*http.Transport
	host    string
	secrets *secrets

	mu sync.Mutex
	// strayed are the other hosts that were called, and credential is what the last request carried.
	strayed    []string
	credential string

	// recording says that the next answer is kept, with the address that was called.
	recording atomic.Bool
	address   *url.URL
	answer    []byte
}

func newTransport(host string, secrets *secrets) *transport {
	return &transport{Transport: httpcall.NewTransport(), host: host, secrets: secrets}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := t.note(request); err != nil {
		return nil, err
	}
	response, err := t.Transport.RoundTrip(request)
	if err != nil || !t.recording.Swap(false) {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	t.address, t.answer = request.URL, body
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}

func (t *transport) note(request *http.Request) error {
	_, credential, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	t.secrets.add(credential)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.credential = credential
	if request.URL.Scheme != "http" || request.URL.Host != t.host {
		t.strayed = append(t.strayed, request.URL.Host)
		return errors.New("the suite lets no request through to another host")
	}
	return nil
}
