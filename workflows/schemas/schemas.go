// Package schemas holds the JSON Schemas of the workflows' inputs and results, which
// `make generate` writes.
package schemas

import _ "embed"

// Input and Result are those of UnlockUser.
var (
	//go:embed input.schema.json
	Input []byte
	//go:embed result.schema.json
	Result []byte
)

// Policy, BulkInput and BulkResult are those of UnlockLockedUsers.
var (
	//go:embed policy.schema.json
	Policy []byte
	//go:embed bulk-input.schema.json
	BulkInput []byte
	//go:embed bulk-result.schema.json
	BulkResult []byte
)
