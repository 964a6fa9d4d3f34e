// Package simulated lists the providers of which there is a simulator: those whose real
// servers nobody can run. It is beside the registry and not in it, so that what runs in
// production holds no simulator.
package simulated

import (
	jumpcloud "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	pingone "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// Providers lists them in the order of their names.
func Providers() []simulator.Simulated {
	return []simulator.Simulated{
		jumpcloud.Simulated(),
		pingone.Simulated(),
	}
}
