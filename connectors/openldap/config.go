package openldap

import (
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

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

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// Capabilities implements connectors.Config. A look-up is one search; policies and privileged
// groups are read rarely and not counted.
func (c *Config) Capabilities() connectors.Capabilities {
	return connectors.Capabilities{Lists: true, TellsPrivilege: c.PrivilegedGroups != "", Requests: 1}
}

// Open implements connectors.Config.
func (c *Config) Open(options connectors.Options) ([]connectors.Server, error) {
	var read settings.Reader
	parsed := c.Read(&read)
	read.Must(attributeName.MatchString(c.UsernameAttribute), "USERNAME_ATTRIBUTE must be the name of an attribute, such as uid")
	read.Must(attributeName.MatchString(c.EmailAttribute), "EMAIL_ATTRIBUTE must be the name of an attribute, such as mail")
	if c.DefaultPolicyDN != "" {
		ldapcall.ReadDN(&read, "DEFAULT_POLICY_DN", c.DefaultPolicyDN)
	}
	var groups []*ldap.DN
	if c.PrivilegedGroups != "" {
		for group := range strings.SplitSeq(c.PrivilegedGroups, ";") {
			groups = append(groups, ldapcall.ReadDN(&read, "PRIVILEGED_GROUPS", strings.TrimSpace(group)))
		}
	}
	if err := read.Err(); err != nil {
		return nil, err
	}
	return ldapcall.Servers(ldapcall.Open(Name, parsed, options), func(client *ldapcall.Client) *driver {
		return &driver{Client: client, base: parsed.Base, config: *c, privilegedGroups: groups}
	}), nil
}
