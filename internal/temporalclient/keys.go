package temporalclient

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// KeysetVariable names the file with the keys that payloads are encrypted with.
const KeysetVariable = "LATCHKEY_ENCRYPTION_KEYSET_FILE"

const (
	// rereadEvery bounds how often the file is read, and so how late a change is seen.
	rereadEvery = time.Second
	// maxKeyset is more than a keyset of a thousand keys takes.
	maxKeyset = 1 << 20
	// recent is how long a payload that could not be read is a fault of the keys.
	recent = time.Minute
)

// Keys are those of a keyset file, which is read again when it changes. Without a file there
// are none, and nothing is encrypted.
type Keys struct {
	path   string
	failed atomic.Int64

	mutex   sync.Mutex
	read    time.Time
	sum     [sha256.Size]byte
	ring    keyring
	fault   error
	refused error
	refusal time.Time
}

// keyring is what one version of the file holds.
type keyring struct {
	aead    tink.AEAD
	primary uint32
	ids     map[uint32]bool
}

// OpenKeys reads the keyset file; no path opens no keys.
func OpenKeys(path string) (*Keys, error) {
	k := &Keys{path: path}
	_ = k.current()
	return k, k.fault
}

// EnvironmentKeys opens the file that LATCHKEY_ENCRYPTION_KEYSET_FILE names, if it is set.
func EnvironmentKeys() (*Keys, error) { return OpenKeys(os.Getenv(KeysetVariable)) }

// Format keeps the keys out of whatever is printed.
func (k *Keys) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "keys of "+k.path) }

// Fault says that the file can no longer be read, or which key a payload of the last minute
// lacked; nil where nothing is wrong. Meanwhile the keys of before are used.
func (k *Keys) Fault() error {
	k.current()
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.fault == nil && time.Since(k.refusal) < recent {
		return k.refused
	}
	return k.fault
}

// Failed counts the payloads that could not be decrypted.
func (k *Keys) Failed() int64 { return k.failed.Load() }

func (k *Keys) refuse(err error) {
	k.failed.Add(1)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.refused, k.refusal = err, time.Now()
}

// current is the keyring, as the file was a second ago at most.
func (k *Keys) current() keyring {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.path == "" || time.Since(k.read) < rereadEvery {
		return k.ring
	}
	k.read = time.Now()
	content, err := readKeyset(k.path)
	if err != nil {
		k.fault = err
		return k.ring
	}
	sum := sha256.Sum256(content)
	if sum == k.sum {
		k.fault = nil
		return k.ring
	}
	ring, err := parseKeyring(content)
	if err != nil {
		k.fault = fmt.Errorf("the keyset %s (%s) cannot be used: %w", k.path, KeysetVariable, err)
		return k.ring
	}
	k.ring, k.sum, k.fault = ring, sum, nil
	return k.ring
}

func readKeyset(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the keyset (%s): %w; docs/encryption.md says how to make one", KeysetVariable, err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxKeyset+1))
	if err == nil && len(content) > maxKeyset {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("read the keyset %s (%s): %w", path, KeysetVariable, err)
	}
	return content, nil
}

// errNoKeyset stands for what the library says of a file, which may quote it.
var errNoKeyset = errors.New("it is not a keyset in JSON with keys for AEAD, of which one is primary; docs/encryption.md says how to make one")

func parseKeyset(content []byte) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		return nil, errNoKeyset
	}
	return handle, nil
}

func parseKeyring(content []byte) (keyring, error) {
	handle, err := parseKeyset(content)
	if err != nil {
		return keyring{}, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return keyring{}, errNoKeyset
	}
	info := handle.KeysetInfo()
	ring := keyring{aead: primitive, primary: info.GetPrimaryKeyId(), ids: map[uint32]bool{}}
	for _, key := range info.GetKeyInfo() {
		if key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return keyring{}, fmt.Errorf("key %d does not write its ID into what it encrypts: use keys with the output prefix TINK", key.GetKeyId())
		}
		ring.ids[key.GetKeyId()] = key.GetStatus() == tinkpb.KeyStatusType_ENABLED
	}
	return ring, nil
}
