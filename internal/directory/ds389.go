package directory

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// What every 389 Directory Server here holds. Three failures lock for ten minutes.
const (
	DS389Base     = "dc=example,dc=com"
	DS389People   = "ou=people," + DS389Base
	DS389Admin    = "cn=Directory Manager"
	DS389Password = "directory-admin-password"
	// DS389Service may read the people and write what an unlock clears, as docs/ds389.md says;
	// DS389Reader may only read; DS389Blind sees people and none of the lock.
	DS389Service         = "cn=latchkey,ou=services," + DS389Base
	DS389Reader          = "cn=reader,ou=services," + DS389Base
	DS389Blind           = "cn=blind,ou=services," + DS389Base
	DS389ServicePassword = "service-account-password"
	// DS389Name is the host name of the servers' certificates, which hold no address.
	DS389Name = "localhost"
)

const (
	ds389Port  = 3389
	ds389sPort = 3636
)

//go:embed ds389.ldif
var ds389Seed string

// ds389Answers are what the set-up asks. It listens on all interfaces while it runs, so that
// it runs in a network of its own.
const ds389Answers = `[general]
config_version = 2
full_machine_name = localhost
strict_host_checking = False
start = False
[slapd]
instance_name = one
root_password = ` + DS389Password + `
port = 3389
secure_port = 3636
self_sign_cert = True
[backend-userroot]
create_suffix_entry = True
suffix = ` + DS389Base + `
sample_entries = no
`

// What the service accounts may: * covers no operational attribute, so that each is named.
const (
	ds389Seen   = "objectClass || uid || cn || sn || givenName || displayName || mail || employeeNumber || telephoneNumber || description || jpegPhoto || memberOf || nsUniqueId || entryUUID || createTimestamp || modifyTimestamp"
	ds389Locks  = "accountUnlockTime || passwordRetryCount || retryCountResetTime"
	ds389Policy = "nsAccountLock || passwordExpirationTime || pwdPolicySubentry || nsRoleDN"
)

// DS389Options say how the servers are set up.
type DS389Options struct {
	// Suppliers are 1 or 2; two replicate each other.
	Suppliers int
	// GlobalPolicy replicates what locks an account.
	GlobalPolicy bool
}

// DS389 are servers that replicate each other.
type DS389 struct {
	Servers []*DS389Server
	root    string
}

// DS389Server is one 389 Directory Server.
type DS389Server struct {
	// URL is without TLS, where StartTLS may follow; TLSURL is with TLS. Authority is the file
	// of the certificate that signed the server's, which is for DS389Name.
	URL, TLSURL, Host, Authority string
	daemon
}

func ds389Path() (string, error) {
	return programPath("389 Directory Server is not installed; on Debian and Ubuntu: apt-get install 389-ds-base", "ns-slapd", "/usr/sbin/ns-slapd")
}

// HasDS389 reports whether 389 Directory Server can be started.
func HasDS389() bool {
	_, err := ds389Path()
	return err == nil && os.Geteuid() == 0
}

// StartDS389 starts the servers, and returns when they answer and follow each other. It needs
// root, to run them as the user that the set-up asks for.
func StartDS389(ctx context.Context, options DS389Options) (*DS389, error) {
	path, err := ds389Path()
	if err != nil {
		return nil, err
	}
	ready, err := templateOf(ctx, "389ds", versionOf(ctx, path, "-v"), ds389Answers+ds389Seed+fmt.Sprint(ds389Rights(), ds389Settings("", false)), setUpDS389)
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "latchkey-389ds-")
	if err != nil {
		return nil, fmt.Errorf("start 389 Directory Server: %w", err)
	}
	d := &DS389{root: root}
	if err := d.start(ctx, ready, options); err != nil {
		d.Close()
		return nil, fmt.Errorf("start 389 Directory Server: %w", err)
	}
	return d, nil
}

func (d *DS389) start(ctx context.Context, ready string, options DS389Options) error {
	if err := os.Chmod(d.root, 0o755); err != nil { //nolint:gosec // the servers run as a user of their own
		return err
	}
	for number := range max(1, options.Suppliers) {
		host, err := freeHost(ds389Port, ds389sPort)
		if err != nil {
			return err
		}
		server := &DS389Server{
			Host: host, daemon: daemon{folder: filepath.Join(d.root, host)},
			URL: "ldap://" + net.JoinHostPort(host, strconv.Itoa(ds389Port)), TLSURL: "ldaps://" + net.JoinHostPort(host, strconv.Itoa(ds389sPort)),
		}
		server.Authority = filepath.Join(server.instance(), "ca.crt")
		d.Servers = append(d.Servers, server)
		if err := copyFolder(ctx, ready, server.folder); err != nil {
			return err
		}
		if err := server.configure(number+1, options); err != nil {
			return err
		}
		if err := server.Start(ctx); err != nil {
			return err
		}
	}
	if len(d.Servers) == 2 {
		return d.replicate(ctx)
	}
	return nil
}

// instance is where a server's configuration stands.
func (s *DS389Server) instance() string { return filepath.Join(s.folder, "etc", "dirsrv", "slapd-one") }

var replicaState = regexp.MustCompile(`(\nnsDS5ReplicaId: \d\n(?:.+\n)*)nsState:: .*\n`)

// templateRoot stands for the folder of a server in its template.
const templateRoot = "@root@"

// configure gives a copy of the template its folder, its address and its rules.
func (s *DS389Server) configure(number int, options DS389Options) error {
	if err := replaceIn(s.folder, templateRoot, s.folder); err != nil {
		return err
	}
	settings := ds389Settings(s.Host, options.GlobalPolicy)
	file := filepath.Join(s.instance(), "dse.ldif")
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// The clock of changes bears the number of its server, which begins another without it.
	text := strings.Replace(string(content), "\nnsDS5ReplicaId: 1\n", fmt.Sprintf("\nnsDS5ReplicaId: %d\n", number), 1)
	text = replicaState.ReplaceAllString(text, "$1")
	before, after, found := strings.Cut(text, "dn: cn=config\n")
	entry, rest, whole := strings.Cut(after, "\n\n")
	if !found || !whole {
		return errors.New("dse.ldif holds no entry cn=config")
	}
	lines := []string{"dn: cn=config"}
	for _, line := range strings.Split(entry, "\n") {
		name, _, _ := strings.Cut(line, ":")
		if _, set := settings[name]; !set {
			lines = append(lines, line)
		}
	}
	for name, value := range settings {
		lines = append(lines, name+": "+value)
	}
	return os.WriteFile(file, []byte(before+strings.Join(lines, "\n")+"\n\n"+rest), 0o600) //nolint:gosec // our own
}

// ds389Settings are what cn=config holds instead of what the set-up wrote. Passwords are hashed
// cheaply, since the tests enter thousands.
func ds389Settings(host string, globalPolicy bool) map[string]string {
	settings := map[string]string{
		"nsslapd-listenhost": host, "nsslapd-securelistenhost": host, "nsslapd-ldapilisten": "off",
		"passwordLockout": "on", "passwordMaxFailure": "3", "passwordLockoutDuration": "600", "passwordResetFailureCount": "600", "passwordUnlock": "on",
		"passwordIsGlobalPolicy": "off", "passwordStorageScheme": "SSHA", "nsslapd-rootpwstoragescheme": "SSHA", "nsslapd-rootpw": "{CLEAR}" + DS389Password,
	}
	if globalPolicy {
		settings["passwordIsGlobalPolicy"] = "on"
	}
	return settings
}

// replaceIn replaces a text in all files of configuration below the folder; owners and modes stay.
func replaceIn(folder, from, to string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // our own
		if err != nil || !strings.Contains(string(content), from) {
			return err
		}
		return os.WriteFile(path, []byte(strings.ReplaceAll(string(content), from, to)), 0o600) //nolint:gosec // our own
	})
}

// asDirsrv runs what must not run as root.
func asDirsrv(arguments ...string) []string {
	return append([]string{"setpriv", "--reuid=dirsrv", "--regid=dirsrv", "--clear-groups"}, arguments...)
}

// setUpDS389 sets a server up, with the seed in it, for replaceIn to give it a folder.
func setUpDS389(ctx context.Context, folder string) error {
	// Its own programs must be found before the system's, and its folder must be open to its user.
	work, err := os.MkdirTemp("", "latchkey-389ds-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	root, bin, answers := filepath.Join(work, "root"), filepath.Join(work, "bin"), filepath.Join(work, "answers.inf")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Mkdir(bin, 0o755), os.WriteFile(answers, []byte(ds389Answers), 0o644), run(ctx, nil, "chown", "-R", "dirsrv:dirsrv", work)); err != nil { //nolint:gosec // dirsrv reads them
		return err
	}
	path := []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, arguments := range [][]string{
		asDirsrv("dscreate", "ds-root", root, bin),
		append([]string{"unshare", "--net", "--"}, asDirsrv(filepath.Join(bin, "dscreate"), "from-file", answers)...),
	} {
		if err := run(ctx, path, arguments[0], arguments[1:]...); err != nil {
			return err
		}
	}
	server := &DS389Server{daemon: daemon{folder: root}}
	if server.Host, err = freeHost(ds389Port, ds389sPort); err != nil {
		return err
	}
	server.URL = "ldap://" + net.JoinHostPort(server.Host, strconv.Itoa(ds389Port))
	if err := server.configure(1, DS389Options{}); err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	err = server.seed()
	if err := errors.Join(err, server.end(ctx)); err != nil {
		return err
	}
	caches, err := filepath.Glob(filepath.Join(root, "var", "lib", "dirsrv", "slapd-one", "db", "__db.*"))
	if err != nil {
		return err
	}
	copies, err := filepath.Glob(filepath.Join(server.instance(), "dse.ldif.*"))
	if err != nil {
		return err
	}
	for _, unwanted := range append(caches, copies...) {
		if err := os.Remove(unwanted); err != nil {
			return err
		}
	}
	for _, sub := range []string{"etc", "share"} {
		if err := replaceIn(filepath.Join(root, sub), root, templateRoot); err != nil {
			return err
		}
	}
	return copyFolder(ctx, root, folder)
}

// ds389Rights are the access rules of the base.
func ds389Rights() []string {
	rule := func(attributes, name, right, who string) string {
		return fmt.Sprintf(`(targetattr="%s")(version 3.0; acl "%s"; allow (%s) userdn="ldap:///%s";)`, attributes, name, right, who)
	}
	all := strings.Join([]string{ds389Seen, ds389Locks, ds389Policy}, " || ")
	return []string{
		rule(all, "latchkey reads", "read, search, compare", DS389Service),
		rule(ds389Locks, "latchkey unlocks", "write", DS389Service),
		rule(all, "reader reads", "read, search, compare", DS389Reader),
		rule(ds389Seen, "blind reads", "read, search, compare", DS389Blind),
	}
}

// seed adds what every server holds.
func (s *DS389Server) seed() error {
	connection, err := s.Manage()
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	for _, entry := range strings.Split(strings.TrimSpace(ds389Seed), "\n\n") {
		var add *ldap.AddRequest
		for _, line := range strings.Split(entry, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			if name == "dn" {
				add = ldap.NewAddRequest(value, nil)
				continue
			}
			add.Attribute(name, append(valuesOf(add, name), value))
		}
		if err := connection.Add(add); err != nil {
			return fmt.Errorf("add %s: %w", add.DN, err)
		}
	}
	rights := ldap.NewModifyRequest(DS389Base, nil)
	rights.Add("aci", ds389Rights())
	return connection.Modify(rights)
}

// valuesOf takes an attribute's values out of an entry that is to be added.
func valuesOf(add *ldap.AddRequest, name string) []string {
	for i, attribute := range add.Attributes {
		if attribute.Type == name {
			add.Attributes = append(add.Attributes[:i], add.Attributes[i+1:]...)
			return attribute.Vals
		}
	}
	return nil
}

// Manage connects as the directory's manager.
func (s *DS389Server) Manage() (*ldap.Conn, error) {
	connection, err := ldap.DialURL(s.URL)
	if err != nil {
		return nil, err
	}
	if err := connection.Bind(DS389Admin, DS389Password); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return connection, nil
}

// Start starts a server that was stopped.
func (s *DS389Server) Start(ctx context.Context) error {
	path, err := ds389Path()
	if err != nil {
		return err
	}
	return s.launch(ctx, net.JoinHostPort(s.Host, strconv.Itoa(ds389Port)),
		asDirsrv(path, "-D", s.instance(), "-i", filepath.Join(s.folder, "pid"), "-d", "0")...)
}

// end stops a server so that its files are whole.
func (s *DS389Server) end(ctx context.Context) error {
	if err := s.current().signal(syscall.SIGTERM); err != nil {
		return err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for s.current().runs() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	s.Stop()
	return nil
}

// Close ends the servers and removes all that they wrote.
func (d *DS389) Close() {
	for _, server := range d.Servers {
		server.Stop()
	}
	_ = os.RemoveAll(d.root)
	// What a server that is killed leaves in shared memory bears its folder's name.
	_ = os.Remove("/dev/shm/sem.slapd-one.stats")
}
