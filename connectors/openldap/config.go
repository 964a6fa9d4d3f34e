package openldap

import (
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// Config is the settings of one directory, on one server or several.
type Config struct {
	ldapcall.Settings

	UsernameAttribute string `split_words:"true" default:"uid" desc:"the attribute that holds the username"`
	EmailAttribute    string `split_words:"true" default:"mail" desc:"the attribute that holds the email address"`
	DefaultPolicyDN   string `split_words:"true" desc:"the entry that ppolicy_default names, for users without a policy of their own; without it no lock of theirs is known to have run out"`
	PrivilegedGroups  string `split_words:"true" desc:"the groups whose members, nested ones too, are privileged: distinguished names, separated by semicolons"`
}

// NewConfig returns the defaults.
func NewConfig() *Config { return &Config{UsernameAttribute: "uid", EmailAttribute: "mail"} }

// Capabilities implements connectors.Config. A look-up is one search; policies and privileged
// groups are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, ReadsPrivilege: c.PrivilegedGroups != "", Requests: 1}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	parsed := c.Read(&read)
	ldapcall.ReadAttribute(&read, "USERNAME_ATTRIBUTE", c.UsernameAttribute)
	ldapcall.ReadAttribute(&read, "EMAIL_ATTRIBUTE", c.EmailAttribute)
	if c.DefaultPolicyDN != "" {
		ldapcall.ReadDN(&read, "DEFAULT_POLICY_DN", c.DefaultPolicyDN)
	}
	groups := ldapcall.ReadDNList(&read, "PRIVILEGED_GROUPS", c.PrivilegedGroups)
	if err := read.Err(); err != nil {
		return nil, err
	}
	return ldapcall.Servers(ldapcall.Open(Name, parsed, options), func(client *ldapcall.Client) *driver {
		return &driver{Client: client, base: parsed.Base, config: *c, privileged: ldapcall.NewGroups(client, groups, c.UsernameAttribute)}
	}), nil
}
