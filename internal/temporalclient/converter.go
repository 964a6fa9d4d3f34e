package temporalclient

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/internal/plainjson"
)

// DataConverter is the SDK's own but for JSON, which it writes plain. What either wrote the
// other reads.
var DataConverter = converter.NewCompositeDataConverter(
	converter.NewNilPayloadConverter(),
	converter.NewByteSlicePayloadConverter(),
	converter.NewProtoJSONPayloadConverter(),
	converter.NewProtoPayloadConverter(),
	plainConverter{converter.NewJSONPayloadConverter()},
)

type plainConverter struct {
	*converter.JSONPayloadConverter
}

// ToPayload implements converter.PayloadConverter.
func (c plainConverter) ToPayload(value any) (*commonpb.Payload, error) {
	data, err := plainjson.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", converter.ErrUnableToEncode, err)
	}
	return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(c.Encoding())}, Data: data}, nil
}
