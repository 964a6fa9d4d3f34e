package secret_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/secret"
)

const hidden = "hunter2-hunter2"

func TestSourceNeverPrints(t *testing.T) {
	t.Parallel()
	require.NotContains(t, fmt.Sprintf("%+v", struct{ s *secret.Source }{secret.NewSource("KEY", hidden, "")}), hidden)
}

func TestSourceFaults(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	cases := map[string]struct {
		value connectors.Secret
		file  string
		want  string
	}{
		"value":        {value: hidden},
		"file":         {file: write("good", hidden+"\n")},
		"none":         {want: "KEY or KEY_FILE must be set"},
		"both":         {value: "x", file: "y", want: "KEY and KEY_FILE must not both be set"},
		"missing file": {file: filepath.Join(folder, "nowhere"), want: "KEY_FILE names a file that cannot be read: no such file"},
		"empty file":   {file: write("empty", " \n"), want: "KEY_FILE names an empty file"},
		"two lines":    {file: write("two", "a\nb"), want: "KEY_FILE names a file whose content holds a line feed (U+000A) as character 2"},
		"too long":     {file: write("long", strings.Repeat("x", 20<<10)), want: "longer than"},
		"a folder":     {file: folder, want: "cannot be read"},
		"white space":  {value: "  ", want: "KEY must be set"},
		"not ASCII":    {value: "ключ", want: "KEY must hold one secret of printable ASCII without spaces"},
		"quoted":       {value: `"k"`, want: "KEY stands in quotation marks"},
		"quoted file":  {file: write("quoted", "\"k\"\n"), want: "KEY_FILE names a file whose content stands in quotation marks"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := secret.NewSource("KEY", test.value, test.file).Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), folder)
		})
	}
}

func TestSourceReadsAChangedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	source := secret.NewSource("KEY", "", path)
	for _, content := range []string{"first", "other", "third-and-longer"} {
		require.NoError(t, os.WriteFile(path, []byte(content+"\n"), 0o600))
		read, err := source.Read()
		require.NoError(t, err)
		require.Equal(t, content, read)
	}
	require.NoError(t, os.Remove(path))
	_, err := source.Read()
	require.ErrorContains(t, err, "KEY_FILE")
}
