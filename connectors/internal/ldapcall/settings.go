// Package ldapcall makes one attempt at one LDAP operation of any directory, and turns what
// comes of it into entries or a *connectors.Error that repeats no secret, no name and none of
// the server's own text.
package ldapcall

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
	"github.com/latchkey-iam/latchkey/connectors/internal/settings"
)

// Settings are what every directory's configuration holds, which embeds them.
type Settings struct {
	URLS           string            `split_words:"true" desc:"the servers, separated by commas: ldaps://host, or ldap://host, where StartTLS follows"`
	BaseDN         string            `split_words:"true" desc:"the entry below which the users are"`
	BindDN         string            `split_words:"true" desc:"the service account; or give a client certificate"`
	Password       connectors.Secret `split_words:"true" desc:"the service account's password"`
	PasswordFile   string            `split_words:"true" desc:"a file that holds the password; read again for each new connection to a server"`
	ClientCertFile string            `split_words:"true" desc:"a file that holds a client certificate, for SASL EXTERNAL instead of a password; read again for each new connection"`
	ClientKeyFile  string            `split_words:"true" desc:"a file that holds the client certificate's key"`
	CAFile         string            `split_words:"true" desc:"a file that holds the certificates of the authorities to trust, instead of the system's"`
	ServerName     string            `split_words:"true" desc:"the name in the servers' certificates, where it is not that of the URL"`
	Plaintext      string            `split_words:"true" desc:"allowed: ldap:// without StartTLS, so that the password can be read on the way"`
}

// Parsed are Settings that were found right.
type Parsed struct {
	// Base is the entry below which the users are.
	Base    *ldap.DN
	servers []address
	bindDN  string
	// password is nil where a client certificate is used.
	password                      *secret.Source
	clientCertFile, clientKeyFile string
	roots                         *x509.CertPool
	serverName                    string
	plaintext                     bool
}

// address is one server.
type address struct {
	// name is what it is called in locks, results and errors.
	name, host, port string
	tls              bool
}

// Read returns the settings, and notes what is wrong with them. It reads the files.
func (s *Settings) Read(read *settings.Reader) *Parsed {
	parsed := &Parsed{bindDN: s.BindDN, serverName: s.ServerName, clientCertFile: s.ClientCertFile, clientKeyFile: s.ClientKeyFile}
	s.readCredential(read, parsed)
	var err error
	parsed.servers, err = parseURLs(s.URLS)
	read.Note(err)
	parsed.Base = ReadDN(read, "BASE_DN", s.BaseDN)
	if s.CAFile != "" {
		parsed.roots, err = readRoots(s.CAFile)
		read.Note(err)
	}
	parsed.plaintext = s.Plaintext == "allowed"
	read.Must(parsed.plaintext || s.Plaintext == "", `PLAINTEXT must be "allowed" or be left out`)
	return parsed
}

// readCredential checks that there is exactly one way to bind.
func (s *Settings) readCredential(read *settings.Reader, parsed *Parsed) {
	password := secret.NewSource("PASSWORD", s.Password, s.PasswordFile)
	switch {
	case s.ClientCertFile != "" || s.ClientKeyFile != "":
		read.Must(s.BindDN == "" && !password.Given(), "CLIENT_CERT_FILE and BIND_DN with PASSWORD must not both be set")
		_, err := readClientCertificate(s.ClientCertFile, s.ClientKeyFile)
		read.Note(err)
	case s.BindDN == "" && !password.Given():
		read.Must(false, "BIND_DN with PASSWORD or PASSWORD_FILE, or CLIENT_CERT_FILE with CLIENT_KEY_FILE, must be set")
	default:
		// A bind with a name and no password would be taken for an anonymous one.
		read.Note(password.Validate())
		ReadDN(read, "BIND_DN", s.BindDN)
		parsed.password = password
	}
}

// ReadDN reads a distinguished name that is not empty; it goes on with an empty one.
func ReadDN(read *settings.Reader, name, value string) *ldap.DN {
	dn, err := ldap.ParseDN(value)
	if err != nil || len(dn.RDNs) == 0 {
		read.Must(false, name+" must be a distinguished name such as ou=people,dc=example,dc=com")
		return &ldap.DN{}
	}
	return dn
}

// ReadDNList reads distinguished names that semicolons separate; the list may be empty.
func ReadDNList(read *settings.Reader, name, list string) (names []*ldap.DN) {
	if list == "" {
		return nil
	}
	for each := range strings.SplitSeq(list, ";") {
		names = append(names, ReadDN(read, name, strings.TrimSpace(each)))
	}
	return names
}

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// ReadAttribute checks that the value is the name of an attribute.
func ReadAttribute(read *settings.Reader, name, value string) {
	read.Must(attributeName.MatchString(value), name+" must be the name of an attribute, such as uid or mail")
}

func parseURLs(list string) ([]address, error) {
	wrong := errors.New("URLS must be addresses such as ldaps://directory.example.com, separated by commas")
	if strings.TrimSpace(list) == "" {
		return nil, wrong
	}
	var servers []address
	for each := range strings.SplitSeq(list, ",") {
		parsed, err := url.Parse(strings.TrimSpace(each))
		if err != nil || parsed.Hostname() == "" || parsed.User != nil || strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "" {
			return nil, wrong
		}
		server := address{host: parsed.Hostname(), port: parsed.Port()}
		switch parsed.Scheme {
		case "ldaps":
			server.tls = true
			server.name = strings.TrimSuffix(parsed.Host, ":636")
			server.port = cmp.Or(server.port, "636")
		case "ldap":
			server.name = strings.TrimSuffix(parsed.Host, ":389")
			server.port = cmp.Or(server.port, "389")
		default:
			return nil, wrong
		}
		if slices.ContainsFunc(servers, func(other address) bool { return strings.EqualFold(other.name, server.name) }) {
			return nil, errors.New("URLS must name each server once")
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("CA_FILE names a file that cannot be read")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, errors.New("CA_FILE names a file that holds no certificate in PEM")
	}
	return roots, nil
}

func readClientCertificate(certificate, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return tls.Certificate{}, errors.New("CLIENT_CERT_FILE and CLIENT_KEY_FILE must name files that hold a certificate and its key in PEM")
	}
	return pair, nil
}

// tlsConfig is for one new connection.
func (p *Parsed) tlsConfig(server address) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.roots, ServerName: cmp.Or(p.serverName, server.host)}
	if p.clientCertFile != "" {
		pair, err := readClientCertificate(p.clientCertFile, p.clientKeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (a address) dial() string { return net.JoinHostPort(a.host, a.port) }
