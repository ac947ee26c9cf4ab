package redact

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// manySecrets are how many the service is given, of all shapes in turn.
const manySecrets = 2000

// secretsOf draws secrets. None of their words is one in a program, but many look it.
func secretsOf(r *rand.Rand) []string {
	drawn := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	const consonants, vowels = "bdfgklmnprtvz", "aeiou"
	lower := func() string { // can be said, as words can
		var b strings.Builder
		for range 4 {
			b.WriteString(drawn(consonants, 1) + drawn(vowels, 1))
		}
		return b.String() + drawn(consonants, 1)
	}
	upper := func() string { w := lower(); return strings.ToUpper(w[:1]) + w[1:] }
	raw := func(n int) []byte { return []byte(drawn("\x00\x11\x27\x3f\x58\x7a\x9c\xb3\xd5\xee", n)) }
	shapes := []func() string{
		func() string { return base64.RawURLEncoding.EncodeToString(raw(15)) },
		func() string { return base64.StdEncoding.EncodeToString(raw(20)) },
		func() string { return hex.EncodeToString(raw(16)) },
		func() string {
			return fmt.Sprintf("eyJ%s.eyJ%s.%s", drawn(alphabet, 20), drawn(alphabet, 40), drawn(alphabet, 43))
		},
		func() string {
			h := hex.EncodeToString(raw(16))
			return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		},
		func() string { return lower() + "." + lower() + "@" + lower() + ".example" },
		func() string { return lower() + upper() },
		func() string { return lower() + "_" + lower() },
		func() string { return strings.ToUpper(lower()) + "_" + strings.ToUpper(lower()) },
		upper, lower,
		func() string { return "." + lower() + "-" + lower() },
		func() string { return "/home/" + lower() + "/" + upper() + ".js" },
		func() string { return drawn("123456789", 1) + drawn(decimals, 11) },
		func() string { return "AKIA" + drawn("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16) },
		func() string { return "sk_live_" + drawn(alphabet, 24) },
		func() string { return upper() + " " + upper() + ", " + lower() },
		func() string { return drawn(letters, 9) },
		func() string { return "$" + lower() + drawn(decimals, 2) },
	}
	secrets := make([]string, manySecrets)
	for i := range secrets {
		secrets[i] = shapes[i%len(shapes)]()
	}
	return secrets
}

// fragmentBytes is how much of a word of a secret must not be found, where it is in no
// other place: four characters of a long text are somewhere by chance.
const fragmentBytes = 8

// TestNoSecretOfAServiceSurvives looks for the secrets of a real service byte by byte: in
// whole, their words, and every eight bytes of those. It knows nothing of the rule.
func TestNoSecretOfAServiceSurvives(t *testing.T) {
	versions := []string{"20", "24"} // all with FULL=1
	if os.Getenv("FULL") == "1" {
		versions = nil
		for _, pin := range nodetest.Pins() {
			versions = append(versions, pin.Major)
		}
	}
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			node := nodetest.Require(t, version)
			secrets := secretsOf(rand.New(rand.NewPCG(5, 7)))
			dir := t.TempDir()
			list, file := filepath.Join(dir, "list"), filepath.Join(dir, "s.heapsnapshot")
			if err := os.WriteFile(list, []byte(strings.Join(secrets, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), snapshotTimeout)
			defer cancel()
			cmd := exec.CommandContext(ctx, node, "testdata/service.cjs", list, file)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out, report := redacted(t, in, Options{})
			checkSame(t, in, out)
			searchSecrets(t, secrets, in, out)
			kept := bytes.Contains(out, []byte(`"Session"`)) && bytes.Contains(out, []byte(`"owner"`))
			if !kept {
				t.Error("Session and owner, which are names of code, are gone")
			}
			t.Logf("%+v", report)
		})
	}
}

// searchSecrets looks for the secrets in the copy: for every eight bytes of their words
// that are in no word of code. A secret that is there in whole has some.
func searchSecrets(t *testing.T, secrets []string, in, out []byte) {
	t.Helper()
	code, err := os.ReadFile("testdata/service.cjs")
	if err != nil {
		t.Fatal(err)
	}
	known := string(code) + engineWords
	fragments := map[string]int{} // secrets
	for n, secret := range secrets {
		for _, word := range regexp.MustCompile(`[A-Za-z0-9_$]{8,}`).FindAllString(secret, -1) {
			for i := 0; i+fragmentBytes <= len(word); i++ {
				if fragment := word[i : i+fragmentBytes]; !strings.Contains(known, fragment) {
					fragments[fragment] = n
				}
			}
		}
	}
	texts := func(file []byte) []byte { return file[bytes.LastIndex(file, []byte(`"strings":[`)):] } // the rest is numbers
	found := func(text []byte, call func(at, secret int)) {
		for i := 0; i+fragmentBytes <= len(text); i++ {
			if n, is := fragments[string(text[i:i+fragmentBytes])]; is {
				call(i, n)
			}
		}
	}
	planted := map[int]bool{}
	found(texts(in), func(_, secret int) { planted[secret] = true })
	if len(planted) < manySecrets {
		t.Errorf("only %d of %d secrets were in the original", len(planted), manySecrets)
	}
	left, text := map[int]bool{}, texts(out)
	found(text, func(at, secret int) {
		if !left[secret] {
			t.Errorf("%q of %q is in the copy: %q", text[at:at+fragmentBytes], secrets[secret], text[max(0, at-30):min(len(text), at+40)])
		}
		left[secret] = true
	})
	t.Logf("%d secrets were in the original, %d are in the copy", len(planted), len(left))
}
