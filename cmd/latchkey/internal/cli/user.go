package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// userRows lists the fields of a provider's object that are not null, in its own order.
// Nested values are written as JSON without their nulls; what holds nothing but nulls is
// left out.
func userRows(user json.RawMessage) []row {
	decoder := json.NewDecoder(bytes.NewReader(user))
	decoder.UseNumber()
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil
	}
	var rows []row
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return rows
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return rows
		}
		if kept, holds := withoutNulls(value); holds {
			rows = append(rows, row{"  " + printable(fmt.Sprint(key)), compact(kept)})
		}
	}
	return rows
}

// withoutNulls drops nulls at every level, and says whether anything was there.
func withoutNulls(value any) (any, bool) {
	switch value := value.(type) {
	case nil:
		return nil, false
	case map[string]any:
		kept := map[string]any{}
		for key, inner := range value {
			if inner, holds := withoutNulls(inner); holds {
				kept[key] = inner
			}
		}
		return kept, len(kept) > 0 || len(value) == 0
	case []any:
		kept := make([]any, 0, len(value))
		for _, inner := range value {
			// A null in a list counts: dropping it would move what follows.
			inner, _ := withoutNulls(inner)
			kept = append(kept, inner)
		}
		return kept, true
	default:
		return value, true
	}
}

// compact writes a value on one line; a text stands as it is, unless it is empty.
func compact(value any) string {
	if text, ok := value.(string); ok && text != "" {
		return printable(text)
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return ""
	}
	return printable(string(bytes.TrimSpace(line.Bytes())))
}
