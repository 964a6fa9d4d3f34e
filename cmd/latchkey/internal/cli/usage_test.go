package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	someID = "5f3c0e8b9a7d6c5e4f3a2b1c"
)

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	const hint = "For its flags run: latchkey unlock --help"
	unlock := func(args ...string) []string { return append([]string{"unlock", "--address", nowhere}, args...) }
	named := func(args ...string) []string {
		return append(unlock("--connection", "jc-prod", "--email", "ada@example.com"), args...)
	}
	tests := []struct {
		name string
		args []string
		said []string
	}{
		{"unknown command", []string{"unlok"}, []string{`latchkey: unknown command "unlok": did you mean "unlock"?`}},
		{"no connection", unlock("--username", "ada"), []string{`latchkey: required flag(s) "connection" not set`, hint}},
		{"no user", unlock("--connection", "jc-prod"), []string{"latchkey: at least one of the flags in the group [user-id username email] is required", hint}},
		{"two references", named("--user-id", someID), []string{
			"latchkey: if any flags in the group [user-id username email] are set none of the others can be; [email user-id] were all set", hint}},
		{"three references", named("--user-id", someID, "--username", "ada"), []string{
			"latchkey: if any flags in the group [user-id username email] are set none of the others can be; [email user-id username] were all set", hint}},
		{"empty reference", unlock("--connection", "jc-prod", "--username", ""), []string{"latchkey: the reference to the user is empty: give the flag a value", hint}},
		{"an address as an ID", unlock("--connection", "jc-prod", "--user-id", "ada@example.com"), []string{
			`latchkey: --user-id must be the provider's own identifier, at most 64 bytes of visible ASCII without @ = , / ' " \ or white space; for a name or an address use username or email`, hint}},
		{"unusable name", unlock("--connection", "jc-prod", "--username", "ada\n"), []string{"latchkey: --username begins or ends with white space", hint}},
		{"connection in capitals", unlock("--connection", "JC", "--email", "ada@example.com"), []string{
			"latchkey: --connection must be 1 to 63 lower-case letters, digits and hyphens, such as jc-prod", hint}},
		{"unknown output", named("-o", "xml"), []string{"latchkey: -o (--output) must be table, json or yaml", hint}},
		{"unknown flag", named("--dryrun"), []string{"latchkey: unknown flag --dryrun: did you mean --dry-run?", hint}},
		{"cut flag", unlock("--user", "x"), []string{"latchkey: unknown flag --user: did you mean --user-id?", hint}},
		{"far-off flag", unlock("--frobnicate"), []string{"latchkey: unknown flag --frobnicate", hint}},
		{"unknown letter", unlock("-x"), []string{"latchkey: unknown flag -x", hint}},
		{"flag without value", unlock("--email"), []string{"latchkey: --email needs a value", hint}},
		{"no duration", named("--timeout", "soon"), []string{`latchkey: --timeout must be a duration such as "90s", "15m" or "30d"`, hint}},
		{"negative duration", named("--watch-for=-5m"), []string{`latchkey: --watch-for must be a duration such as "90s", "15m" or "30d"`, hint}},
		{"no time at all", named("--timeout", "0s"), []string{"latchkey: --timeout must be at least 1s", hint}},
		{"too little time", named("--timeout", "10ms"), []string{"latchkey: --timeout must be between 1s and 720h", hint}},
		{"no boolean", named("--dry-run=perhaps"), []string{"latchkey: --dry-run must be true or false, or stand alone", hint}},
		{"unknown override", named("--override", "suspended,locked"), []string{`latchkey: --override holds an unknown word: use "suspended" and "disabled"`, hint}},
		{"unknown reason", named("--only-reasons", "typo"), []string{"latchkey: --only-reasons holds an unknown word: use failed_sign_in, admin, expired, unknown", hint}},
		{"ages that exclude all", named("--min-locked-for", "2h", "--max-locked-for", "1h"), []string{
			"latchkey: --min-locked-for is longer than the age that a lock may have at most: no lock can pass", hint}},
		{"unusable request ID", named("--request-id", "a b"), []string{
			"latchkey: --request-id must be 1 to 200 letters, digits and . _ : / -, beginning with a letter or digit; it is stored in the clear", hint}},
		{"a request ID of Latchkey's", named("--request-id", "unlock/jc-prod/x"), []string{
			"latchkey: --request-id begins like the IDs of Latchkey's own runs (unlock/, unlock-locked/, check/, list/, ceiling/, temporal-sys-): choose another, such as one that begins with the ticket's", hint}},
		{"approvers without an approval", named("--approvers", "boss"), []string{
			"latchkey: --approvers demands no approval by itself: require one too, or leave it out", hint}},
		{"a wait without an approval", named("--approval-timeout", "1h"), []string{
			"latchkey: --approval-timeout demands no approval by itself: require one too, or leave it out", hint}},
		{"an approval that nobody asks for", named("--approval", "--requested-by", ""), []string{
			"latchkey: --requested-by is missing: an approval is needed, which whoever asks must not give, so say who asks", hint}},
		{"a name that hides something", named("--requested-by", "bo\u200bss"), []string{
			"latchkey: --requested-by holds a control character, or one that cannot be seen: write the name without it", hint}},
		{"two users", unlock("--connection", "jc-prod", "ada", "grace"), []string{"latchkey: name one user, and once; for several see: latchkey bulk start --from-file", hint}},
		{"a user named twice", named("ada"), []string{"latchkey: name one user, and once; for several see: latchkey bulk start --from-file", hint}},
		{"a user that is nobody", unlock("--connection", "jc-prod", ""), []string{"latchkey: the reference to the user is empty: give the flag a value", hint}},
		{"an unusable user", unlock("--connection", "jc-prod", "ada "), []string{"latchkey: --username begins or ends with white space", hint}},
		{"a verb of other tools", []string{"bulk", "stop", "INC-1"}, []string{`latchkey: unknown command "stop": did you mean "abort"?`}},
		{"a verb of other tools with a flag", []string{"bulk", "cancel", "INC-1", "--reason", "x"}, []string{`latchkey: unknown command "cancel": did you mean "abort"?`}},
		{"status of nothing", []string{"status"}, []string{
			"latchkey: give one workflow ID, as latchkey unlock --detach prints it, such as: latchkey status unlock/jumpcloud/" + someID, "For its flags run: latchkey status --help"}},
		{"status of two", []string{"status", "a", "b"}, []string{
			"latchkey: give one workflow ID, as latchkey unlock --detach prints it, such as: latchkey status unlock/jumpcloud/" + someID, "For its flags run: latchkey status --help"}},
		{"check of no connection", []string{"connections", "check"}, []string{
			"latchkey: give one connection's name, such as: latchkey connections check jc-prod", "For its flags run: latchkey connections check --help"}},
		{"check of two connections", []string{"connections", "check", "a", "b"}, []string{
			"latchkey: give one connection's name, such as: latchkey connections check jc-prod", "For its flags run: latchkey connections check --help"}},
		{"list of one connection", []string{"connections", "list", "jc-prod"}, []string{
			"latchkey: latchkey connections list takes flags and no arguments", "For its flags run: latchkey connections list --help"}},
		{"unknown subcommand", []string{"connections", "chek"}, []string{`latchkey: unknown command "chek": did you mean "check"?`}},
		{"help for nothing", []string{"help", "nosuch"}, []string{`latchkey: unknown command "nosuch": the commands are approvals, bulk, completion, connections, keys, locked, schedule, schema, setup, status, unlock, version, worker`}},
		{"help flag for nothing", []string{"--help", "nosuch"}, []string{`latchkey: unknown command "nosuch": the commands are approvals, bulk, completion, connections, keys, locked, schedule, schema, setup, status, unlock, version, worker`}},
		{"help flag after nothing", []string{"nosuch", "--help"}, []string{`latchkey: unknown command "nosuch": the commands are approvals, bulk, completion, connections, keys, locked, schedule, schema, setup, status, unlock, version, worker`}},
		{"help for a typo", []string{"help", "unlok"}, []string{`latchkey: unknown command "unlok": did you mean "unlock"?`}},
		{"help for a typo below a command", []string{"help", "connections", "chek"}, []string{`latchkey: unknown command "chek": did you mean "check"?`}},
		{"schema of nothing", []string{"schema"}, []string{"latchkey: give one of: input, result, policy, bulk-input, bulk-result, ds389, jumpcloud, openldap, pingone", "For its flags run: latchkey schema --help"}},
		{"schema of two", []string{"schema", "input", "result"}, []string{"latchkey: give one of: input, result, policy, bulk-input, bulk-result, ds389, jumpcloud, openldap, pingone", "For its flags run: latchkey schema --help"}},
		{"schema of an unknown provider", []string{"schema", "acmeid"}, []string{`latchkey: there is no schema "acmeid": the schemas are input, result, policy, bulk-input, bulk-result, ds389, jumpcloud, openldap, pingone`}},
		{"schema of a typo", []string{"schema", "jumpclod"}, []string{`latchkey: there is no schema "jumpclod": did you mean "jumpcloud"?`}},
		{"version of something", []string{"version", "x"}, []string{
			"latchkey: latchkey version takes flags and no arguments", "For its flags run: latchkey version --help"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, test.args...)
			require.Equal(t, test.said, lines(got.stderr))
			require.Equal(t, ExitUsage, got.code)
			require.Empty(t, got.stdout)
		})
	}
}

func TestNoSuchCommand(t *testing.T) {
	t.Parallel()
	got := run(t, "frobnicate")
	require.Equal(t, ExitUsage, got.code)
	require.Contains(t, got.stderr, `latchkey: unknown command "frobnicate": the commands are `)
	require.Contains(t, got.stderr, "status, unlock, version, worker")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"unlock", "--help"}, {"status", "--help"}, {"worker", "--help"}, {"help"}, {"help", "exit-codes"},
		{"help", "connections", "check"}, {"connections"}, {"connections", "--help"},
		{"locked", "--help"}, {"bulk"}, {"bulk", "start", "--help"}, {"schedule"}, {"schedule", "create", "--help"},
		{"approvals"}, {"approvals", "approve", "--help"}, {"setup", "--help"}} {
		got := run(t, args...)
		require.Equal(t, ExitOK, got.code, args)
		require.NotEmpty(t, got.stdout, args)
		require.Empty(t, got.stderr, args)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag string
		want []string
	}{
		{"-o", []string{"table", "json", "yaml"}},
		{"--override", []string{"suspended", "disabled"}},
		{"--only-reasons", []string{"failed_sign_in", "admin", "expired", "unknown"}},
		{"--email", nil},
		{"--approvers", nil},
	} {
		got := run(t, "__complete", "unlock", test.flag, "")
		require.Equal(t, ExitOK, got.code)
		require.Equal(t, append(test.want, ":4"), lines(got.stdout), test.flag) // 4: offer no files.
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, run(t, "completion", shell).stdout, "latchkey")
	}
}

func TestTemporalUnreachable(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"unlock", "--connection", "jc-prod", "--email", "ada@example.com"},
		{"status", "unlock/jc-prod/" + someID},
		{"bulk", "start", "--connection", "jc-prod"},
		{"bulk", "status", "unlock-locked/jc-prod/1"},
	} {
		got := run(t, append(args, "--address", nowhere, "-o", "json")...)
		require.Equal(t, ExitUnreachable, got.code)
		require.Contains(t, got.stderr, "Temporal at "+nowhere)
		require.Contains(t, got.stderr, "latchkey-dev")
		require.Len(t, lines(got.stderr), 1)
		require.Contains(t, got.stdout, `"type": "TemporalUnavailable"`)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	require.Contains(t, run(t, "version").stdout, "latchkey ")
	require.Equal(t, run(t, "version"), run(t, "--version"))
	require.Contains(t, run(t, "version", "-o", "json").stdout, `"temporalSdk": "`)
	require.Contains(t, run(t, "version", "-o", "yaml").stdout, "temporalSdk: ")
}
