package readonly

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// answered ends a run that only asks, with the word and explanation of an answer, or as the
// question failed.
func answered(ctx workflow.Context, attributes *run.Attributes, connection string, failed error, word, explanation string) error {
	ended := failed
	switch {
	case temporal.IsCanceledError(failed):
		word, explanation = workflows.OutcomeCancelled, "somebody cancelled it; nothing was changed at the provider"
		ended = temporal.NewCanceledError()
	case failed != nil:
		understood := run.Understand(failed, connection)
		word, explanation = understood.Kind, understood.Message
		ended = run.Fail(word, explanation)
	}
	workflow.SetCurrentDetails(ctx, run.EndDetails(word, explanation))
	if err := attributes.Upsert(ctx, run.Set(workflows.AttributeOutcome, word)); err != nil {
		return err
	}
	return ended
}
