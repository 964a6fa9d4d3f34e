package jumpcloud

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// Config is the settings of one JumpCloud organization. Its variables are named by
// split_words: with a name of its own in the tag, envconfig would also take a variable
// without the connection's prefix, such as a stray API_KEY.
type Config struct {
	APIKey           connectors.Secret `split_words:"true" desc:"an administrator's API key; or give a service account"`
	APIKeyFile       string            `split_words:"true" desc:"a file that holds the API key; read again at each call"`
	ClientID         string            `split_words:"true" desc:"a service account's client ID, instead of an API key"`
	ClientSecret     connectors.Secret `split_words:"true" desc:"the service account's client secret"`
	ClientSecretFile string            `split_words:"true" desc:"a file that holds the client secret; read again for each token"`
	OrgID            string            `split_words:"true" desc:"the organization's ID, for administrators of several"`
	Region           string            `split_words:"true" default:"us" desc:"where the organization lives: us, eu or in"`
	BaseURL          string            `split_words:"true" desc:"the API's address, instead of the region's"`
	TokenURL         string            `split_words:"true" desc:"the token endpoint's address, instead of the region's"`
	MaxLoginAttempts string            `split_words:"true" desc:"the failed sign-ins that lock an account, instead of what the organization's settings say; for a credential that cannot read them"`
}

// NewConfig returns the defaults.
func NewConfig() *Config { return &Config{Region: "us"} }

// The hosts of each region: https://jumpcloud.com/support/jumpcloud-data-centers
var (
	bases = map[string]string{
		"us": "https://console.jumpcloud.com/api",
		"eu": "https://console.eu.jumpcloud.com/api",
		"in": "https://console.in.jumpcloud.com/api",
	}
	tokenEndpoints = map[string]string{
		"us": "https://admin-oauth.id.jumpcloud.com/oauth2/token",
		"eu": "https://admin-oauth.id.eu.jumpcloud.com/oauth2/token",
		"in": "https://admin-oauth.id.in.jumpcloud.com/oauth2/token",
	}
)

// Capabilities implements connectors.Config. The user is read, or unlocked; the token and the
// organization's settings are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, ReadsPrivilege: true, Requests: 1}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	opened := &driver{Caller: httpcall.New(Name, options, rules), orgID: c.OrgID}
	region := read.OneOf("REGION", c.Region, "us", "eu", "in")
	opened.Base = read.Address("BASE_URL", cmp.Or(c.BaseURL, bases[region]))
	tokenURL := read.Address("TOKEN_URL", cmp.Or(c.TokenURL, tokenEndpoints[region]))
	c.authorize(&opened.Caller, tokenURL, &read)
	if c.OrgID != "" {
		_, err := hex24.Canonical(c.OrgID)
		read.Must(err == nil, "ORG_ID must be "+hex24.Description)
		opened.Header.Set(orgHeader, c.OrgID)
	}
	if c.MaxLoginAttempts != "" {
		attempts, err := strconv.ParseInt(c.MaxLoginAttempts, 10, 32)
		read.Must(err == nil && attempts > 0, "MAX_LOGIN_ATTEMPTS must be a whole number from 1")
		opened.attempts = &attempts
	}
	return []connectors.Server{{Driver: opened}}, read.Err()
}

// authorize takes an API key, or a service account, but not both.
func (c *Config) authorize(caller *httpcall.Caller, tokenURL *url.URL, read *settings.Reader) {
	key := c.APIKey != "" || c.APIKeyFile != ""
	account := c.ClientID != "" || c.ClientSecret != "" || c.ClientSecretFile != ""
	switch {
	case key && account:
		read.Must(false, "API_KEY and CLIENT_ID with CLIENT_SECRET must not both be set")
	case key:
		// https://docs.jumpcloud.com/api/1.0/index.html#section/Authentication
		caller.Authorize = caller.ByKey(read.Secret("API_KEY", c.APIKey, c.APIKeyFile), func(header http.Header, key string) { header.Set("x-api-key", key) })
	case account:
		read.Must(c.ClientID != "", "CLIENT_ID must be set along with CLIENT_SECRET")
		caller.Authorize = caller.ByToken(httpcall.ClientCredentials{
			TokenURL: tokenURL, ClientID: c.ClientID, Secret: read.Secret("CLIENT_SECRET", c.ClientSecret, c.ClientSecretFile), Scope: "api",
		})
	default:
		read.Must(false, "API_KEY or API_KEY_FILE, or CLIENT_ID with CLIENT_SECRET or CLIENT_SECRET_FILE, must be set")
	}
}
