// Package simulator is the kit of which the simulated tenants are made: an HTTP
// server that answers a provider's API, takes faults to order, logs the calls,
// keeps a book of every lock that really changed, and is driven by a control
// surface below /_simulator/ from any language.
//
// README.md in this folder shows the control surface with curl. The users, their
// locks, failures and tokens are a [Model]; a provider's simulator embeds a [Tenant]
// and gives it a [Vendor]: routes, filters, the user's object, switches.
//
// A connection that a fault drops may be tried again by the client's own HTTP
// library: Go's does so for GET on a connection that it had used before. Such a
// call stands in the log twice, because it came twice.
package simulator
