// Package simulator is a JumpCloud organization to test against: the part of
// the Directory API v1 that concerns locked users, over real HTTP, with
// JumpCloud's credentials, ids, filters, pages and errors.
//
// It is built from what JumpCloud documents (https://docs.jumpcloud.com/api/1.0/)
// and does live, never from the connector, of which it imports nothing. Where no
// source settles how JumpCloud behaves, [Settings] has a switch.
//
//	sim := simulator.New(simulator.Options{})
//	root, stop, err := sim.Start("")          // or httptest.NewServer(sim)
//	base := simulator.APIURL(root)            // ends in /api
//	id := sim.MustCreateUser(map[string]any{"username": "ann"})
//	err = sim.LockByFailures(id)
//
// The control surface below /_simulator/ is described in connectors/simulator/README.md.
package simulator
