package main

import (
	"math/rand/v2"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"c", "cluster", "count", "task", "interval", "inspector", "output", "no-color", "dir", "version"}
	tests := map[string]string{
		"clutser":   "cluster",
		"cont":      "count",
		"tsak":      "task",
		"intervall": "interval",
		"int":       "interval",
		"outptu":    "output",
		"dri":       "dir",
		"vers":      "version",
		"nocolor":   "no-color",
		"bogus":     "",
		"in":        "", // interval or inspector
		"x":         "",
		"":          "",
	}
	for word, want := range tests {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// TestTypos compares with the definition of the distance.
func TestTypos(t *testing.T) {
	word := func() string {
		b := make([]byte, rand.IntN(7))
		for i := range b {
			b[i] = "abc"[rand.IntN(3)]
		}
		return string(b)
	}
	for range 2000 {
		a, b := word(), word()
		if got, want := typos(a, b), slowTypos(a, b); got != want {
			t.Fatalf("typos(%q, %q) = %d, want %d", a, b, got, want)
		}
	}
}

// slowTypos is the recursion that defines the distance, from the ends of the words.
func slowTypos(a, b string) int {
	m, n := len(a), len(b)
	if m == 0 || n == 0 {
		return m + n
	}
	best := slowTypos(a[:m-1], b[:n-1])
	if a[m-1] != b[n-1] {
		best++
	}
	best = min(best, slowTypos(a[:m-1], b)+1, slowTypos(a, b[:n-1])+1)
	if m > 1 && n > 1 && a[m-1] == b[n-2] && a[m-2] == b[n-1] {
		best = min(best, slowTypos(a[:m-2], b[:n-2])+1)
	}
	return best
}
