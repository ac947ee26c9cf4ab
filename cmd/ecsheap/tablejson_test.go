package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestPrintableJSON(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"a": 1}`, `{"a": 1}`},
		{"{\n  \"Ärger\": \"日本 😀 \ufffd\"\n}\n", "{\n  \"Ärger\": \"日本 😀 \ufffd\"\n}\n"},
		{"\"\u009b31m\"", `"\u009b31m"`},               // the one-byte CSI
		{"\"abc\u202etxt.exe\"", `"abc\u202etxt.exe"`}, // reads backwards
		{"\"\x7f \\u0007 é\u0085\"", `"\u007f \u0007 é\u0085"`},
		{"\"\U000e0001!\"", `"\udb40\udc01!"`}, // above 0xffff: a pair
		{"", ""},
	}
	for _, tt := range tests {
		if got := string(printableJSON([]byte(tt.in))); got != tt.want {
			t.Errorf("printableJSON(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzPrintableJSON prints any text as ui.json does: it means the same to who
// reads the JSON, and nothing to a terminal.
func FuzzPrintableJSON(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b]0;title\x07", "\u0080\u009f\u2066\u200d", "\xf0\x9f\x98", "日本\x00\U0010ffff", `\u009b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if err := (&ui{out: &out}).json(s); err != nil {
			t.Fatal(err)
		}
		printed := strings.TrimSuffix(out.String(), "\n")
		if i := strings.IndexFunc(printed, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is printed as %q", s, printed)
		}
		var again string
		if err := json.Unmarshal(out.Bytes(), &again); err != nil || again != string([]rune(s)) {
			t.Errorf("%q is read as %q, %v", s, again, err)
		}
	})
}
