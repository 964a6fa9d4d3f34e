package pingone

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
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

// settings are a Config's values, parsed.
type settings struct {
	// base is the environment's address, tokenURL that of its token endpoint.
	base, tokenURL *url.URL
	secret         *secret.Source
	inBody         bool
}

// Validate implements connectors.Config. It reads the file of the secret.
func (c *Config) Validate() error {
	_, err := c.parse()
	return err
}

func (c *Config) parse() (settings, error) {
	var faults []error
	fault := func(message string) { faults = append(faults, errors.New(message)) }
	if _, err := uuid.Canonical(c.EnvironmentID); err != nil {
		fault("ENVIRONMENT_ID must be a UUID, such as 11111111-2222-3333-4444-555555555555")
	}
	if c.ClientID == "" {
		fault("CLIENT_ID must be set to a worker application's client ID")
	}
	parsed := settings{secret: secret.NewSource("CLIENT_SECRET", c.ClientSecret, c.ClientSecretFile)}
	if err := parsed.secret.Validate(); err != nil {
		faults = append(faults, err)
	}
	parsed.inBody = c.Credentials == "body"
	if !parsed.inBody && c.Credentials != "basic" {
		fault("CREDENTIALS must be basic or body")
	}
	domain := domains[strings.ToLower(c.Region)]
	if domain == "" {
		fault("REGION must be na, ca, eu, au, sg or ap")
		domain = domains["na"]
	}
	return parsed, errors.Join(append(faults, parsed.setAddresses(c, domain)...)...)
}

// setAddresses returns the faults that it finds.
func (s *settings) setAddresses(config *Config, domain string) []error {
	api, errAPI := httpcall.ParseBase("API_URL", cmp.Or(config.ApiURL, "https://api.pingone."+domain+"/v1"))
	auth, errAuth := httpcall.ParseBase("AUTH_URL", cmp.Or(config.AuthURL, "https://auth.pingone."+domain))
	if errAPI != nil || errAuth != nil {
		return []error{errAPI, errAuth}
	}
	environment := url.PathEscape(strings.ToLower(config.EnvironmentID))
	s.base = api.JoinPath("environments", environment)
	s.tokenURL = auth.JoinPath(environment, "as", "token")
	return nil
}

// Capabilities implements connectors.Config. An unlock is followed by a read of the password;
// a look-up reads the user twice besides, for its groups. The token is fetched rarely and not
// counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, TellsGroups: true, Requests: 2}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	parsed, err := c.parse()
	if err != nil {
		return nil, err
	}
	caller := httpcall.New(Name, options, rules)
	caller.Authorize = httpcall.NewTokens(caller, httpcall.ClientCredentials{
		TokenURL: parsed.tokenURL, ClientID: c.ClientID, Secret: parsed.secret, InBody: parsed.inBody,
	}).Authorize
	return []connectors.Server{{Driver: &driver{Caller: caller, base: parsed.base}}}, nil
}
