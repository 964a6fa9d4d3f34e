package run

import (
	"maps"
	"regexp"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/workflows"
)

// Attributes are the search attributes of one run.
type Attributes struct {
	// has returns those of Latchkey's search attributes that the namespace has now; nil where it
	// has none. It must not wait.
	has func() []string
	// set are those of the run, by name. A run cannot read them back: of those that the
	// namespace lacks by then the server tells a replay nothing.
	set map[string]string
	// later are to be set with the next.
	later []Attribute
}

// indexed is what is recorded of the search attributes.
type indexed struct {
	// Known are those that may be set.
	Known []string `json:"known"`
	// Set are those that are set; what is first recorded holds those of the start.
	Set map[string]string `json:"set,omitempty"`
}

// NewAttributes are those of a run that begins, in a namespace that has those that has returns
// without waiting; nil says that it has none.
func NewAttributes(has func() []string) *Attributes {
	return &Attributes{has: has, set: map[string]string{}}
}

// Begin makes a run findable by its connection, and by what else is known of it.
func (a *Attributes) Begin(ctx workflow.Context, connection string, others ...Attribute) error {
	return a.Upsert(ctx, append(others, Set(workflows.AttributeConnection, connection))...)
}

// known are the search attributes that may be set. They are asked for in the task that sets
// them: the server refuses a task that sets one which the namespace lacks by then, and the
// task is made again, with another answer. An answer is recorded when it differs from the one
// before, so that a replay finds it.
func (a *Attributes) known(ctx workflow.Context) []string {
	ask := func(ctx workflow.Context) any {
		now := indexed{Known: []string{}, Set: map[string]string{}}
		if a.has != nil {
			now.Known = append(now.Known, a.has()...)
		}
		started := workflow.GetTypedSearchAttributes(ctx)
		for _, name := range workflows.SearchAttributes() {
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
	if len(a.set) == 0 {
		maps.Copy(a.set, answer.Set)
	}
	return answer.Known
}

// WrongInput ends a run whose input says nothing that could be done.
func (a *Attributes) WrongInput(ctx workflow.Context, wrong error) error {
	workflow.SetCurrentDetails(ctx, EndDetails(workflows.TypeInvalidInput, wrong.Error()))
	if err := a.Upsert(ctx, Set(workflows.AttributeOutcome, workflows.TypeInvalidInput)); err != nil {
		return err
	}
	return Fail(workflows.TypeInvalidInput, wrong.Error())
}

// Attribute is one to be set.
type Attribute struct {
	key   temporal.SearchAttributeKeyKeyword
	value string
}

// Set is an attribute with its value.
func Set(key temporal.SearchAttributeKeyKeyword, value string) Attribute {
	return Attribute{key: key, value: value}
}

// Later has attributes set together with the next that are: nobody looks for them before.
func (a *Attributes) Later(values ...Attribute) { a.later = append(a.later, values...) }

// Upsert sets those of the attributes that are not set so already.
func (a *Attributes) Upsert(ctx workflow.Context, values ...Attribute) error {
	known := a.known(ctx)
	updates := a.changes(known, values)
	if len(updates) == 0 {
		return nil
	}
	updates = append(updates, a.changes(known, a.later)...)
	a.later = nil
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}

// changes notes those of the attributes as set that are known and not set so already.
func (a *Attributes) changes(known []string, values []Attribute) (updates []temporal.SearchAttributeUpdate) {
	for _, value := range values {
		name := value.key.GetName()
		if set, found := a.set[name]; slices.Contains(known, name) && (!found || set != value.value) {
			a.set[name] = value.value
			updates = append(updates, value.key.ValueSet(value.value))
		}
	}
	return updates
}

// Updates are those of the attributes that the namespace knows: setting another fails the
// workflow task.
func (a *Attributes) Updates(ctx workflow.Context, values ...Attribute) []temporal.SearchAttributeUpdate {
	known := a.known(ctx)
	var updates []temporal.SearchAttributeUpdate
	for _, value := range values {
		if slices.Contains(known, value.key.GetName()) {
			updates = append(updates, value.key.ValueSet(value.value))
		}
	}
	return updates
}

// Unset takes a search attribute away, where the namespace knows it.
func (a *Attributes) Unset(ctx workflow.Context, key temporal.SearchAttributeKeyKeyword) error {
	if !slices.Contains(a.known(ctx), key.GetName()) {
		return nil
	}
	delete(a.set, key.GetName())
	return workflow.UpsertTypedSearchAttributes(ctx, key.ValueUnset())
}

// removed is how a server on an SQL database names a search attribute that the namespace had
// when an event was stored, and lacks when it is read: by its column.
var removed = regexp.MustCompile(`^(Bool|Datetime|Double|Int|Keyword|KeywordList|Text)\d\d$`)

// DropUnknown keeps a run from handing to the one that continues it what the namespace knows
// no more: the SDK hands on all that was ever set, and the server would refuse it.
func (a *Attributes) DropUnknown(ctx workflow.Context) {
	known := a.known(ctx)
	maps.DeleteFunc(workflow.GetInfo(ctx).SearchAttributes.GetIndexedFields(), func(name string, _ *commonpb.Payload) bool { //nolint:staticcheck // the typed ones are a copy
		return removed.MatchString(name) || slices.Contains(workflows.SearchAttributes(), name) && !slices.Contains(known, name)
	})
}
