package worker

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// A worker may start while Temporal itself is starting. What it then takes for lacking would lack
// in every run that it serves, so it asks again for a while.
const (
	attributesPatience = 15 * time.Second
	attributesPause    = 200 * time.Millisecond
)

// knownAttributes returns those of Latchkey's search attributes that the namespace has.
// Their lack is a warning: without them unlocks work. What needs them says so itself: bulk
// runs whose policy counts unlocks, and the list of what waits for an approval.
func knownAttributes(ctx context.Context, temporal client.Client, namespace string, logger *zap.Logger) []string {
	there, err := askAttributes(ctx, temporal, namespace)
	if err != nil && !temporalclient.NotOurs(err) {
		logger.Warn("the search attributes of the namespace cannot be read, so none is set", zap.Error(err))
		return nil
	}
	var known, missing []string
	for _, name := range workflows.SearchAttributes() {
		if there[name] == enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			known = append(known, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		logger.Warn("the namespace lacks search attributes of type Keyword; runs cannot be found by them",
			zap.Strings("missing", missing), zap.String("namespace", namespace),
			zap.String("fix", "register them in the namespace"))
	}
	return known
}

// askAttributes asks until Temporal answers, or for attributesPatience.
func askAttributes(ctx context.Context, temporal client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	ctx, cancel := context.WithTimeout(ctx, attributesPatience)
	defer cancel()
	pause := time.NewTicker(attributesPause)
	defer pause.Stop()
	for {
		there, err := temporalclient.SearchAttributes(ctx, temporal, namespace, workflows.SearchAttributes())
		if err == nil || temporalclient.NotOurs(err) {
			return there, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}
