package workflows

import (
	"maps"
	"regexp"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// served are the workflows as a worker serves them.
type served struct {
	// attributes returns those of Latchkey's search attributes that the namespace has now; nil
	// where it has none. It must not wait.
	attributes func() []string
	// set are the attributes of the run, by name. A run cannot read them back: of those that the
	// namespace lacks by then the server tells a replay nothing.
	set map[string]string
}

// indexed is what is recorded of the search attributes.
type indexed struct {
	// Known are those that may be set.
	Known []string `json:"known"`
	// Set are those that are set; what is first recorded holds those of the start.
	Set map[string]string `json:"set,omitempty"`
}

// StartAttributes are those to start a run with, where the namespace has them, so that it is
// found by its connection from the start. A run that is started without them sets them itself,
// which takes an event more.
func StartAttributes(connection string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(AttributeConnection.ValueSet(connection))
}

// forRun is served for one run.
func (s served) forRun() served {
	s.set = map[string]string{}
	return s
}

// begin makes a run findable by its connection.
func (s served) begin(ctx workflow.Context, connection string) error {
	return s.upsert(ctx, attribute{AttributeConnection, connection})
}

// known are the search attributes that may be set. They are asked for in the task that sets
// them: the server refuses a task that sets one which the namespace lacks by then, and the
// task is made again, with another answer. An answer is recorded when it differs from the one
// before, so that a replay finds it.
func (s served) known(ctx workflow.Context) []string {
	ask := func(ctx workflow.Context) any {
		now := indexed{Known: []string{}, Set: map[string]string{}}
		if s.attributes != nil {
			now.Known = append(now.Known, s.attributes()...)
		}
		started := workflow.GetTypedSearchAttributes(ctx)
		for _, name := range SearchAttributes() {
			if value, found := started.GetKeyword(temporal.NewSearchAttributeKeyKeyword(name)); found {
				now.Set[name] = value
			}
		}
		return now
	}
	same := func(one, other any) bool { return slices.Equal(one.(indexed).Known, other.(indexed).Known) }
	var answer indexed
	if err := workflow.MutableSideEffect(ctx, "search-attributes", ask, same).Get(&answer); err != nil {
		panic(err) // The history is not this workflow's: the task fails, and the run stays.
	}
	if len(s.set) == 0 {
		maps.Copy(s.set, answer.Set)
	}
	return answer.Known
}

// wrongInput ends a run whose input says nothing that could be done.
func (s served) wrongInput(ctx workflow.Context, wrong error) error {
	workflow.SetCurrentDetails(ctx, endDetails(TypeInvalidInput, wrong.Error()))
	if err := s.upsert(ctx, attribute{AttributeOutcome, TypeInvalidInput}); err != nil {
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
func (s served) upsert(ctx workflow.Context, values ...attribute) error {
	known := s.known(ctx)
	var updates []temporal.SearchAttributeUpdate
	for _, value := range values {
		name := value.key.GetName()
		if set, found := s.set[name]; slices.Contains(known, name) && (!found || set != value.value) {
			s.set[name] = value.value
			updates = append(updates, value.key.ValueSet(value.value))
		}
	}
	if len(updates) == 0 {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}

// updatesOf sets those of the attributes that the namespace knows: setting another fails the
// workflow task.
func (s served) updatesOf(ctx workflow.Context, values ...attribute) []temporal.SearchAttributeUpdate {
	known := s.known(ctx)
	var updates []temporal.SearchAttributeUpdate
	for _, value := range values {
		if slices.Contains(known, value.key.GetName()) {
			updates = append(updates, value.key.ValueSet(value.value))
		}
	}
	return updates
}

// unset takes a search attribute away, where the namespace knows it.
func (s served) unset(ctx workflow.Context, key temporal.SearchAttributeKeyKeyword) error {
	if !slices.Contains(s.known(ctx), key.GetName()) {
		return nil
	}
	delete(s.set, key.GetName())
	return workflow.UpsertTypedSearchAttributes(ctx, key.ValueUnset())
}

// removed is how a server on an SQL database names a search attribute that the namespace had
// when an event was stored, and lacks when it is read: by its column.
var removed = regexp.MustCompile(`^(Bool|Datetime|Double|Int|Keyword|KeywordList|Text)\d\d$`)

// dropUnknown keeps a run from handing to the one that continues it what the namespace knows
// no more: the SDK hands on all that was ever set, and the server would refuse it.
func (s served) dropUnknown(ctx workflow.Context) {
	known := s.known(ctx)
	maps.DeleteFunc(workflow.GetInfo(ctx).SearchAttributes.GetIndexedFields(), func(name string, _ *commonpb.Payload) bool { //nolint:staticcheck // the typed ones are a copy
		return removed.MatchString(name) || slices.Contains(SearchAttributes(), name) && !slices.Contains(known, name)
	})
}
