package jumpcloud

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
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

// settings are a Config's values, parsed.
type settings struct {
	base, tokenURL *url.URL
	apiKey, secret *secret.Source
	// maxAttempts is zero when the organization is to be asked.
	maxAttempts int64
}

// Validate implements connectors.Config. It reads the files of the secrets.
func (c *Config) Validate() error {
	_, err := c.parse()
	return err
}

func (c *Config) parse() (settings, error) {
	parsed := settings{
		apiKey: secret.NewSource("API_KEY", c.APIKey, c.APIKeyFile),
		secret: secret.NewSource("CLIENT_SECRET", c.ClientSecret, c.ClientSecretFile),
	}
	faults := c.credentialFaults(parsed)
	fault := func(err error) { faults = append(faults, err) }

	region := strings.ToLower(c.Region)
	if bases[region] == "" {
		fault(errors.New("REGION must be us, eu or in"))
		region = "us"
	}
	var err error
	if parsed.base, err = httpcall.ParseBase("BASE_URL", cmp.Or(c.BaseURL, bases[region])); err != nil {
		fault(err)
	}
	if parsed.tokenURL, err = httpcall.ParseBase("TOKEN_URL", cmp.Or(c.TokenURL, tokenEndpoints[region])); err != nil {
		fault(err)
	}
	if _, err := hex24.Canonical(c.OrgID); err != nil && c.OrgID != "" {
		fault(fmt.Errorf("ORG_ID %w", err))
	}
	if c.MaxLoginAttempts != "" {
		parsed.maxAttempts, err = strconv.ParseInt(c.MaxLoginAttempts, 10, 32)
		if err != nil || parsed.maxAttempts < 1 {
			fault(errors.New("MAX_LOGIN_ATTEMPTS must be a whole number from 1"))
		}
	}
	return parsed, errors.Join(faults...)
}

// credentialFaults checks that there is exactly one way to authenticate.
func (c *Config) credentialFaults(parsed settings) []error {
	account := c.ClientID != "" || parsed.secret.Given()
	switch {
	case parsed.apiKey.Given() && account:
		return []error{errors.New("API_KEY and CLIENT_ID with CLIENT_SECRET must not both be set")}
	case !parsed.apiKey.Given() && !account:
		return []error{errors.New("API_KEY or API_KEY_FILE, or CLIENT_ID with CLIENT_SECRET or CLIENT_SECRET_FILE, must be set")}
	case !account:
		return given(parsed.apiKey.Validate())
	}
	faults := given(parsed.secret.Validate())
	if c.ClientID == "" {
		faults = append(faults, errors.New("CLIENT_ID must be set along with CLIENT_SECRET"))
	}
	return faults
}

// given returns the fault in a list, which is empty when there is none.
func given(fault error) []error {
	if fault == nil {
		return nil
	}
	return []error{fault}
}

// Capabilities implements connectors.Config. The user is read, or unlocked; the token and the
// organization's settings are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, TellsPrivilege: true, Requests: 1}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	parsed, err := c.parse()
	if err != nil {
		return nil, err
	}
	caller := httpcall.New(Name, options, rules)
	if parsed.apiKey.Given() {
		// https://docs.jumpcloud.com/api/1.0/index.html#section/Authentication
		caller.Key = &httpcall.Key{Source: parsed.apiKey, Set: func(header http.Header, key string) { header.Set("x-api-key", key) }}
	} else {
		caller.Authorize = httpcall.NewTokens(caller, httpcall.ClientCredentials{
			TokenURL: parsed.tokenURL, ClientID: c.ClientID, Secret: parsed.secret, Scope: "api",
		}).Authorize
	}
	return []connectors.Server{{Driver: &driver{
		Caller: caller, base: parsed.base, orgID: c.OrgID, policies: policies{attempts: parsed.maxAttempts},
	}}}, nil
}
