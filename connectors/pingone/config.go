package pingone

import (
	"cmp"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// Config is the settings of one PingOne environment. Its variables are named by
// split_words: with a name of its own in the tag, envconfig would also take a variable
// without the connection's prefix.
type Config struct {
	EnvironmentID    string            `split_words:"true" desc:"the environment's ID, a UUID"`
	ClientID         string            `split_words:"true" desc:"the client ID of a worker application with the role Identity Data Admin"`
	ClientSecret     connectors.Secret `split_words:"true" desc:"the worker application's client secret"`
	ClientSecretFile string            `split_words:"true" desc:"a file that holds the client secret; read again for each token"`
	Credentials      string            `split_words:"true" default:"basic" desc:"how the application authenticates: basic (a header) or body (the form)"`
	Region           string            `split_words:"true" default:"na" desc:"where the environment lives: na, ca, eu, au, sg or ap"`
	AuthURL          string            `split_words:"true" desc:"the address of the authentication service, instead of the region's"`
	ApiURL           string            `split_words:"true" desc:"the API's address, its version included, instead of the region's"` //nolint:revive // split_words would not part APIURL
}

// NewConfig returns the defaults.
func NewConfig() *Config { return &Config{Credentials: "basic", Region: "na"} }

// domains are the top-level domains of each region:
// https://developer.pingidentity.com/pingone-api/foundations/getting-started/pingone-api-domains.html
var domains = map[string]string{
	"na": "com", "ca": "ca", "eu": "eu", "au": "com.au", "sg": "sg", "ap": "asia",
}

// Capabilities implements connectors.Config. An unlock is followed by a read of the password;
// a look-up reads the user twice besides, for its groups. The token is fetched rarely and not
// counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, ReadsGroups: true, Requests: 2}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	environment, err := uuid.Canonical(c.EnvironmentID)
	read.Must(err == nil, "ENVIRONMENT_ID must be a UUID, such as 11111111-2222-3333-4444-555555555555")
	read.Must(c.ClientID != "", "CLIENT_ID must be set to a worker application's client ID")
	secret := read.Secret("CLIENT_SECRET", c.ClientSecret, c.ClientSecretFile)
	credentials := read.OneOf("CREDENTIALS", c.Credentials, "basic", "body")
	domain := domains[read.OneOf("REGION", c.Region, "na", "ca", "eu", "au", "sg", "ap")]
	api := read.Address("API_URL", cmp.Or(c.ApiURL, "https://api.pingone."+domain+"/v1"))
	auth := read.Address("AUTH_URL", cmp.Or(c.AuthURL, "https://auth.pingone."+domain))

	caller := httpcall.New(Name, options, rules)
	caller.Base = api.JoinPath("environments", environment)
	caller.Authorize = caller.ByToken(httpcall.ClientCredentials{
		TokenURL: auth.JoinPath(environment, "as", "token"), ClientID: c.ClientID, Secret: secret, InBody: credentials == "body",
	})
	return []connectors.Server{{Driver: &driver{Caller: caller}}}, read.Err()
}
