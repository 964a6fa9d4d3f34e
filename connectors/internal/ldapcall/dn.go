package ldapcall

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// IsBelow reports whether a value is a distinguished name that lies below the base, or is the base.
func IsBelow(base *ldap.DN, value string) bool {
	dn, err := ldap.ParseDN(value)
	return err == nil && (base.EqualFold(dn) || base.AncestorOfFold(dn))
}

// Fold is one spelling of a distinguished name, to be compared with others.
func Fold(dn *ldap.DN) string {
	return strings.ToLower(dn.String())
}
