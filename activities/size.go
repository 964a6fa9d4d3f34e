package activities

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/plainjson"
)

// The bounds of what a step hands to its workflow, in bytes as they are stored. A payload of
// 2 MiB is refused by the server, with all that the step did.
const (
	maxUserSize   = 256 << 10
	maxGroupsSize = 256 << 10
	maxNameSize   = 8 << 10
	maxPageSize   = 768 << 10
)

// StoredSize is how many bytes a value takes as a worker stores it.
func StoredSize(value any) int {
	encoded, err := plainjson.Marshal(value)
	if err != nil {
		return math.MaxInt
	}
	return len(encoded)
}

// lookUp reads one account, without what would be too long to be stored. Groups that are left
// out count as unknown, so that who protects groups refuses the account.
func (a *Activities) lookUp(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	read, err := a.Connector.Lookup(ctx, ref)
	if err != nil {
		return nil, err
	}
	account := *read
	if StoredSize(account.Username) > maxNameSize || StoredSize(account.Email) > maxNameSize {
		return nil, &connectors.Error{Kind: connectors.Unsupported, Provider: a.Provider, Operation: "look up",
			Message: "the account's username or address is longer than any that can be stored; shorten it at the provider"}
	}
	if size := StoredSize(account.User); account.User != nil && size > maxUserSize {
		account.User = nil
		account.UserOmitted = fmt.Sprintf("the user object takes %d bytes as it is stored, and at most %d are kept; read it at the provider", size, maxUserSize)
	}
	if StoredSize(account.Groups) > maxGroupsSize {
		account.Groups = nil
	}
	for StoredSize(account.DisplayName) > maxNameSize {
		account.DisplayName = strings.ToValidUTF8(account.DisplayName[:len(account.DisplayName)/2], "")
	}
	return &account, nil
}

// cut shortens a page to its first accounts; the next one goes on after them.
func cut(page *connectors.Page, count int) {
	if count < len(page.Accounts) {
		page.Accounts = page.Accounts[:count]
		page.Next = page.Accounts[count-1].ID
	}
}

// fitting returns how many of the values go on one page, which is one at least.
func fitting[T any](values []T) int {
	size := 0
	for i, value := range values {
		if size += StoredSize(value); size > maxPageSize && i > 0 {
			return i
		}
	}
	return len(values)
}
