package openldap

import (
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// Config is the settings of one directory, on one server or several.
type Config struct {
	ldapcall.Settings
	ldapcall.UserSettings

	DefaultPolicyDN string `split_words:"true" desc:"the entry that ppolicy_default names, for users without a policy of their own; without it no lock of theirs is known to have run out"`
}

// NewConfig returns the defaults.
func NewConfig() *Config { return &Config{UserSettings: ldapcall.DefaultUserSettings()} }

// Capabilities implements connectors.Config. A look-up is one search; policies and privileged
// groups are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, ReadsPrivilege: c.PrivilegedGroups != "", Requests: 1}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	parsed, groups := c.Settings.Read(&read), c.UserSettings.Read(&read)
	if c.DefaultPolicyDN != "" {
		ldapcall.ReadDN(&read, "DEFAULT_POLICY_DN", c.DefaultPolicyDN)
	}
	if err := read.Err(); err != nil {
		return nil, err
	}
	return ldapcall.Servers(ldapcall.Open(Name, parsed, options), func(client *ldapcall.Client) *driver {
		return &driver{Users: ldapcall.NewUsers(client, c.UserSettings, groups, "entryUUID"), config: *c}
	}), nil
}
