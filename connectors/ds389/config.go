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
	ldapcall.UserSettings

	LockoutDuration string `split_words:"true" desc:"the passwordLockoutDuration of the password policy, such as 1h: servers keep when a lock ends, and with this it is known since when it holds"`
}

// NewConfig returns the defaults.
func NewConfig() *Config { return &Config{UserSettings: ldapcall.DefaultUserSettings()} }

// Capabilities implements connectors.Config. A look-up is a search, and another for the server's
// clock; privileged groups are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, ReadsPrivilege: c.PrivilegedGroups != "", Requests: 2}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	parsed, groups := c.Settings.Read(&read), c.UserSettings.Read(&read)
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
		return &driver{Users: ldapcall.NewUsers(client, c.UserSettings, groups, "nsUniqueId"), config: *c, lockout: duration}
	}), nil
}
