package devserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// readyInterval is the pause between two questions to a server that boots.
const readyInterval = 10 * time.Millisecond

// probe asks a booting server for what its callers will need first.
type probe struct {
	workflows workflowservice.WorkflowServiceClient
	operator  operatorservice.OperatorServiceClient
	options   Options
}

// waitUntilReady returns when every service behind the frontend answers.
func waitUntilReady(ctx context.Context, address string, options Options) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("dial the server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	p := &probe{
		workflows: workflowservice.NewWorkflowServiceClient(conn),
		operator:  operatorservice.NewOperatorServiceClient(conn),
		options:   options,
	}
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		err := p.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not get ready (%w): %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// ask is nil when frontend, search attributes, history, matching and
// visibility all answer.
func (p *probe) ask(ctx context.Context) error {
	return errors.Join(p.askAttributes(ctx), p.askHistory(ctx), p.askMatching(ctx), p.askVisibility(ctx))
}

func (p *probe) askAttributes(ctx context.Context) error {
	response, err := p.operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{
		Namespace: p.options.Namespace,
	}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	for name := range p.options.SearchAttributes {
		if _, ok := response.GetCustomAttributes()[name]; !ok {
			return fmt.Errorf("search attribute %s is not there yet", name)
		}
	}
	return nil
}

// askHistory asks for a workflow that does not exist; that it does not is known
// only to the shard, once that is owned.
func (p *probe) askHistory(ctx context.Context) error {
	_, err := p.workflows.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: p.options.Namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: "latchkey-devserver-probe"},
	})
	var notFound *serviceerror.NotFound
	if errors.As(serviceerror.FromStatus(serviceerror.ToStatus(err)), &notFound) {
		return nil
	}
	return fmt.Errorf("describe a workflow: %w", err)
}

func (p *probe) askMatching(ctx context.Context) error {
	_, err := p.workflows.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: p.options.Namespace,
		TaskQueue: &taskqueuepb.TaskQueue{Name: "latchkey-devserver-probe"},
	})
	if err != nil {
		return fmt.Errorf("describe a task queue: %w", err)
	}
	return nil
}

func (p *probe) askVisibility(ctx context.Context) error {
	_, err := p.workflows.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: p.options.Namespace,
	})
	if err != nil {
		return fmt.Errorf("count workflows: %w", err)
	}
	return nil
}
