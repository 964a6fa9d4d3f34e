// Package registry lists the workflows that a worker serves.
package registry

import (
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/ceiling"
	"github.com/latchkey-iam/latchkey/workflows/readonly"
	"github.com/latchkey-iam/latchkey/workflows/unlockmany"
	"github.com/latchkey-iam/latchkey/workflows/unlockuser"
)

// Register registers all workflows by their names. Has returns those of the search attributes
// that the namespace has now, without waiting; nil says that it has none. Setting another fails
// the workflow task, so that it is made again.
func Register(with workflows.Registry, has func() []string) {
	unlockuser.Register(with, has)
	unlockmany.Register(with, has)
	readonly.Register(with, has)
	ceiling.Register(with, has)
}
