package workflows

import "go.temporal.io/sdk/workflow"

// A change of what workflows command stands here as a named constant once something was
// released, with what it is about, so that a run that got beyond it before it was made goes on
// as it began. Nothing has been released yet.

// since reports whether the run does as is done since the change.
func since(ctx workflow.Context, change string) bool { //nolint:unused // the first change after a release asks it
	return workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}
