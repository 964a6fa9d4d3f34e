package ds389

import (
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// Config is the settings of one directory, on one server or several.
type Config struct {
	ldapcall.Settings

	UsernameAttribute string `split_words:"true" default:"uid" desc:"the attribute that holds the username"`
	EmailAttribute    string `split_words:"true" default:"mail" desc:"the attribute that holds the email address"`
	LockoutDuration   string `split_words:"true" desc:"the passwordLockoutDuration of the password policy, such as 1h: servers keep when a lock ends, and with this it is known since when it holds"`
	PrivilegedGroups  string `split_words:"true" desc:"the groups whose members, nested ones too, are privileged: distinguished names, separated by semicolons"`
}

// NewConfig returns the defaults.
func NewConfig() *Config { return &Config{UsernameAttribute: "uid", EmailAttribute: "mail"} }

// Capabilities implements connectors.Config. A look-up is a search, and another for the server's
// clock; privileged groups are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, ReadsPrivilege: c.PrivilegedGroups != "", Requests: 2}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	parsed := c.Read(&read)
	ldapcall.ReadAttribute(&read, "USERNAME_ATTRIBUTE", c.UsernameAttribute)
	ldapcall.ReadAttribute(&read, "EMAIL_ATTRIBUTE", c.EmailAttribute)
	groups := ldapcall.ReadDNList(&read, "PRIVILEGED_GROUPS", c.PrivilegedGroups)
	var duration time.Duration
	if c.LockoutDuration != "" {
		var err error
		duration, err = time.ParseDuration(c.LockoutDuration)
		read.Must(err == nil && duration > 0, "LOCKOUT_DURATION must be a duration such as 1h, as long as passwordLockoutDuration")
	}
	if err := read.Err(); err != nil {
		return nil, err
	}
	return ldapcall.Servers(ldapcall.Open(Name, parsed, options), func(client *ldapcall.Client) *driver {
		return &driver{Client: client, base: parsed.Base, config: *c, lockout: duration, privileged: ldapcall.NewGroups(client, groups, c.UsernameAttribute)}
	}), nil
}
