package activities_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
)

// TestAuditLineHoldsTheEvent: every field of an event is in its line, under its own name, and
// is there also when it is empty.
func TestAuditLineHoldsTheEvent(t *testing.T) {
	t.Parallel()
	var full activities.AuditEvent
	want := map[string]any{}
	value := reflect.ValueOf(&full).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if value.Field(i).Kind() != reflect.String {
			continue
		}
		value.Field(i).SetString("the " + field.Name)
		key := strings.TrimSuffix(strings.TrimSuffix(field.Name, "ID"), "Id")
		if key != field.Name {
			key += "Id"
		}
		want[strings.ToLower(key[:1])+key[1:]] = "the " + field.Name
	}
	full.Bulk = &activities.AuditCounts{Found: 3, Counts: map[string]int{"unlocked": 2}, Codes: map[string]int{"held": 1}}
	want["found"], want["counts"], want["codes"] = 3, full.Bulk.Counts, full.Bulk.Codes
	require.Equal(t, want, lineOf(t, full))

	empty := lineOf(t, activities.AuditEvent{})
	for key := range want {
		if _, text := want[key].(string); text {
			require.Empty(t, empty[key], key)
		}
	}
	require.NotContains(t, empty, "found")
}

func lineOf(t *testing.T, event activities.AuditEvent) map[string]any {
	t.Helper()
	line := map[string]any{}
	event.Write(func(message string, keysAndValues ...any) {
		require.Equal(t, activities.AuditMessage, message)
		require.Zero(t, len(keysAndValues)%2)
		for i := 0; i < len(keysAndValues); i += 2 {
			require.NotContains(t, line, keysAndValues[i])
			line[keysAndValues[i].(string)] = keysAndValues[i+1]
		}
	})
	return line
}
