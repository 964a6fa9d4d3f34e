package temporalclient

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

const (
	// encrypted is the encoding of a payload that holds another one, encrypted.
	encrypted = "binary/encrypted"
	// keyIDMetadata shows the key to whoever looks at a payload; what counts is in the data.
	keyIDMetadata = "encryption-key-id"
	// tinkPrefix begins what a key with an ID encrypts; the ID follows.
	tinkPrefix     = 1
	tinkPrefixSize = 5
	// maxPlain bounds what a payload may hold once it is decompressed; Temporal takes 2 MB.
	maxPlain = 64 << 20
	// minCompressed is the least that is worth compressing.
	minCompressed = 256
)

// The first byte of what is encrypted says how the payload follows.
const (
	plain byte = iota
	deflated
)

// KeyError says why a payload cannot be decrypted.
type KeyError struct {
	ID     uint32
	reason string
}

// Error names the key, and never what it would open.
func (e *KeyError) Error() string { return fmt.Sprintf("encryption key %d %s", e.ID, e.reason) }

// codec encrypts payloads for one namespace, and decrypts those that are encrypted.
type codec struct {
	keys      *Keys
	namespace string
}

var _ converter.PayloadCodec = codec{}

// bound is what ties a payload to its purpose and namespace. The workflow's ID is left out:
// the server hands payloads from one run to others.
func (c codec) bound() []byte { return []byte("latchkey payload in " + c.namespace) }

// Encode implements converter.PayloadCodec.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	ring := c.keys.current()
	if ring.aead == nil {
		return payloads, nil
	}
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		content, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		data, err := ring.aead.Encrypt(compress(content), c.bound())
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		encoded[i] = &commonpb.Payload{Data: data, Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(encrypted), keyIDMetadata: []byte(strconv.FormatUint(uint64(ring.primary), 10)),
		}}
	}
	return encoded, nil
}

// Decode implements converter.PayloadCodec. What is not encrypted it leaves alone.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		decoded[i] = payload
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != encrypted {
			continue
		}
		content, err := c.decrypt(payload.GetData())
		if err != nil {
			c.keys.refuse(err)
			return nil, err
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(content, decoded[i]); err != nil {
			return nil, fmt.Errorf("decrypt a payload: %w", err)
		}
	}
	return decoded, nil
}

func (c codec) decrypt(data []byte) ([]byte, error) {
	if len(data) < tinkPrefixSize || data[0] != tinkPrefix {
		return nil, &KeyError{reason: "is what no keyset has: the payload was not encrypted by Latchkey, or was altered"}
	}
	id := binary.BigEndian.Uint32(data[1:tinkPrefixSize])
	ring := c.keys.current()
	if ring.aead == nil {
		return nil, &KeyError{id, "is needed to read this, and " + KeysetVariable + " is not set: set it to the file with the key"}
	}
	enabled, found := ring.ids[id]
	switch {
	case !found:
		return nil, &KeyError{id, "is not in the keyset (" + KeysetVariable + "): put it back, and what waits for it goes on"}
	case !enabled:
		return nil, &KeyError{id, "is disabled in the keyset (" + KeysetVariable + "): enable it, and what waits for it goes on"}
	}
	content, err := ring.aead.Decrypt(data, c.bound())
	if err != nil {
		return nil, &KeyError{id, "does not open this: the keyset (" + KeysetVariable + ") has another key of that ID, or the payload is another namespace's than " + c.namespace + ", or was altered"}
	}
	return decompress(content)
}

var compressors = sync.Pool{New: func() any {
	writer, _ := flate.NewWriter(nil, flate.BestSpeed) // The level is one that there is.
	return writer
}}

// compress writes the content, smaller if it can be, behind a byte that says so.
func compress(content []byte) []byte {
	if len(content) >= minCompressed {
		out := bytes.NewBuffer(make([]byte, 0, len(content)))
		out.WriteByte(deflated)
		writer := compressors.Get().(*flate.Writer)
		defer compressors.Put(writer)
		writer.Reset(out)
		_, _ = writer.Write(content) // A buffer takes everything.
		_ = writer.Close()
		if out.Len() <= len(content) {
			return out.Bytes()
		}
	}
	return append([]byte{plain}, content...)
}

func decompress(content []byte) ([]byte, error) {
	if len(content) == 0 {
		return nil, errors.New("decrypt a payload: it is empty")
	}
	how, content := content[0], content[1:]
	switch how {
	case plain:
		return content, nil
	case deflated:
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(content)), maxPlain+1))
		if err == nil && len(inflated) > maxPlain {
			err = errors.New("it is too large")
		}
		if err != nil {
			return nil, fmt.Errorf("decompress a payload: %w", err)
		}
		return inflated, nil
	default:
		return nil, fmt.Errorf("decrypt a payload: it is of a kind %d that a newer Latchkey wrote", how)
	}
}
