// Package settings reads the settings of a connection, and names all that are wrong at once.
package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

// Reader reads settings, and goes on past those that are wrong.
type Reader struct{ faults []error }

// Err returns what was wrong, joined by errors.Join, or nil.
func (r *Reader) Err() error { return errors.Join(r.faults...) }

// Note notes a fault, which begins with the name of a setting; nil is none.
func (r *Reader) Note(fault error) {
	if fault != nil {
		r.faults = append(r.faults, fault)
	}
}

// Must notes a fault unless the condition holds.
func (r *Reader) Must(holds bool, fault string) {
	if !holds {
		r.Note(errors.New(fault))
	}
}

// OneOf reads one of several words, in upper or lower case; it goes on with the first.
func (r *Reader) OneOf(name, value string, words ...string) string {
	word := strings.ToLower(value)
	if slices.Contains(words, word) {
		return word
	}
	last := len(words) - 1
	r.Must(false, name+" must be "+strings.Join(words[:last], ", ")+" or "+words[last])
	return words[0]
}

// Address reads the address below which calls are made; it goes on with an empty one.
func (r *Reader) Address(name, value string) *url.URL {
	base, err := ParseBase(name, value)
	if err != nil {
		r.Note(err)
		return &url.URL{}
	}
	return base
}

// ParseBase reads the setting name, an address below which calls are made, and drops a
// slash at its end. Only a loopback host may go without https.
func ParseBase(name, address string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	switch {
	case err != nil || base.Hostname() == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, fmt.Errorf("%s must be an address such as https://host/path", name)
	case base.Scheme != "https" && !isLoopback(base.Hostname()):
		return nil, fmt.Errorf("%s must begin with https:// unless its host is this machine", name)
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, fmt.Errorf("%s must hold no user, query or fragment", name)
	}
	return base, nil
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || address != nil && address.IsLoopback()
}

// Secret reads a secret that must be given, as a value or in a file.
func (r *Reader) Secret(name string, value connectors.Secret, file string) *secret.Source {
	source := secret.NewSource(name, value, file)
	r.Note(source.Validate())
	return source
}
