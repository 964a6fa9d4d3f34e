package ldapcall

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

// secrets are the attributes that hold passwords, their hashes, or keys. A rule on the word
// "password" would lose what tells of failures, such as badPasswordTime.
var secrets = setOf(
	"userPassword", "authPassword", "pwdHistory", "userPKCS12", // common
	"sambaNTPassword", "sambaLMPassword", "sambaPasswordHistory", "sambaClearTextPassword", "sambaPreviousClearTextPassword",
	"krbPrincipalKey", "krbPwdHistory", "krbMKey", "krb5Key", // Kerberos
	"oathSecret", "oathHOTPSecret", "ipaNTHash", "ipatokenOTPkey", "ipatokenRadiusSecret", "radiusPassword",
	"passwordHistory", "nsds5ReplicaCredentials", "nsMultiplexorCredentials", "nsSymmetricKey", // 389 Directory Server
	"unicodePwd", "dBCSPwd", "ntPwdHistory", "lmPwdHistory", "supplementalCredentials", "clearTextPassword", "currentValue", "priorValue",
	"initialAuthIncoming", "initialAuthOutgoing", "trustAuthIncoming", "trustAuthOutgoing", "unixUserPassword", "msDS-ManagedPassword",
	"ms-Mcs-AdmPwd", "msLAPS-Password", "msLAPS-EncryptedPassword", "msLAPS-EncryptedPasswordHistory", "msLAPS-EncryptedDSRMPassword",
	"msLAPS-EncryptedDSRMPasswordHistory", "msFVE-RecoveryPassword", "msFVE-KeyPackage", // Active Directory
	"olcRootPW", "goSecret", "orclPassword",
)

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[strings.ToLower(name)] = true
	}
	return set
}

// Types of fields that only directories have, beside those of connectors.Field.
const typeBinary = "binary"

var integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// Object is an entry as a JSON object, complete as the fields document it: under "dn" its name,
// and under its own name each attribute but secrets. What is documented has its type where the
// values fit it; all else is an array of strings. What is no text is base64.
func Object(entry *ldap.Entry, fields []connectors.Field) (json.RawMessage, error) {
	documented := make(map[string]connectors.Field, len(fields))
	for _, field := range fields {
		documented[strings.ToLower(field.Key)] = field
	}
	object := map[string]any{"dn": entry.DN}
	for _, attribute := range entry.Attributes {
		name, _, _ := strings.Cut(strings.ToLower(attribute.Name), ";")
		if secrets[name] || len(attribute.ByteValues) == 0 {
			continue
		}
		field, known := documented[strings.ToLower(attribute.Name)]
		if !known {
			field = connectors.Field{Key: attribute.Name, Type: "[]string"}
		}
		object[field.Key] = valuesOf(attribute, field)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return connectors.Complete(raw, fields)
}

func valuesOf(attribute *ldap.EntryAttribute, field connectors.Field) any {
	kind, many := strings.CutPrefix(field.Type, "[]")
	if kind == typeBinary || strings.Contains(strings.ToLower(attribute.Name), ";binary") || !isText(attribute.ByteValues) {
		kind = typeBinary
	}
	values := make([]any, 0, len(attribute.ByteValues))
	for _, value := range attribute.ByteValues {
		values = append(values, valueOf(value, kind))
	}
	if len(values) == 1 && !many {
		return values[0]
	}
	return values
}

func isText(values [][]byte) bool {
	for _, value := range values {
		if !utf8.Valid(value) || strings.ContainsRune(string(value), 0) {
			return false
		}
	}
	return true
}

func valueOf(value []byte, kind string) any {
	text := string(value)
	switch kind {
	case typeBinary:
		return base64.StdEncoding.EncodeToString(value)
	case "boolean":
		if text == "TRUE" || text == "FALSE" {
			return text == "TRUE"
		}
	case "integer":
		if integer.MatchString(text) {
			return json.Number(text)
		}
	case "date-time":
		if moment, err := ParseTime(text); err == nil {
			return moment.Format(time.RFC3339Nano)
		}
	}
	return text
}
