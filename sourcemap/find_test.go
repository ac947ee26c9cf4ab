package sourcemap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMapReference(t *testing.T) {
	for script, want := range map[string]string{
		"":                                     "",
		"x()\n":                                "",
		"x()\n//# sourceMappingURL=x.js.map\n": "x.js.map",
		"x()\n//@ sourceMappingURL=old.map":    "old.map",
		"//# sourceMappingURL=a.map\n//# sourceMappingURL=b.map\r\n":       "b.map",
		"//# sourceMappingURL=a.map\nvar s = 'sourceMappingURL=' + name;":  "a.map",
		"//# sourceMappingURL=data:application/json;base64,e30=\n// end\n": "data:application/json;base64,e30=",
		"//# sourceMappingURL=": "",
	} {
		if got := mapReference([]byte(script)); got != want {
			t.Errorf("%q: got %q, want %q", script, got, want)
		}
	}
}

func TestDataOf(t *testing.T) {
	for u, want := range map[string]string{
		"data:application/json;base64,e30=":              "{}",
		"data:application/json;charset=utf-8;base64,e30": "{}",
		"data:application/json;base64,e30%3D":            "{}",
		"data:application/json,%7B%22version%22%3A3%7D":  `{"version":3}`,
		"data:application/json;charset=utf-8,{}":         "{}",
	} {
		if got, err := dataOf(u); string(got) != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", u, got, err, want)
		}
	}
	for _, u := range []string{"data:", "data:;base64,!", "data:,%zz"} {
		if _, err := dataOf(u); err == nil || strings.Contains(err.Error(), u) {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.map")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	var size *SizeError
	if _, err := readFile(big); !errors.As(err, &size) || size.Size != maxFileBytes+1 {
		t.Errorf("a big file: %v", err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "none"), os.DevNull} {
		if data, err := readFile(name); data != nil || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}

func FuzzDataOf(f *testing.F) {
	f.Add("data:application/json;base64,e30=")
	f.Add("data:,%7B")
	f.Fuzz(func(t *testing.T, u string) {
		data, err := dataOf(u)
		if err == nil && len(data) > len(u) {
			t.Errorf("%d bytes of %d", len(data), len(u))
		}
		if got := mapReference([]byte(u)); strings.ContainsAny(got, "\n ") {
			t.Errorf("%q", got)
		}
	})
}
