package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/workflows"
)

// knownAttributes returns those of Latchkey's search attributes that the namespace has.
// Without them everything works but the search, so their lack is a warning.
func knownAttributes(ctx context.Context, temporal client.Client, namespace string, logger *zap.Logger) []string {
	listed, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		logger.Warn("the search attributes of the namespace cannot be read, so none is set", zap.Error(err))
		return nil
	}
	var known, missing []string
	for _, name := range workflows.SearchAttributes() {
		if listed.GetCustomAttributes()[name] == enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			known = append(known, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		logger.Warn("the namespace lacks search attributes of type Keyword; runs cannot be found by them",
			zap.Strings("missing", missing),
			zap.String("fix", "temporal operator search-attribute create --namespace "+namespace+" --type Keyword --name "+strings.Join(missing, " --type Keyword --name ")))
	}
	return known
}

// canCount reports whether the unlocks of an hour can be counted by search attributes.
func canCount(known []string) bool {
	return slices.Contains(known, workflows.AttributeConnection.GetName()) && slices.Contains(known, workflows.AttributeOutcome.GetName())
}

// countUnlocks asks Temporal's visibility how many accounts of a connection were
// unlocked since a moment, by all workers. The answer lags by seconds.
func countUnlocks(temporal client.Client, namespace, connection string) func(context.Context, time.Time) (int, error) {
	return func(ctx context.Context, since time.Time) (int, error) {
		counted, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace,
			Query: fmt.Sprintf("%s = '%s' AND %s IN ('%s','%s','%s') AND CloseTime > '%s'",
				workflows.AttributeConnection.GetName(), connection, workflows.AttributeOutcome.GetName(),
				workflows.Unlocked, workflows.PartiallyUnlocked, workflows.Relocked, since.UTC().Format(time.RFC3339)),
		})
		if err != nil {
			return 0, fmt.Errorf("count the unlocks of the last hour: %w", err)
		}
		return int(counted.GetCount()), nil
	}
}
