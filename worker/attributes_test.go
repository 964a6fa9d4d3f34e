package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/latchkey-iam/latchkey/workflows"
)

// starting is a Temporal server that does not answer at first.
type starting struct {
	sdkclient.Client
	operatorservice.OperatorServiceClient

	failures, asked int
	// stop is called with the last failure.
	stop context.CancelFunc
}

func (s *starting) OperatorService() operatorservice.OperatorServiceClient { return s }

func (s *starting) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	if s.asked++; s.asked <= s.failures {
		if s.asked == s.failures {
			s.stop()
		}
		return nil, serviceerror.NewUnavailable("it is starting")
	}
	there := map[string]enumspb.IndexedValueType{}
	for _, name := range workflows.SearchAttributes() {
		there[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: there}, nil
}

// TestAttributesOfAServerThatStarts: a worker that starts before Temporal answers must not take
// the search attributes for lacking, in all runs that it is going to serve.
func TestAttributesOfAServerThatStarts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failures int
		stopped  bool
		known    []string
	}{
		"answers at once":                 {known: workflows.SearchAttributes()},
		"answers after a while":           {failures: 3, known: workflows.SearchAttributes()},
		"the worker is stopped meanwhile": {failures: 3, stopped: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := &starting{failures: test.failures, stop: func() {}}
			if test.stopped {
				server.stop = cancel
			}
			require.Equal(t, test.known, knownAttributes(ctx, server, "default", zap.NewNop()))
		})
	}
}
