package directory

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"text/template"
	"time"
)

// What every Samba here holds. Three failures lock for half an hour.
const (
	SambaDomain   = "AD"
	SambaBase     = "DC=ad,DC=example,DC=com"
	SambaPeople   = "OU=people," + SambaBase
	SambaAdmin    = "Administrator@ad.example.com"
	SambaPassword = "Directory-Admin-Password-1"
	// SambaService may write lockoutTime of the people, as docs/activedirectory.md says;
	// SambaReader may read what everybody may.
	SambaService         = "latchkey@ad.example.com"
	SambaReader          = "reader@ad.example.com"
	SambaServicePassword = "Service-Account-Password-1"
)

//go:embed samba.conf.tmpl
var sambaConf string

// Samba is an Active Directory domain controller.
type Samba struct {
	// URL is without TLS, where StartTLS may follow; TLSURL is with TLS.
	URL, TLSURL, Host string
	// Authority signed the server's certificate.
	Authority *Authority
	root      string
	daemon
}

func sambaPath() (string, error) {
	return programPath("Samba's domain controller is not installed; on Debian and Ubuntu: apt-get install samba samba-ad-dc samba-ad-provision winbind",
		"samba", "/usr/sbin/samba")
}

// HasSamba reports whether Samba's domain controller can be started.
func HasSamba() bool {
	_, err := sambaPath()
	return err == nil && os.Geteuid() == 0
}

// StartSamba starts a domain controller, and returns when it answers. It needs root, since the
// ports of a domain controller are what they are.
func StartSamba(ctx context.Context) (*Samba, error) {
	path, err := sambaPath()
	if err != nil {
		return nil, err
	}
	ready, err := templateOf(ctx, "samba", versionOf(ctx, path, "--version"), sambaConf+fmt.Sprint(sambaSteps("", "")), provision)
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "latchkey-samba-")
	if err != nil {
		return nil, fmt.Errorf("start Samba: %w", err)
	}
	s := &Samba{root: root, daemon: daemon{folder: filepath.Join(root, "dc")}}
	if err = s.prepare(ctx, ready); err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("start Samba: %w", err)
	}
	return s, nil
}

// prepare makes a copy of the template and gives it an address and a certificate.
func (s *Samba) prepare(ctx context.Context, ready string) (err error) {
	if err := copyFolder(ctx, ready, s.folder); err != nil {
		return err
	}
	if s.Host, err = freeHost(389, 636, 3268, 3269); err != nil {
		return err
	}
	s.URL, s.TLSURL = "ldap://"+net.JoinHostPort(s.Host, "389"), "ldaps://"+net.JoinHostPort(s.Host, "636")
	if s.Authority, err = NewAuthority(s.root); err != nil {
		return err
	}
	certificate := Certificate{Subject: "Samba", Hosts: []string{s.Host, "localhost"}}
	if err := s.Authority.Issue(certificate, filepath.Join(s.folder, "tls.pem"), filepath.Join(s.folder, "tls.key")); err != nil {
		return err
	}
	return writeSambaConf(s.folder, s.Host, s.Authority.File)
}

func writeSambaConf(folder, host, authority string) error {
	var conf bytes.Buffer
	values := map[string]string{"Folder": folder, "Host": host, "CA": authority}
	if err := template.Must(template.New("smb.conf").Parse(sambaConf)).Execute(&conf, values); err != nil {
		return err
	}
	for _, sub := range []string{"etc", "cache", "run/ncalrpc", "run/winbindd", "run/ntp"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil { //nolint:gosec // Samba looks into them
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "etc", "smb.conf"), conf.Bytes(), 0o600)
}

// sambaSteps are what samba-tool does after the provisioning. The database and the
// configuration are named with each.
func sambaSteps(database, configuration string) [][]string {
	steps := [][]string{
		{"domain", "passwordsettings", "set", "--account-lockout-threshold=3", "--account-lockout-duration=30", "--reset-account-lockout-after=30",
			"--min-pwd-length=4", "--complexity=off", "--min-pwd-age=0", "--max-pwd-age=0", "--history-length=0"},
		{"ou", "create", "OU=people"},
		{"ou", "create", "OU=services"},
		{"user", "create", "latchkey", SambaServicePassword, "--userou=OU=services"},
		{"user", "create", "reader", SambaServicePassword, "--userou=OU=services"},
	}
	for i := range steps {
		steps[i] = append(steps[i], "-H", database, "-s", configuration)
	}
	return steps
}

var sid = regexp.MustCompile(`(?m)^objectSid: (\S+)$`)

// provision sets a domain up.
func provision(ctx context.Context, folder string) error {
	if err := run(ctx, nil, "samba-tool", "domain", "provision", "--targetdir="+folder, "--dns-backend=NONE", "--realm=AD.EXAMPLE.COM", "--domain="+SambaDomain,
		"--adminpass="+SambaPassword, "--server-role=dc", "--host-name=dc1", "--host-ip=127.0.0.1"); err != nil {
		return err
	}
	if err := writeSambaConf(folder, "127.0.0.1", ""); err != nil {
		return err
	}
	database, configuration := filepath.Join(folder, "private", "sam.ldb"), filepath.Join(folder, "etc", "smb.conf")
	for _, step := range sambaSteps(database, configuration) {
		if err := run(ctx, nil, "samba-tool", step...); err != nil {
			return err
		}
	}
	shown := sid.FindStringSubmatch(versionOf(ctx, "samba-tool", "user", "show", "latchkey", "--attributes=objectSid", "-H", database, "-s", configuration))
	if shown == nil {
		return errors.New("samba-tool does not show the objectSid of the service account")
	}
	// To read and write lockoutTime of users below the people.
	right := "(OA;CI;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;bf967aba-0de6-11d0-a285-00aa003049e2;" + shown[1] + ")"
	return run(ctx, nil, "samba-tool", "dsacl", "set", "--objectdn="+SambaPeople, "--sddl="+right, "-H", database, "-s", configuration)
}

// Tool runs samba-tool on the database of the server, which may run.
func (s *Samba) Tool(ctx context.Context, arguments ...string) error {
	return run(ctx, nil, "samba-tool", append(arguments, "-H", filepath.Join(s.folder, "private", "sam.ldb"), "-s", filepath.Join(s.folder, "etc", "smb.conf"))...)
}

// Start starts a server that was stopped.
func (s *Samba) Start(ctx context.Context) error {
	path, err := sambaPath()
	if err != nil {
		return err
	}
	if err := s.launch(ctx, s.address(), path, "-s", filepath.Join(s.folder, "etc", "smb.conf"), "--foreground", "--no-process-group", "--model=single"); err != nil {
		return err
	}
	return awaitTLS(ctx, s.address(), s.Authority.File)
}

func (s *Samba) address() string { return net.JoinHostPort(s.Host, "636") }

// awaitTLS returns when a server that accepts connections does not end them at once.
func awaitTLS(ctx context.Context, address, authority string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	trusted := x509.NewCertPool()
	certificate, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	trusted.AppendCertsFromPEM(certificate)
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		connection, err := dialer.DialContext(attempt, "tcp", address)
		cancel()
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the directory server does not answer over TLS: %w", err)
		case <-ticker.C:
		}
	}
}

// Close ends the server and removes all that it wrote.
func (s *Samba) Close() {
	s.Stop()
	_ = os.RemoveAll(s.root)
}

// Folder is what the server writes to.
func (s *Samba) Folder() string { return s.folder }
