package devserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// readyInterval is the pause between two questions to a server that boots.
const readyInterval = 10 * time.Millisecond

// errAttributesAdded says that the server must boot once more: its services read
// the search attributes of a namespace when they boot, and each later when it likes.
var errAttributesAdded = errors.New("search attributes were added")

// waitUntilReady returns when every service behind the frontend answers and the
// namespace has its search attributes.
func waitUntilReady(ctx context.Context, address string, options Options) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("dial the server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		err := ask(ctx, workflowservice.NewWorkflowServiceClient(conn), options.Namespace)
		if err == nil {
			return ensureAttributes(ctx, operatorservice.NewOperatorServiceClient(conn), options)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not get ready (%w): %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// ask is nil when frontend, history, matching and visibility all answer.
func ask(ctx context.Context, server workflowservice.WorkflowServiceClient, namespace string) error {
	const nobody = "latchkey-devserver-probe"
	_, err := server.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("count workflows: %w", err)
	}
	_, err = server.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: nobody},
	})
	if err != nil {
		return fmt.Errorf("describe a task queue: %w", err)
	}
	// That a workflow does not exist is known only to the shard, once that is owned.
	_, err = server.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: nobody},
	})
	if status.Code(err) != codes.NotFound {
		return fmt.Errorf("describe a workflow: %w", err)
	}
	return nil
}

// ensureAttributes adds to a namespace of an older database file the search
// attributes that it lacks, and is errAttributesAdded when it did. One of
// another type cannot be changed.
func ensureAttributes(ctx context.Context, server operatorservice.OperatorServiceClient, options Options) error {
	response, err := server.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: options.Namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := maps.Clone(options.SearchAttributes)
	maps.DeleteFunc(missing, func(name string, want enumspb.IndexedValueType) bool {
		return response.GetCustomAttributes()[name] == want
	})
	for name, want := range missing {
		if have, found := response.GetCustomAttributes()[name]; found {
			return fmt.Errorf("search attribute %s exists as %s and cannot become %s", name, have, want)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = server.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: options.Namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("add search attributes to namespace %s: %w", options.Namespace, err)
	}
	return errAttributesAdded
}
