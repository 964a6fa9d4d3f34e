package connectors

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a setting that prints, logs and marshals as a placeholder. As a kind of
// string it can be a field of a Config.
type Secret string

const placeholder = "[secret]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return placeholder
}

// Format prints the placeholder under every verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json honours too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
