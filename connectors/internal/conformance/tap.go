package conformance

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// tap stands between a connector and the network. It learns the credentials that go by,
// and notes every request to another host than the peer's.
type tap struct {
	next   http.RoundTripper
	host   string
	secret *secrets

	mu      sync.Mutex
	foreign []string
	last    *url.URL
	// carried are the credentials of the last request.
	carried []string
	keep    bool
	body    []byte
	arrived func()
	// stamp is the identifier of every exchange; empty leaves that to the peer.
	stamp string
}

// RoundTrip implements http.RoundTripper.
func (t *tap) RoundTrip(request *http.Request) (*http.Response, error) {
	t.note(request)
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	stamp := t.stamp
	t.mu.Unlock()
	if stamp != "" {
		for _, name := range requestIDHeaders {
			response.Header.Set(name, stamp)
		}
	}
	keep, arrived := t.take()
	if arrived != nil {
		arrived()
	}
	if keep {
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return nil, err
		}
		t.mu.Lock()
		t.body = body
		t.mu.Unlock()
		response.Body = io.NopCloser(bytes.NewReader(body))
	}
	return response, nil
}

func (t *tap) note(request *http.Request) {
	words := credentialsIn(request.Header, t.secret)
	t.secret.add(words...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last, t.carried = request.URL, words
	if request.URL.Scheme != "http" || request.URL.Host != t.host {
		t.foreign = append(t.foreign, request.URL.Redacted())
	}
}

// stampAll names every exchange from now on.
func (t *tap) stampAll(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamp = id
}

// credentialsIn are the words of the headers that carry a credential, without its scheme.
func credentialsIn(header http.Header, secret *secrets) []string {
	var words []string
	for name, values := range header {
		for _, value := range values {
			fields := strings.Fields(value)
			switch {
			case name == "Authorization" && len(fields) > 1:
				words = append(words, fields[1:]...)
			case name == "Authorization" || name == "X-Api-Key" || secret.repeatedIn(value) != "":
				words = append(words, fields...)
			}
		}
	}
	return words
}

// keepNext keeps the body of the answer that comes next.
func (t *tap) keepNext() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep = true
}

// kept returns the body that was kept; nil when no answer came.
func (t *tap) kept() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.body
}

// onNext calls the function when the header of the answer that comes next has arrived.
func (t *tap) onNext(arrived func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arrived = arrived
}

func (t *tap) take() (keep bool, arrived func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keep, arrived = t.keep, t.arrived
	t.keep, t.arrived = false, nil
	return keep, arrived
}

// strayed lists the requests to other hosts than the peer's.
func (t *tap) strayed() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.foreign
}

// lastURL is the address of the last request.
func (t *tap) lastURL() *url.URL {
	t.mu.Lock()
	defer t.mu.Unlock()
	address := *t.last
	return &address
}

// credentials are those of the last request.
func (t *tap) credentials() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.carried)
}

func (t *tap) close() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
