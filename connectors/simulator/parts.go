package simulator

import (
	"encoding/json"
	"time"
)

// Parts reads typed values out of a partial object. A key that is missing or
// null gives the default; the first wrong type is kept for Err.
type Parts struct {
	Fields Fields
	first  *error // of the whole object, nested ones too
}

// NewParts reads out of fields.
func NewParts(fields Fields) *Parts { return &Parts{Fields: fields, first: new(error)} }

// Err returns the first error met.
func (p *Parts) Err() error { return *p.first }

// Refuse notes an error that the reader found.
func (p *Parts) Refuse(format string, args ...any) {
	if *p.first == nil {
		*p.first = Bad(format, args...)
	}
}

// IsNull tells whether key is there and null.
func (p *Parts) IsNull(key string) bool {
	raw, found := p.Fields.Get(key)
	return found && IsNull(raw)
}

// Has tells whether key is there and not null.
func (p *Parts) Has(key string) bool {
	raw, found := p.Fields.Get(key)
	return found && !IsNull(raw)
}

// Text reads a string.
func (p *Parts) Text(key, otherwise string) string {
	value := otherwise
	p.get(key, "a string", &value)
	return value
}

// Bool reads true or false.
func (p *Parts) Bool(key string, otherwise bool) bool {
	value := otherwise
	p.get(key, "true or false", &value)
	return value
}

// Time reads a date; the zero time where there is none.
func (p *Parts) Time(key string) time.Time {
	var value time.Time
	p.get(key, "a date such as 2021-02-12T17:45:42.369Z", &value)
	return value
}

// Count reads a number from 0 to 1000.
func (p *Parts) Count(key string) int {
	var value int
	p.get(key, "a number from 0 to 1000", &value)
	if value < 0 || value > 1000 {
		p.Refuse("%s must be a number from 0 to 1000", key)
	}
	return value
}

// Object reads a nested object.
func (p *Parts) Object(key string) *Parts {
	if !p.Has(key) {
		return &Parts{first: p.first}
	}
	raw, _ := p.Fields.Get(key)
	fields, err := ParseFields(raw, key)
	if err != nil {
		p.Refuse("%s", err)
	}
	return &Parts{Fields: fields, first: p.first}
}

func (p *Parts) get(key, kind string, into any) {
	if !p.Has(key) {
		return
	}
	raw, _ := p.Fields.Get(key)
	if err := json.Unmarshal(raw, into); err != nil {
		p.Refuse("%s must be %s", key, kind)
	}
}
