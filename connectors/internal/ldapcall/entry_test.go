package ldapcall_test

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

func TestObject(t *testing.T) {
	t.Parallel()
	fields := connectors.ParseFields("uid\tstring\tUID\tx\nmail\t[]string\tMail\tx\npwdReset\tboolean\tReset\tx\nuidNumber\tinteger\tNumber\tx\n" +
		"pwdEndTime\tdate-time\tEnd\tx\nobjectGUID\tbinary\tGUID\tx\nsn\tstring\tName\tx")
	attribute := func(name string, values ...string) *ldap.EntryAttribute {
		each := &ldap.EntryAttribute{Name: name}
		for _, value := range values {
			each.ByteValues = append(each.ByteValues, []byte(value))
		}
		return each
	}
	entry := &ldap.Entry{DN: "uid=ada, dc=example", Attributes: []*ldap.EntryAttribute{
		attribute("UID", "ada"), attribute("mail", "ada@example.com"), attribute("PWDRESET", "TRUE"), attribute("uidNumber", "9223372036854775807"),
		attribute("pwdEndTime", "20261122001823.5Z"), attribute("objectGUID", "abc"),
		attribute("userPassword", "{SSHA}one", "{SSHA}two"), attribute("UserPassword;x-old", "{SSHA}one"), attribute("pwdHistory", "20200101000000Z#1#3#abc"),
		attribute("unicodePwd", "x"), attribute("sambaNTPassword", "x"), attribute("krbPrincipalKey", "x"),
		attribute("badPasswordTime", "133749504000000000"), attribute("badPwdCount", "3"), attribute("passwordRetryCount", "2"),
		attribute("jpegPhoto", "\xff\xd8"), attribute("userCertificate;binary", "abc"), attribute("description", "a\"b", "ü"), attribute("empty"),
	}}
	object, err := ldapcall.Object(entry, fields)
	require.NoError(t, err)
	require.JSONEq(t, `{"dn":"uid=ada, dc=example","uid":"ada","mail":["ada@example.com"],"pwdReset":true,"uidNumber":9223372036854775807,
		"pwdEndTime":"2026-11-22T00:18:23.5Z","objectGUID":"YWJj","sn":null,
		"badPasswordTime":["133749504000000000"],"badPwdCount":["3"],"passwordRetryCount":["2"],
		"jpegPhoto":["/9g="],"userCertificate;binary":["YWJj"],"description":["a\"b","ü"]}`, string(object))
	require.Contains(t, string(object), "9223372036854775807")
}

// TestObjectOfAnotherType: a value that does not fit its documented type stays as it is.
func TestObjectOfAnotherType(t *testing.T) {
	t.Parallel()
	fields := connectors.ParseFields("a\tboolean\tA\tx\nb\tinteger\tB\tx\nc\tdate-time\tC\tx\nd\tstring\tD\tx")
	entry := ldap.NewEntry("dc=x", map[string][]string{"a": {"yes"}, "b": {"1e3"}, "c": {"000001010000Z"}, "d": {"one", "two"}})
	object, err := ldapcall.Object(entry, fields)
	require.NoError(t, err)
	require.JSONEq(t, `{"dn":"dc=x","a":"yes","b":"1e3","c":"000001010000Z","d":["one","two"]}`, string(object))
}
