// Package plainjson writes JSON as it is meant to be stored: encoding/json writes &, < and >
// as six bytes each, for the sake of web pages, and a value of many of them would not fit
// where it is kept.
package plainjson

import (
	"bytes"
	"encoding/json"
)

// Marshal is json.Marshal without that.
func Marshal(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
