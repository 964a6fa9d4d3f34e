package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// requestsPerActivity: the provider declares the fewest requests that a look-up by ID, an
// unlock or a verification, which looks up by ID again, makes. What is read once and
// kept, such as a token, is not among them.
func requestsPerActivity(t *testing.T, fresh newFixture) {
	f := fresh(t)
	connector := f.open()
	account, err := connector.Lookup(t.Context(), f.user.Ref())
	require.NoError(t, err)
	counted := map[string]int{}
	for _, activity := range []struct {
		name string
		do   func() error
	}{
		{"look up", func() error { return lookUp(t, connector, f.user) }},
		{"unlock", func() error { return unlock(t, connector, account) }},
		{"verify", func() error { return lookUp(t, connector, f.user) }},
		{"unlock what is not locked", func() error { return unlock(t, connector, account) }},
	} {
		before := f.Peer().Calls.Count("")
		require.NoError(t, activity.do(), activity.name)
		counted[activity.name] = f.Peer().Calls.Count("") - before
	}
	fewest := counted["verify"]
	for _, count := range counted {
		fewest = min(fewest, count)
	}
	require.Positive(t, fewest)
	require.Equal(t, fewest, f.Config().Capabilities().Requests, counted)
}

func lookUp(t *testing.T, connector Connector, user User) error {
	t.Helper()
	_, err := connector.Lookup(t.Context(), user.Ref())
	return err
}
