package endtoend

import (
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// provider is a simulated tenant, and how a connection to it is set up.
type provider struct {
	name string
	*simulator.Server
	// tenant is the provider's simulator, with its settings.
	tenant any
	// settings are the variables of a connection with the tenant's credential, without
	// their prefix.
	settings func(url string) []string
}

// jumpcloud is a JumpCloud organization that is asked with an API key.
func jumpcloud(apiKey string) provider {
	tenant := jumpcloudsimulator.New(jumpcloudsimulator.Options{})
	return provider{name: "jumpcloud", Server: tenant.Server, tenant: tenant, settings: func(url string) []string {
		return []string{"BASE_URL=" + jumpcloudsimulator.APIURL(url), "API_KEY=" + apiKey}
	}}
}

// jumpcloudAccount is a JumpCloud organization that is asked by a service account.
func jumpcloudAccount(secret string) provider {
	tenant := jumpcloudsimulator.New(jumpcloudsimulator.Options{})
	return provider{name: "jumpcloud", Server: tenant.Server, tenant: tenant, settings: func(url string) []string {
		return []string{"BASE_URL=" + jumpcloudsimulator.APIURL(url), "TOKEN_URL=" + jumpcloudsimulator.TokenURL(url),
			"CLIENT_ID=" + jumpcloudsimulator.DefaultClientID, "CLIENT_SECRET=" + secret}
	}}
}

// pingone is a PingOne environment.
func pingone(secret string) provider {
	tenant := pingonesimulator.New(pingonesimulator.Options{})
	return provider{name: "pingone", Server: tenant.Server, tenant: tenant, settings: func(url string) []string {
		return []string{"API_URL=" + pingonesimulator.APIURL(url), "AUTH_URL=" + pingonesimulator.AuthURL(url),
			"ENVIRONMENT_ID=" + tenant.EnvironmentID(), "CLIENT_ID=" + pingonesimulator.DefaultClientID, "CLIENT_SECRET=" + secret}
	}}
}

// person is a user that any of the tenants takes.
func person(username string) map[string]any {
	return map[string]any{"username": username, "email": username + "@example.com"}
}
