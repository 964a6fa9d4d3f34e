package simulator

// Simulated is a provider of which there is a simulator, for what loops over them.
type Simulated struct {
	Name, Title string // the provider's
	// New makes an empty tenant with the credentials that Settings holds.
	New func() *Server
	// Settings are the variables of a connection to a tenant at a root URL, without the
	// connection's prefix.
	Settings func(rootURL string) map[string]string
	// IDKey is the key of a user's ID in the native object.
	IDKey string
	// Suspend is the action that keeps a user out for reasons beside a lock, and Suspended
	// what the user is then.
	Suspend, Suspended string
	// Profile is a partial native object of somebody with a job.
	Profile func(first, last, job string) map[string]any
}
