package workflows

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// served are the workflows as a worker serves them.
type served struct {
	// attributes are those of Latchkey's search attributes that the namespace has.
	attributes []string
}

// begin makes a run findable by its connection, and returns the search attributes that may
// be set.
func (s served) begin(ctx workflow.Context, connection string) ([]string, error) {
	known := s.known(ctx)
	return known, upsert(ctx, known, attribute{AttributeConnection, connection})
}

// StartAttributes are those to start a run with, where the namespace has them, so that it is
// found by its connection from the start. A run that is started without them sets them itself,
// which takes two events more.
func StartAttributes(connection string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(AttributeConnection.ValueSet(connection))
}

// startedAt reports whether the run was started with its connection as a search attribute.
func startedAt(ctx workflow.Context, connection string) bool {
	set, found := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttributeConnection)
	return found && set == connection
}

// known are the search attributes that may be set. They are recorded, since the worker that
// goes on may know others.
func (s served) known(ctx workflow.Context) []string {
	return recorded(ctx, func() []string { return s.attributes })
}

// wrongInput ends a run whose input says nothing that could be done.
func (s served) wrongInput(ctx workflow.Context, wrong error) error {
	workflow.SetCurrentDetails(ctx, endDetails(TypeInvalidInput, wrong.Error()))
	if err := upsert(ctx, s.known(ctx), attribute{AttributeOutcome, TypeInvalidInput}); err != nil {
		return err
	}
	return fail(TypeInvalidInput, wrong.Error())
}

// recorded asks once: a replay finds the same answer in the history.
func recorded[T any](ctx workflow.Context, ask func() T) (answer T) {
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return ask() }).Get(&answer); err != nil {
		panic(err) // The history is not this workflow's: the task fails, and the run stays.
	}
	return answer
}

type attribute struct {
	key   temporal.SearchAttributeKeyKeyword
	value string
}

// upsert sets those of the attributes that are not set so already.
func upsert(ctx workflow.Context, known []string, values ...attribute) error {
	current := workflow.GetTypedSearchAttributes(ctx)
	news := slices.DeleteFunc(values, func(a attribute) bool {
		set, found := current.GetKeyword(a.key)
		return found && set == a.value
	})
	updates := updatesOf(known, news...)
	if len(updates) == 0 {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}

// updatesOf sets those of the attributes that the namespace knows: setting another would
// fail the workflow task for ever.
func updatesOf(known []string, values ...attribute) []temporal.SearchAttributeUpdate {
	var updates []temporal.SearchAttributeUpdate
	for _, value := range values {
		if slices.Contains(known, value.key.GetName()) {
			updates = append(updates, value.key.ValueSet(value.value))
		}
	}
	return updates
}

// unset takes a search attribute away, where the namespace knows it.
func unset(ctx workflow.Context, known []string, key temporal.SearchAttributeKeyKeyword) error {
	if !slices.Contains(known, key.GetName()) {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, key.ValueUnset())
}
