package workflows

import (
	"errors"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// decodeQuestion reads the input of a run that only asks, as strictly as DecodeInput.
func decodeQuestion(raw converter.RawValue, into any, faults func() faults) error {
	data, err := jsonOf(raw, "connection")
	if err == nil {
		err = decode(data, into)
	}
	if err != nil {
		return err
	}
	return errors.Join(faults()...)
}

// answered ends a run that only asks, with the word and explanation of an answer, or as the
// question failed.
func (s served) answered(ctx workflow.Context, connection string, failed error, word, explanation string) error {
	ended := failed
	switch {
	case temporal.IsCanceledError(failed):
		word, explanation = outcomeCancelled, "somebody cancelled it; nothing was changed at the provider"
		ended = temporal.NewCanceledError()
	case failed != nil:
		understood := understand(failed, connection)
		word, explanation = understood.kind, understood.message
		ended = fail(word, explanation)
	}
	workflow.SetCurrentDetails(ctx, endDetails(word, explanation))
	if err := s.upsert(ctx, attribute{AttributeOutcome, word}); err != nil {
		return err
	}
	return ended
}
