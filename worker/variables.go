package worker

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/kelseyhightower/envconfig"
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

// maxTypos is how far a word may be from the one that was meant.
const maxTypos = 3

// closest returns the candidate that the word most likely stands for, or empty.
func closest(word string, candidates []string) string {
	best, distance := "", min(maxTypos, len(word)/2)+1
	for _, candidate := range candidates {
		if d := levenshtein.Distance(word, candidate, nil); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// Variables returns the names of a specification's variables under a prefix.
func Variables(prefix string, spec any) []string {
	var names bytes.Buffer
	if err := envconfig.Usagef(prefix, spec, &names, "{{range .}}{{usage_key .}}\n{{end}}"); err != nil {
		return nil
	}
	return strings.Fields(names.String())
}

// unknownVariables finds what stands under Latchkey's prefix and means nothing: a
// misspelt rule must not be ignored.
func unknownVariables(environment []string, connections []named, unread []string) []error {
	known := Variables(Prefix, &Settings{})
	for _, connection := range connections {
		known = append(known, Variables(connection.prefix(), connection.provider.NewConfig())...)
		known = append(known, Variables(connection.prefix(), &ConnectionSettings{})...)
	}
	var faults []error
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, Prefix+"_") && !slices.Contains(known, name) && !within(unread, name) && !serviceLink(name) {
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
	best := closest(name, known)
	switch {
	case best != "":
		return fmt.Errorf("%s is unknown: did you mean %s?", name, best)
	case strings.HasPrefix(name, connectionPrefix):
		return fmt.Errorf("%s belongs to no connection of LATCHKEY_CONNECTIONS, or its provider has no such setting", name)
	default:
		return fmt.Errorf("%s is unknown: the variables of a worker are %s", name, strings.Join(known, ", "))
	}
}

// serviceLink reports whether Kubernetes may have set the variable, for a service that is
// named like us.
func serviceLink(name string) bool {
	return name == Prefix+"_PORT" || strings.HasPrefix(name, Prefix+"_PORT_") || strings.HasPrefix(name, Prefix+"_SERVICE_")
}
