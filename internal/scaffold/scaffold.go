// Package scaffold writes the files of a new provider: they pass the linter, and fail the
// conformance suite until they are filled in.
package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"regexp"
	"strings"
	"text/template"
)

//go:embed template/*.tmpl
var files embed.FS

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9]{1,30}$`)

// Files returns the files of a provider by their paths below the repository's root.
func Files(name, title string) (map[string][]byte, error) {
	if !nameShape.MatchString(name) {
		return nil, fmt.Errorf("the name %q must be 2 to 31 lower-case letters and digits, beginning with a letter", name)
	}
	templates, err := template.ParseFS(files, "template/*.tmpl")
	if err != nil {
		return nil, err
	}
	written := map[string][]byte{}
	for _, each := range templates.Templates() {
		var text bytes.Buffer
		if err := each.Execute(&text, map[string]string{"Name": name, "Title": title}); err != nil {
			return nil, err
		}
		source, err := format.Source(text.Bytes())
		if err != nil {
			return nil, fmt.Errorf("format %s: %w", each.Name(), err)
		}
		file := strings.TrimSuffix(each.Name(), ".tmpl")
		if file == "provider.go" {
			file = name + ".go"
		}
		written["connectors/"+name+"/"+file] = source
	}
	return written, nil
}
