// Package secret reads the secrets of a connection, afresh each time where they stand in files.
package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/setting"
)

// maxFile bounds a secret's file, in bytes.
const maxFile = 16 << 10

// Source returns a secret whenever one is needed: a fixed value, or a file's content at
// that moment, so that a rotated secret is taken up without a restart.
type Source struct {
	name  string
	value connectors.Secret
	file  string

	mu      sync.Mutex
	refused string
	// since is when the provider first refused what is in refused.
	since time.Time
}

// NewSource returns the source of the secret whose variable is name, and whose file's
// variable is name with _FILE behind it.
func NewSource(name string, value connectors.Secret, file string) *Source {
	return &Source{name: name, value: value, file: file}
}

// Given reports whether a value or a file is set.
func (s *Source) Given() bool { return s.value != "" || s.file != "" }

// Validate names what is wrong with the secret's settings, beginning with a variable.
// It reads the file.
func (s *Source) Validate() error {
	switch {
	case s.value != "" && s.file != "":
		return fmt.Errorf("%s and %s_FILE must not both be set", s.name, s.name)
	case !s.Given():
		return fmt.Errorf("%s or %s_FILE must be set", s.name, s.name)
	}
	_, err := s.Read()
	return err
}

// InFile reports whether the secret stands in a file, which may change at any time.
func (s *Source) InFile() bool { return s.file != "" }

// Variable is the variable that the secret comes by.
func (s *Source) Variable() string {
	if s.InFile() {
		return s.name + "_FILE"
	}
	return s.name
}

// settledAfter is for how long a file must hold a secret that is refused until nobody is
// about to change it: files are written anew, and mounted secrets follow, within that.
const settledAfter = 30 * time.Second

// Refused notes that the provider refused the secret, and reports whether that may pass:
// its file holds another by now, or none, or has not held this one for long since.
func (s *Source) Refused(refused string, now time.Time) (mayPass bool) {
	if !s.InFile() {
		return false
	}
	current, err := s.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || current != refused {
		s.refused = ""
		return true
	}
	if s.refused != refused {
		s.refused, s.since = refused, now
	}
	return now.Sub(s.since) < settledAfter
}

// Accepted notes that the provider took the secret.
func (s *Source) Accepted(accepted string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == accepted {
		s.refused = ""
	}
}

// Read returns the secret without surrounding white space. Its errors name the
// variable and what is wrong, never the content.
func (s *Source) Read() (string, error) {
	name, content := s.Variable(), s.value.Reveal()
	if s.InFile() {
		var err error
		if content, err = readFile(s.file); err != nil {
			return "", fmt.Errorf("%s names a file that cannot be read: %w", name, err)
		}
	}
	content = strings.TrimSpace(content)
	switch {
	case content == "" && s.file != "":
		return "", fmt.Errorf("%s names an empty file; it must hold the secret", name)
	case content == "":
		return "", fmt.Errorf("%s must be set", name)
	case setting.Check(content) != nil && s.file != "":
		return "", fmt.Errorf("%s names a file whose content %w", name, setting.Check(content))
	case setting.Check(content) != nil:
		return "", fmt.Errorf("%s %w", name, setting.Check(content))
	case strings.ContainsFunc(content, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("%s must hold one secret of printable ASCII without spaces", name)
	}
	return content, nil
}

// readFile returns the file's content, or an error that does not repeat its path.
func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", withoutPath(err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return "", withoutPath(err)
	case len(content) > maxFile:
		return "", fmt.Errorf("it is longer than %d bytes", maxFile)
	}
	return string(content), nil
}

func withoutPath(err error) error {
	var failure *fs.PathError
	if errors.As(err, &failure) {
		return failure.Err
	}
	return errors.New("unknown failure")
}
