package worker

import (
	"context"
	"slices"
	"sync"
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

// What is known of the search attributes is asked again once it is older than this, as they may
// be registered or removed while a worker runs; seldom where it takes a query for each.
const (
	attributesAge       = 5 * time.Second
	attributesAgeByName = time.Minute
)

// attributes are those of Latchkey's search attributes that the namespace has. Their lack is a
// warning: without them unlocks work. What needs them says so itself: bulk runs whose policy
// counts unlocks, and the list of what waits for an approval.
type attributes struct {
	temporal  client.Client
	namespace string
	logger    *zap.Logger
	// serving ends with the worker.
	serving context.Context

	mutex  sync.Mutex
	there  []string
	age    time.Duration
	asked  time.Time
	asking bool
}

// newAttributes asks for the first time.
func newAttributes(ctx context.Context, temporal client.Client, namespace string, logger *zap.Logger) *attributes {
	a := &attributes{temporal: temporal, namespace: namespace, logger: logger, serving: ctx}
	there, err := askAttributes(ctx, temporal, namespace)
	a.take(there, err)
	return a
}

// known returns what was last heard, and asks anew beside when that is old. It never waits.
func (a *attributes) known() []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if !a.asking && time.Since(a.asked) > a.age {
		a.asking = true
		go func() {
			ctx, cancel := context.WithTimeout(a.serving, attributesPatience)
			defer cancel()
			a.take(temporalclient.SearchAttributes(ctx, a.temporal, a.namespace, workflows.SearchAttributes()))
		}()
	}
	return a.there
}

// take notes an answer, and logs what is missing when that is news. No answer changes nothing.
func (a *attributes) take(there map[string]enumspb.IndexedValueType, err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	first := a.asked.IsZero()
	a.asked, a.asking, a.age = time.Now(), false, attributesAge
	if err != nil && !temporalclient.NotOurs(err) {
		if first {
			a.logger.Warn("the search attributes of the namespace cannot be read, so none is set until they can", zap.Error(err))
		}
		return
	}
	if err != nil {
		a.age = attributesAgeByName
	}
	var known, missing []string
	for _, name := range workflows.SearchAttributes() {
		if there[name] == enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			known = append(known, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && (first || !slices.Equal(known, a.there)) {
		a.logger.Warn("the namespace lacks search attributes of type Keyword; runs cannot be found by them",
			zap.Strings("missing", missing), zap.String("namespace", a.namespace),
			zap.String("fix", "register them in the namespace"))
	}
	a.there = known
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
