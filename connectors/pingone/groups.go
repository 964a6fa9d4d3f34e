package pingone

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
	"github.com/latchkey-iam/latchkey/internal/plainjson"
)

// What a read of a user asks for beside the user. PingOne answers one include a call, so
// that the names of a user's groups and their IDs take two.
var (
	withGroupNames = url.Values{"include": {"memberOfGroupNames"}}
	withGroupIDs   = url.Values{"include": {"memberOfGroupIDs"}, "expand": {"population"}}
)

// membership is what is known of the groups and the population that a user belongs to.
type membership struct {
	// names and ids are nil where they were not sent.
	names, ids                   []string
	populationID, populationName string
	// rawIDs are the IDs as they were sent.
	rawIDs json.RawMessage
}

func (u *user) readGroups(object httpcall.Object) error {
	names, _, errNames := httpcall.Get[[]string](object, "memberOfGroupNames")
	ids, _, errIDs := httpcall.Get[[]string](object, "memberOfGroupIDs")
	population, _, errPopulation := httpcall.Get[httpcall.Object](object, "population")
	u.member = membership{
		names: names, ids: ids, rawIDs: object["memberOfGroupIDs"],
		populationID: httpcall.Text(population, "id"), populationName: httpcall.Text(population, "name"),
	}
	return errors.Join(errNames, errIDs, errPopulation)
}

// groups returns the names and IDs of the groups and of the population; nil unless all
// were told. A rule may name a group by either, and what was not told would look like
// "in no such group".
func (m *membership) groups() []string {
	if m.names == nil || m.ids == nil || m.populationID == "" || m.populationName == "" {
		return nil
	}
	groups := append(append([]string{}, m.names...), m.ids...)
	return append(groups, m.populationID, m.populationName)
}

// readGroupIDs adds to a user the IDs of its groups and the name of its population. A
// failure that will not pass leaves the groups unknown; one that may pass fails the look-up.
func (c *Connector) readGroupIDs(ctx context.Context, read *user) error {
	again, _, err := c.read(ctx, read.id, withGroupIDs)
	switch {
	case err == nil:
	case connectors.Retryable(err):
		return err
	default:
		return nil
	}
	read.member.ids, read.member.rawIDs = again.member.ids, again.member.rawIDs
	read.member.populationName = again.member.populationName
	return nil
}

// withIDs returns the user's object with the IDs of its groups, which another read told.
func (u *user) withIDs() (json.RawMessage, error) {
	if u.member.rawIDs == nil {
		return u.raw, nil
	}
	object, err := httpcall.ReadObject(u.raw)
	if err != nil {
		return nil, err
	}
	object["memberOfGroupIDs"] = u.member.rawIDs
	return plainjson.Marshal(object)
}
