package redact

import (
	"regexp"
	"slices"
	"testing"
)

// ephemeron is the form that ephemeronPieces reads.
var ephemeron = regexp.MustCompile(`(?s)^(\d+ / part of key \()(.*)( @\d+\) -> value \()(.*)( @\d+\) pair in WeakMap \(table @\d+\))$`)

// FuzzEphemeronPieces compares with the regular expression.
func FuzzEphemeronPieces(f *testing.F) {
	for _, s := range []string{
		"12 / part of key (Key @345) -> value (a text @67) pair in WeakMap (table @89)",
		"1 / part of key ( @1) -> value ( @2) pair in WeakMap (table @3)",
		"1 / part of key (a @1) -> value (b @2) -> value (c @3) pair in WeakMap (table @4)",
		"1 / part of key (a) -> value (b @2) -> value (c @3) pair in WeakMap (table @4)",
		"1 / part of key (a @1) -> value (b) -> value ( @3) pair in WeakMap (table @4)",
		"1 / part of key (a @1) -> value ( @1) pair in WeakMap (table @2) @3) pair in WeakMap (table @4)",
		"1 / part of key (a @1) -> value (b @2) pair in WeakMap (table @)",
		"1 / part of key (a @1) -> value (b@2) pair in WeakMap (table @3)",
		"1 / part of key (a @1) -> value ( pair in WeakMap (table @3)",
		" / part of key (a @1) -> value (b @2) pair in WeakMap (table @3)",
		"1 / part of key ( pair in WeakMap (table @3)", "1 / part of key (", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want []string
		if m := ephemeron.FindStringSubmatch(s); m != nil {
			want = m[1:]
		}
		if got := ephemeronPieces(s); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	})
}
