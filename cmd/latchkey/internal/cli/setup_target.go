package cli

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// advisedRetention leaves room beyond the default policy's window.
const advisedRetention = 72 * time.Hour

// target is the namespace that is set up, and which command sets it up.
type target struct {
	namespace string
	// address is what the caller said, for the command to say the same; empty otherwise.
	address string
	cloud   bool
}

func targetOf(options temporalclient.Options, where place) target {
	return target{namespace: options.Namespace, address: where.address, cloud: onCloud(options.Address)}
}

// onCloud reports whether an address is one of Temporal Cloud's; see
// https://docs.temporal.io/cloud/namespaces#access-namespaces.
func onCloud(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return strings.HasSuffix(host, ".tmprl.cloud") || host == "api.temporal.io" || strings.HasSuffix(host, ".api.temporal.io")
}

// missing returns which search attributes are not there. One that is there with another type
// is a failure: nothing can be registered over it.
func (t *target) missing(has map[string]enumspb.IndexedValueType) ([]string, error) {
	var missing, wrong []string
	for _, name := range workflows.SearchAttributes() {
		is, exists := has[name]
		switch want := workflows.SearchAttributeTypes()[name]; {
		case !exists:
			missing = append(missing, name)
		case is != want:
			wrong = append(wrong, fmt.Sprintf("%s is there as %s and must be %s", name, is, want))
		}
	}
	if len(wrong) > 0 {
		return nil, &client.Failure{Type: workflows.TypeNotSetUp, Message: fmt.Sprintf(
			"in the namespace %s the search attribute %s; remove or rename what is there, and run latchkey setup again", t.namespace, strings.Join(wrong, ", "))}
	}
	return missing, nil
}

// register is the command that registers search attributes; see
// https://docs.temporal.io/cli/operator#search-attribute and
// https://docs.temporal.io/cloud/tcld/namespace#search-attributes.
func (t *target) register(names []string) string {
	command := "temporal operator search-attribute create --namespace " + shellWord(t.namespace) + t.at()
	one := " --name %s --type %s"
	if t.cloud {
		command, one = "tcld namespace search-attributes add --namespace "+shellWord(t.namespace), " --search-attribute %s=%s"
	}
	for _, name := range names {
		command += fmt.Sprintf(one, name, workflows.SearchAttributeTypes()[name])
	}
	return command
}

// retain is the command that keeps closed runs longer.
func (t *target) retain(within time.Duration) string {
	if t.cloud {
		return fmt.Sprintf("tcld namespace retention set --namespace %s --retention-days %d", shellWord(t.namespace), (within+24*time.Hour-1)/(24*time.Hour))
	}
	return fmt.Sprintf("temporal operator namespace update --namespace %s%s --retention %dh", shellWord(t.namespace), t.at(), (within+time.Hour-1)/time.Hour)
}

func (t *target) at() string {
	if t.address == "" {
		return ""
	}
	return " --address " + shellWord(t.address)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._:/-]+$`)

// shellWord quotes what a shell would take apart.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(printable(word), "'", `'\''`) + "'"
}
