package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/userlist"
	"github.com/latchkey-iam/latchkey/workflows"
)

// maxPolicyBytes bounds a policy's file, which a workflow's input must hold.
const maxPolicyBytes = 256 << 10

// readPolicy reads a policy from a file of YAML or JSON, which is YAML too. The parser says
// which defaults it is checked with.
func readPolicy(path string, parse func([]byte) (*workflows.Policy, error)) (*workflows.Policy, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, &usageError{message: "--policy: " + err.Error(), elsewhere: true}
	}
	var policy *workflows.Policy
	data, err := yamlToJSON(text)
	if err == nil {
		policy, err = parse(data)
	}
	if err != nil {
		return nil, &usageError{message: fmt.Sprintf("--policy %s: %s", path, err), elsewhere: true}
	}
	return policy, nil
}

func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxPolicyBytes+1))
	if err == nil && len(text) > maxPolicyBytes {
		err = fmt.Errorf("%s is larger than %d KiB, and so no policy", path, maxPolicyBytes>>10)
	}
	return text, err
}

// readList reads the users of the list.
func (f *bulkFlags) readList(a *app) (*userlist.List, error) {
	from := a.env.Stdin
	if f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return nil, &usageError{message: "--from-file: " + err.Error(), elsewhere: true}
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	f.list.Most = workflows.MaxUsers
	list, err := userlist.Read(from, f.list)
	if err != nil {
		return nil, &usageError{message: err.Error() + "\nnothing was started", elsewhere: true}
	}
	return list, nil
}

// yamlToJSON turns one YAML document into JSON, so that a strict decoder reads it. The YAML
// decoder refuses a key that is given twice, and aliases that grow out of proportion.
func yamlToJSON(text []byte) ([]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var value any
	err := decoder.Decode(&value)
	switch {
	case errors.Is(err, io.EOF) || err == nil && value == nil:
		return nil, errors.New("the file is empty: a policy of nothing but defaults is written {}")
	case err != nil:
		return nil, err
	case !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF):
		return nil, errors.New("the file holds more than one document")
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, errors.New("the file holds a key that is not a string, or a number that JSON does not know")
	}
	return data, nil
}
