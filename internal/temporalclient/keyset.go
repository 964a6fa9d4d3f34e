package temporalclient

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// Key is one of a keyset, without what is secret of it.
type Key struct {
	ID uint32 `json:"id"`
	// Primary says that it is the one that encrypts; every one that is enabled decrypts.
	Primary bool `json:"primary"`
	Enabled bool `json:"enabled"`
}

// CreateKeyset makes the content of a keyset file with one key.
func CreateKeyset() ([]byte, error) {
	manager := keyset.NewManager()
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return writeKeyset(manager)
}

// AddKey adds a key that decrypts, and does not encrypt yet.
func AddKey(content []byte) (changed []byte, id uint32, err error) {
	changed, err = change(content, func(manager *keyset.Manager) (err error) {
		id, err = manager.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	return changed, id, err
}

// MakePrimary has a key of the keyset encrypt from now on.
func MakePrimary(content []byte, id uint32) ([]byte, error) {
	return change(content, func(manager *keyset.Manager) error { return manager.SetPrimary(id) })
}

// RemoveKey takes a key away that is not the primary one.
func RemoveKey(content []byte, id uint32) ([]byte, error) {
	return change(content, func(manager *keyset.Manager) error { return manager.Delete(id) })
}

// ListKeys returns the keys in the order of the file.
func ListKeys(content []byte) ([]Key, error) {
	handle, err := parseKeyset(content)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	keys := make([]Key, len(info.GetKeyInfo()))
	for i, key := range info.GetKeyInfo() {
		keys[i] = Key{
			ID: key.GetKeyId(), Primary: key.GetKeyId() == info.GetPrimaryKeyId(),
			Enabled: key.GetStatus() == tinkpb.KeyStatusType_ENABLED,
		}
	}
	return keys, nil
}

func change(content []byte, do func(*keyset.Manager) error) ([]byte, error) {
	handle, err := parseKeyset(content)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := do(manager); err != nil {
		return nil, fmt.Errorf("change the keyset: %w", err)
	}
	return writeKeyset(manager)
}

func writeKeyset(manager *keyset.Manager) ([]byte, error) {
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	var written, indented bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&written)); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	if err := json.Indent(&indented, written.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}
