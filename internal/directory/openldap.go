package directory

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/template"
)

// What every OpenLDAP server here holds.
const (
	OpenLDAPBase     = "dc=example,dc=com"
	OpenLDAPAdmin    = "cn=admin," + OpenLDAPBase
	OpenLDAPPassword = "directory-admin-password"
	// OpenLDAPService may read people and policies and write pwdAccountLockedTime, as docs/openldap.md
	// says; OpenLDAPReader may only read; OpenLDAPBlind sees people and none of the lock.
	OpenLDAPService         = "cn=latchkey,ou=services," + OpenLDAPBase
	OpenLDAPReader          = "cn=reader,ou=services," + OpenLDAPBase
	OpenLDAPBlind           = "cn=blind,ou=services," + OpenLDAPBase
	OpenLDAPServicePassword = "service-account-password"
	// OpenLDAPPolicy is the default policy: three failures lock for ten minutes.
	OpenLDAPPolicy = "cn=default,ou=policies," + OpenLDAPBase
)

//go:embed slapd.conf.tmpl
var slapdConf string

//go:embed openldap.ldif
var openLDAPSeed string

// OpenLDAPOptions say how a provider and its consumers are set up.
type OpenLDAPOptions struct {
	// Consumers are read-only replicas; Delta makes them follow the log of changes instead of
	// whole entries. Without UpdateRef they answer a change with 53 instead of a referral.
	Consumers int
	Delta     bool
	UpdateRef bool
	// Mirrors is for two providers that follow each other.
	Mirrors bool
	// SizeLimit is the server's own; zero is slapd's 500.
	SizeLimit int
	// Seed is LDIF behind the seed of every server.
	Seed io.Reader
	// Access stands before the access rules of the database, Limits in their place.
	Access, Limits string
	// Certificate is the servers'; nil is one for their addresses.
	Certificate *Certificate
}

// OpenLDAP is a provider, and what follows it.
type OpenLDAP struct {
	// Servers begin with the provider.
	Servers []*Slapd
	// Authority signed the servers' certificates.
	Authority *Authority
	folder    string
}

// Slapd is one OpenLDAP server.
type Slapd struct {
	// URL is without TLS, where StartTLS may follow; TLSURL is with TLS.
	URL, TLSURL, Host string
	daemon
}

const (
	ldapPort  = 3389
	ldapsPort = 3636
)

func slapdPath() (string, error) {
	return programPath("OpenLDAP's server is not installed; on Debian and Ubuntu: apt-get install slapd",
		"slapd", "/usr/sbin/slapd", "/usr/local/sbin/slapd", "/usr/lib/openldap/slapd")
}

// HasOpenLDAP reports whether OpenLDAP's server is installed.
func HasOpenLDAP() bool {
	_, err := slapdPath()
	return err == nil
}

// StartOpenLDAP starts the servers, and returns when they answer.
func StartOpenLDAP(ctx context.Context, options OpenLDAPOptions) (*OpenLDAP, error) {
	path, err := slapdPath()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "latchkey-openldap-")
	if err != nil {
		return nil, fmt.Errorf("start OpenLDAP: %w", err)
	}
	directory := &OpenLDAP{folder: folder}
	if err := directory.start(ctx, path, options); err != nil {
		directory.Close()
		return nil, fmt.Errorf("start OpenLDAP: %w", err)
	}
	return directory, nil
}

func (d *OpenLDAP) start(ctx context.Context, path string, options OpenLDAPOptions) (err error) {
	if d.Authority, err = NewAuthority(d.folder); err != nil {
		return err
	}
	seed := []byte(openLDAPSeed)
	if options.Seed != nil {
		more, err := io.ReadAll(options.Seed)
		if err != nil {
			return err
		}
		seed = append(append(seed, '\n'), more...)
	}
	count := 1 + options.Consumers
	if options.Mirrors {
		count++
	}
	for range count {
		host, err := freeHost(ldapPort, ldapsPort)
		if err != nil {
			return err
		}
		d.Servers = append(d.Servers, &Slapd{
			Host: host, daemon: daemon{folder: filepath.Join(d.folder, host)},
			URL: "ldap://" + net.JoinHostPort(host, strconv.Itoa(ldapPort)), TLSURL: "ldaps://" + net.JoinHostPort(host, strconv.Itoa(ldapsPort)),
		})
	}
	for number, server := range d.Servers {
		if err := d.prepare(ctx, path, number, options, seed); err != nil {
			return err
		}
		if err := server.launch(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// prepare writes a server's configuration, and its database by slapadd.
func (d *OpenLDAP) prepare(ctx context.Context, path string, number int, options OpenLDAPOptions, seed []byte) error {
	server := d.Servers[number]
	for _, folder := range []string{"db", "log.db"} {
		if err := os.MkdirAll(filepath.Join(server.folder, folder), 0o700); err != nil {
			return err
		}
	}
	certificate := Certificate{Subject: "OpenLDAP", Hosts: []string{server.Host, "localhost"}}
	if options.Certificate != nil {
		certificate = *options.Certificate
	}
	if err := d.Authority.Issue(certificate, filepath.Join(server.folder, "tls.pem"), filepath.Join(server.folder, "tls.key")); err != nil {
		return err
	}
	var conf bytes.Buffer
	values := map[string]any{
		"Folder": server.folder, "CA": d.Authority.File, "Number": number, "Provider": d.Servers[0], "Options": options, "Other": d.Servers[0],
		"Consumer": number > 0 && !options.Mirrors, "Follows": number > 0 || options.Mirrors, "Base": OpenLDAPBase, "Admin": OpenLDAPAdmin,
		"Password": OpenLDAPPassword, "Policy": OpenLDAPPolicy, "Service": OpenLDAPService, "Reader": OpenLDAPReader, "Blind": OpenLDAPBlind,
	}
	if number == 0 && options.Mirrors {
		values["Other"] = d.Servers[1]
	}
	if err := template.Must(template.New("slapd.conf").Parse(slapdConf)).Execute(&conf, values); err != nil {
		return err
	}
	file := filepath.Join(server.folder, "slapd.conf")
	if err := os.WriteFile(file, conf.Bytes(), 0o600); err != nil {
		return err
	}
	// Consumers begin with the provider's own entries, IDs and all, and follow from there.
	if number > 0 {
		dump := exec.CommandContext(ctx, path, "-Tcat", "-f", filepath.Join(d.Servers[0].folder, "slapd.conf"), "-b", OpenLDAPBase) //nolint:gosec // the path is the server's
		var err error
		if seed, err = dump.Output(); err != nil {
			return fmt.Errorf("slapcat: %w", err)
		}
	}
	load := exec.CommandContext(ctx, path, "-Tadd", "-q", "-w", "-f", file, "-b", OpenLDAPBase) //nolint:gosec // the path is the server's
	load.Stdin = bytes.NewReader(seed)
	if output, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("slapadd: %w\n%s", err, output)
	}
	return nil
}

func (s *Slapd) launch(ctx context.Context, path string) error {
	return s.daemon.launch(ctx, net.JoinHostPort(s.Host, strconv.Itoa(ldapsPort)),
		path, "-f", filepath.Join(s.folder, "slapd.conf"), "-h", s.URL+" "+s.TLSURL, "-d", "stats")
}

// Start starts a server that was stopped.
func (s *Slapd) Start(ctx context.Context) error {
	path, err := slapdPath()
	if err != nil {
		return err
	}
	return s.launch(ctx, path)
}

// Log is what the server has logged.
func (s *Slapd) Log() string {
	content, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return string(content)
}

// CertificateFiles are the server's certificate and its key.
func (s *Slapd) CertificateFiles() (certificate, key string) {
	return filepath.Join(s.folder, "tls.pem"), filepath.Join(s.folder, "tls.key")
}

// Folder is for what must go with the servers.
func (d *OpenLDAP) Folder() string { return d.folder }

// Close ends the servers and removes all that they wrote.
func (d *OpenLDAP) Close() {
	for _, server := range d.Servers {
		server.Stop()
	}
	_ = os.RemoveAll(d.folder)
}
