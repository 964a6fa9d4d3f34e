package workflows

// Complete fills in the defaults of a policy.
func Complete(p *Policy, given bool) { p.complete(given) }
