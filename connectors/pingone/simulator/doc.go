// Package simulator is a PingOne environment to test against: the part of the
// platform API that concerns locked users, and the token endpoint, over real
// HTTP, with PingOne's credentials, content types, filters, pages and errors.
//
// It is built from what Ping documents (https://developer.pingidentity.com/pingone-api/platform/users.html)
// and what it does live, never from the connector, of which it imports nothing.
// Where no source settles how PingOne behaves, [Settings] has a switch.
//
//	sim := simulator.New(simulator.Options{})
//	root, stop, err := sim.Start("")          // or httptest.NewServer(sim)
//	api, auth := simulator.APIURL(root), simulator.AuthURL(root)
//	id := sim.MustCreateUser(map[string]any{"username": "ann"})
//	err = sim.LockByFailures(id)
//
// The control surface below /_simulator/ is described in connectors/simulator/README.md.
package simulator
