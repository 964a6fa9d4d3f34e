package run

import "go.temporal.io/sdk/workflow"

// A change of what workflows command stands here as a named constant once something was
// released, with what it is about, so that a run that got beyond it before it was made goes on
// as it began. Nothing has been released yet.

// Since reports whether the run does as is done since the change.
func Since(ctx workflow.Context, change string) bool {
	return workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}
