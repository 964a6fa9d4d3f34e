package temporalclient

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// SearchAttributes returns those of the names that the namespace has, with their types.
// Where the server does not tell, and the error is NotOurs, those that a query takes as
// keywords are there.
func SearchAttributes(ctx context.Context, temporal client.Client, namespace string, names []string) (map[string]enumspb.IndexedValueType, error) {
	there := map[string]enumspb.IndexedValueType{}
	listed, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil && !NotOurs(err) {
		return nil, err
	}
	for _, name := range names {
		as, known := listed.GetCustomAttributes()[name]
		if err != nil {
			as = enumspb.INDEXED_VALUE_TYPE_KEYWORD
			_, refused := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: name + " = 'x'"})
			var unknown *serviceerror.InvalidArgument
			if refused != nil && !errors.As(refused, &unknown) {
				return nil, refused
			}
			known = refused == nil
		}
		if known {
			there[name] = as
		}
	}
	return there, err
}

// NotOurs reports whether the server leaves an operation to somebody else: Temporal Cloud
// has some in its own control plane, and a server may allow them to few.
func NotOurs(err error) bool {
	var unimplemented *serviceerror.Unimplemented
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &unimplemented) || errors.As(err, &denied)
}
