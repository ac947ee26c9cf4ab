package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// keySecrets are how many names that are data the service is given.
const keySecrets = 400

// wordSecret draws a name that reads like one in code: it is told from those only by what
// code there is.
func wordSecret(r *rand.Rand, n int) string {
	const consonants, vowels = "bdfgklmnprtvz", "aeiou"
	word := func() string {
		var b strings.Builder
		for range 4 {
			b.WriteByte(consonants[r.IntN(len(consonants))])
			b.WriteByte(vowels[r.IntN(len(vowels))])
		}
		return b.String() + "q"
	}
	title := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
	switch a, b := word(), word(); n % 7 {
	case 0:
		return a
	case 1:
		return a + title(b)
	case 2:
		return title(a)
	case 3:
		return a + "_" + b
	case 4:
		return "(" + a + ")"
	case 5:
		return a + ":" + b
	default:
		return a + "." + b
	}
}

// TestReportsHoldNoNamesOfData looks for names that a service has from data in all that
// analyze writes. With --with-strings they are there.
func TestReportsHoldNoNamesOfData(t *testing.T) {
	for _, version := range []string{"14", "16", "24"} {
		t.Run(version, func(t *testing.T) { checkReports(t, nodetest.Require(t, version)) })
	}
}

func checkReports(t *testing.T, node string) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 9))
	var secrets []string
	for i := range keySecrets {
		secrets = append(secrets, wordSecret(r, i))
	}
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	if err := os.WriteFile(list, []byte(strings.Join(secrets, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), node, "testdata/keys.cjs", list, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	shot := func(n int) string { return filepath.Join(dir, fmt.Sprintf("s%d.heapsnapshot", n)) }
	for _, shots := range [][]string{{shot(3)}, {shot(2), shot(3)}, {shot(1), shot(2), shot(3)}} {
		masked := len(secretsIn(t, dir, secrets, append([]string{"analyze"}, shots...)))
		open := len(secretsIn(t, dir, secrets, append([]string{"analyze", "--with-strings"}, shots...)))
		if masked > 0 || open == 0 {
			t.Errorf("%d snapshots: %d of %d secrets are in the reports, with strings %d", len(shots), masked, len(secrets), open)
		}
	}
}

// secretsIn runs analyze for people and for scripts and returns the secrets in what it writes.
func secretsIn(t *testing.T, dir string, secrets, args []string) map[string]bool {
	t.Helper()
	page, profile := filepath.Join(dir, "report.html"), filepath.Join(dir, "heap.pb.gz")
	all := ""
	for _, more := range [][]string{{"--html", page, "--pprof", profile}, {"--output", "json"}} {
		a := answerOf(t, t.TempDir(), append(append([]string{args[0]}, more...), args[1:]...))
		if a.code != codeOK {
			t.Fatalf("exit %d: %s", a.code, a.stderr)
		}
		all += a.stdout + a.stderr
	}
	all += string(readFile(t, page)) + string(gunzipped(t, readFile(t, profile)))
	for _, name := range []string{"KeyedRegistry", "keyedRegistry", "sessionsByToken"} {
		if !strings.Contains(all, name) {
			t.Errorf("%s, a name of code, is in no report", name)
		}
	}
	found := map[string]bool{}
	for _, secret := range secrets {
		for _, word := range strings.FieldsFunc(secret, func(c rune) bool { return strings.ContainsRune("._():", c) }) {
			if at := strings.Index(all, word); at >= 0 && !found[secret] {
				found[secret] = true
				t.Logf("%s: %.160q", secret, all[max(0, at-60):])
			}
		}
	}
	return found
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func gunzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
