package worker

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/setting"
	"github.com/latchkey-iam/latchkey/internal/suggest"
)

// parseBool reads true or false.
func parseBool(name, value string) (bool, error) {
	parsed, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("%s must be true or false", name)
	}
	return parsed, nil
}

// parsePositive reads a number above zero; an empty value is zero, for none.
func parsePositive[N int | float64](name, value string) (N, error) {
	if value == "" {
		return 0, nil
	}
	parsed, err := strconv.ParseFloat(value, 64)
	number := N(parsed)
	if err != nil || !(parsed > 0 && parsed < 1e9) || float64(number) != parsed {
		kind := "number"
		if _, whole := any(number).(int); whole {
			kind = "whole number"
		}
		return 0, fmt.Errorf("%s must be a %s above zero, such as 10", name, kind)
	}
	return number, nil
}

// trim takes white space off every entry: envconfig leaves what follows a comma, and an
// entry with a space before it would protect nobody. A list that is set and empty, such as
// by a variable that is not there, would protect nobody either, or let anybody approve.
func trim(name string, list []string) error {
	for i, entry := range list {
		list[i] = strings.TrimSpace(entry)
	}
	switch {
	case list != nil && len(list) == 0:
		return fmt.Errorf("%s is set and empty: give it an entry, or leave it out", name)
	case slices.Contains(list, ""):
		return fmt.Errorf("%s must not hold empty entries", name)
	default:
		return nil
	}
}

// Variables returns the names of a specification's variables under a prefix.
func Variables(prefix string, spec any) []string {
	var names bytes.Buffer
	if err := envconfig.Usagef(prefix, spec, &names, "{{range .}}{{usage_key .}}\n{{end}}"); err != nil {
		return nil
	}
	return strings.Fields(names.String())
}

// variable is one that a worker knows, with the type of its setting.
type variable struct {
	name string
	kind reflect.Type
}

// variablesOf are those of a specification.
func variablesOf(prefix string, spec any) []variable {
	// What is embedded is a part of the whole, to envconfig too.
	fields := slices.DeleteFunc(reflect.VisibleFields(reflect.TypeOf(spec).Elem()), func(field reflect.StructField) bool { return field.Anonymous })
	var found []variable
	for i, name := range Variables(prefix, spec) {
		found = append(found, variable{name, fields[i].Type})
	}
	return found
}

// knownVariables are the worker's and those of its connections.
func knownVariables(connections []named) []variable {
	known := variablesOf(Prefix, &Settings{})
	for _, connection := range connections {
		known = append(known, variablesOf(connection.prefix(), connection.provider.NewConfig())...)
		known = append(known, variablesOf(connection.prefix(), &ConnectionSettings{})...)
	}
	return known
}

// check says what is wrong with a variable's value that cannot be seen in it. A secret is
// left to its own Validate, which takes white space off.
func (v variable) check(value string) error {
	switch {
	case v.kind == reflect.TypeFor[connectors.Secret]():
		return nil
	case v.kind == reflect.TypeFor[[]string]() || v.name == connectionsVariable:
		return setting.CheckList(value)
	default:
		return setting.Check(value)
	}
}

// unseenFaults finds what is wrong with the values of variables and cannot be seen in them.
func unseenFaults(known []variable) map[string]error {
	faults := map[string]error{}
	for _, variable := range known {
		if err := variable.check(os.Getenv(variable.name)); err != nil {
			faults[variable.name] = fmt.Errorf("%s %w", variable.name, err)
		}
	}
	return faults
}

// withUnseen puts the faults that cannot be seen in place of what else was found wrong with
// the same variables, or follows from it: that would be a riddle.
func withUnseen(faults []error, unseen map[string]error) []error {
	faults = slices.DeleteFunc(faults, func(fault error) bool {
		name, _, _ := strings.Cut(fault.Error(), " ")
		return unseen[strings.TrimSuffix(name, ":")] != nil ||
			unseen[connectionsVariable] != nil && strings.HasPrefix(name, connectionPrefix)
	})
	for _, name := range slices.Sorted(maps.Keys(unseen)) {
		faults = append(faults, unseen[name])
	}
	return faults
}

// unknownVariables finds what stands under Latchkey's prefix and means nothing: a
// misspelt rule must not be ignored.
func unknownVariables(environment []string, variables []variable, unread []string) []error {
	known := make([]string, len(variables))
	for i, variable := range variables {
		known[i] = variable.name
	}
	var faults []error
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, Prefix+"_") && !slices.Contains(known, name) && !within(unread, name) && !serviceLink(name, value) {
			faults = append(faults, unknownVariable(name, known))
		}
	}
	return faults
}

// within reports whether the variable stands under one of the prefixes.
func within(prefixes []string, name string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix+"_") })
}

func unknownVariable(name string, known []string) error {
	best := suggest.Closest(name, known)
	switch {
	case best != "":
		return fmt.Errorf("%s is unknown: did you mean %s?", name, best)
	case strings.HasPrefix(name, connectionPrefix):
		return fmt.Errorf("%s belongs to no connection of LATCHKEY_CONNECTIONS, or its provider has no such setting", name)
	default:
		return fmt.Errorf("%s is unknown: the variables of a worker are %s", name, strings.Join(known, ", "))
	}
}

// serviceLinks are the variables that Kubernetes sets in every container for each Service of
// the namespace, here for one whose name begins like us, with the shapes of their values:
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var serviceLinks = []struct{ name, value *regexp.Regexp }{
	{regexp.MustCompile(`_SERVICE_HOST$`), address},
	{regexp.MustCompile(`_SERVICE_PORT(_[A-Z0-9_]+)?$`), port},
	{regexp.MustCompile(`_PORT(_\d+_(TCP|UDP|SCTP))?$`), regexp.MustCompile(`^(tcp|udp|sctp)://[0-9A-Za-z.:\[\]-]+:\d{1,5}$`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_PROTO$`), regexp.MustCompile(`^(tcp|udp|sctp)$`)},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_PORT$`), port},
	{regexp.MustCompile(`_PORT_\d+_(TCP|UDP|SCTP)_ADDR$`), address},
}

var (
	address = regexp.MustCompile(`^[0-9A-Za-z.:-]+$`)
	port    = regexp.MustCompile(`^\d{1,5}$`)
)

// serviceLink reports whether Kubernetes has set the variable, for a Service.
func serviceLink(name, value string) bool {
	for _, link := range serviceLinks {
		if link.name.MatchString(name) && link.value.MatchString(value) {
			return true
		}
	}
	return false
}
