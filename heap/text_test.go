package heap

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// withStrings is tiny with other strings behind its own.
func withStrings(quoted string) string {
	return strings.Replace(tiny, `"Thing"]`, `"Thing",`+quoted+`]`, 1)
}

// parsed returns the string that a JSON string becomes.
func parsed(t testing.TB, quoted string) ([]byte, error) {
	s, err := parseText(t, withStrings(quoted))
	if err != nil {
		return nil, err
	}
	return s.text.at(3), nil
}

func TestText(t *testing.T) {
	tests := []struct {
		quoted, wtf8, utf8 string
		units              int // length in JavaScript
	}{
		{`""`, "", "", 0},
		{`"plain"`, "plain", "plain", 5},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t", "\"\\/\b\f\n\r\t", 8},
		{`"\u00e4\u20AC\u0000"`, "ä€\x00", "ä€\x00", 3},
		{`"\ud83d\ude00"`, "😀", "😀", 2},
		{`"😀"`, "😀", "😀", 2},
		{`"\ud83d"`, "\xed\xa0\xbd", "\ufffd", 1},
		{`"\ude00"`, "\xed\xb8\x80", "\ufffd", 1},
		{`"\ude00\ud83d"`, "\xed\xb8\x80\xed\xa0\xbd", "\ufffd\ufffd", 2},
		{`"\ud83d\ud83d\ude00x"`, "\xed\xa0\xbd😀x", "\ufffd😀x", 4},
		{`"\ud83dx\ude00"`, "\xed\xa0\xbdx\xed\xb8\x80", "\ufffdx\ufffd", 3},
		{"\"\xff\"", "\xff", "\ufffd", 1},
	}
	for _, tt := range tests {
		got, err := parsed(t, tt.quoted)
		if err != nil {
			t.Errorf("%s: %v", tt.quoted, err)
			continue
		}
		if string(got) != tt.wtf8 || toUTF8(got) != tt.utf8 || utf16Len(got) != tt.units {
			t.Errorf("%s: got %q, %q, %d units, want %q, %q, %d", tt.quoted, got, toUTF8(got), utf16Len(got), tt.wtf8, tt.utf8, tt.units)
		}
	}
	// A low surrogate does not join the string before it.
	s, err := parseText(t, withStrings(`"\ud83d","\ude00"`))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.text.string(4); got != "\ufffd" {
		t.Errorf("got %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, text := range []string{`a`, `\n`, `\ud83d\ude00`, `\ud83d`, `\u00`, `"`, `\`, `a\"b`, "é", `\ude00\ud83d\ude00`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\ufffd' }) {
			return // V8 writes no control characters, and JSON would not read them
		}
		quoted := `"` + text + `"`
		var want string
		valid := json.Unmarshal([]byte(quoted), &want) == nil
		got, err := parsed(t, quoted)
		if !valid {
			return // text may be more strings, or even more sections
		}
		if err != nil || toUTF8(got) != want || utf16Len(got) != len(utf16.Encode([]rune(want))) {
			t.Errorf("%s: got %q, %v, want %q", quoted, got, err, want)
		}
		if quotes := string(jsonQuote(got)); !strings.Contains(want, "\ufffd") {
			var back string
			if err := json.Unmarshal([]byte(quotes), &back); err != nil || back != want {
				t.Errorf("%q quoted is %s", want, quotes)
			}
		}
	})
}

func TestTextPages(t *testing.T) {
	const n = 3*pageStrings + 5
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"text %d"`, i)
	}
	s, err := parseText(t, withStrings(b.String()[1:]))
	if err != nil {
		t.Fatal(err)
	}
	if s.text.len() != n+3 {
		t.Fatalf("%d strings, want %d", s.text.len(), n+3)
	}
	for i := range n {
		if got := s.text.string(textID(i + 3)); got != fmt.Sprint("text ", i) {
			t.Fatalf("string %d is %q", i+3, got)
		}
	}
	for i := range pageStrings {
		if id := s.text.add([]byte{'x'}); id != textID(n+3+i) || s.text.string(id) != "x" {
			t.Fatalf("added string %d is %d %q", i, id, s.text.string(id))
		}
	}
}

func TestLongText(t *testing.T) {
	long := strings.Repeat("0123456789", blockBytes/4)
	got, err := parsed(t, `"`+long+`"`)
	if err != nil || string(got) != long {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(long))
	}
}

func TestCompareUTF16(t *testing.T) {
	ordered := []string{"", "\x00", "a", "ab", "b", "é", "\ud7ff", "😀", "\ue000", "\uffff"}
	for i, a := range ordered {
		for j, b := range ordered {
			got, want := compareUTF16([]byte(a), []byte(b)), 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got != want {
				t.Errorf("%q, %q: got %d, want %d", a, b, got, want)
			}
		}
	}
}
