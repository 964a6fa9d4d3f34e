// Package registry lists the identity providers that Latchkey knows. Adding one means
// adding its folder and one line here.
package registry

import (
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/ds389"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	"github.com/latchkey-iam/latchkey/connectors/openldap"
	"github.com/latchkey-iam/latchkey/connectors/pingone"
)

// Providers lists every provider in the order of their names.
func Providers() []connectors.Provider {
	return []connectors.Provider{
		ds389.Provider(),
		jumpcloud.Provider(),
		openldap.Provider(),
		pingone.Provider(),
	}
}

// Find returns the provider of that name.
func Find(name string) (connectors.Provider, bool) {
	for _, provider := range Providers() {
		if provider.Name == name {
			return provider, true
		}
	}
	return connectors.Provider{}, false
}
