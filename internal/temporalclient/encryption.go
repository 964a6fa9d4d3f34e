package temporalclient

import (
	"context"
	"errors"
	"regexp"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// Encrypted returns the converters of a namespace: they write payloads, and the messages and
// stacks of failures, encrypted where there are keys, and read both what is encrypted and
// what is not.
func Encrypted(keys *Keys, namespace string) (converter.DataConverter, converter.FailureConverter) {
	data := encrypting{converter.NewCodecDataConverter(DataConverter, codec{keys, namespace})}
	return data, newFailures(keys, data, data)
}

// Encrypt sets the converters of a client's options. A client that workers use is serving.
func (k *Keys) Encrypt(options *client.Options, namespace string, serving bool) {
	options.DataConverter, options.FailureConverter = Encrypted(k, namespace)
	if serving {
		options.FailureConverter = servingFailures(k, options.DataConverter)
	}
}

// servingFailures is for a worker's client: the SDK reads the failures of a history outside
// of workflow code, where an error would be lost.
func servingFailures(keys *Keys, data converter.DataConverter) converter.FailureConverter {
	return newFailures(keys, data, panicking{data})
}

// encrypting panics in workflow code when a key is missing, so that the task fails and is
// made again until the key is there. An error would end the run, or lose a signal.
type encrypting struct{ converter.DataConverter }

var _ workflow.ContextAware = encrypting{}

// WithWorkflowContext implements workflow.ContextAware.
func (e encrypting) WithWorkflowContext(workflow.Context) converter.DataConverter {
	return panicking(e)
}

// WithContext implements workflow.ContextAware.
func (e encrypting) WithContext(context.Context) converter.DataConverter { return e }

type panicking struct{ converter.DataConverter }

// FromPayload implements converter.DataConverter.
func (p panicking) FromPayload(payload *commonpb.Payload, value any) error {
	return panicWithoutKey(p.DataConverter.FromPayload(payload, value))
}

// FromPayloads implements converter.DataConverter.
func (p panicking) FromPayloads(payloads *commonpb.Payloads, values ...any) error {
	return panicWithoutKey(p.DataConverter.FromPayloads(payloads, values...))
}

func panicWithoutKey(err error) error {
	var missing *KeyError
	if errors.As(err, &missing) {
		panic(missing)
	}
	return err
}

// failures encodes every failure of a chain, and leaves in the clear which key is missing:
// who has to put it back could not read it otherwise.
type failures struct {
	converter.FailureConverter
	keys *Keys
	data converter.DataConverter
}

func newFailures(keys *Keys, writes, reads converter.DataConverter) failures {
	return failures{
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: reads}),
		keys:             keys, data: writes,
	}
}

// keySentence is a KeyError's.
var keySentence = regexp.MustCompile(`encryption key \d+ (is|does not) .*` + KeysetVariable + `[^"]*`)

// ErrorToFailure implements converter.FailureConverter.
func (f failures) ErrorToFailure(err error) *failurepb.Failure {
	failure := f.FailureConverter.ErrorToFailure(err)
	if failure == nil || f.keys.current().aead == nil {
		return failure
	}
	failure = proto.CloneOf(failure) // It may be one of a history, that somebody else reads.
	for each := failure; each != nil; each = each.GetCause() {
		if each.GetEncodedAttributes() != nil {
			continue
		}
		sentence := keySentence.FindString(each.GetMessage())
		if err := converter.EncodeCommonFailureAttributes(f.data, each); err != nil {
			panic(err)
		}
		if sentence != "" {
			each.Message = sentence
		}
	}
	return failure
}

// FailureToError implements converter.FailureConverter. A failure that cannot be read says
// which key it takes.
func (f failures) FailureToError(failure *failurepb.Failure) error {
	for each := failure; each != nil; each = each.GetCause() {
		var missing *KeyError
		var ignored any
		if each.GetEncodedAttributes() != nil && errors.As(f.data.FromPayload(each.GetEncodedAttributes(), &ignored), &missing) {
			each.Message = missing.Error()
		}
	}
	return f.FailureConverter.FailureToError(failure)
}
