package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestWantsJSON(t *testing.T) {
	tests := map[string]bool{
		"snapshot --output json":               true,
		"snapshot --output=json":               true,
		"snapshot -output json":                true,
		"--output json snapshot":               true,
		"check --bogus --output json":          true,
		"check --output text --output json":    true,
		"check --output json --output=text":    false,
		"check --output":                       false,
		"check output json":                    false,
		"check --outputs json":                 false,
		"summary -- --output json":             false,
		"check --task json --output text json": false,
	}
	for line, want := range tests {
		if got := wantsJSON(append([]string{"ecsheap"}, strings.Fields(line)...)); got != want {
			t.Errorf("%s: %t", line, got)
		}
	}
}

func TestHelpArguments(t *testing.T) {
	tests := map[string]string{
		"ecsheap":                     "ecsheap",
		"ecsheap help":                "ecsheap --help",
		"ecsheap help snapshot":       "ecsheap snapshot --help",
		"ecsheap help snapshot extra": "ecsheap snapshot --help",
		"ecsheap help help":           "ecsheap --help",
		"ecsheap help --help":         "ecsheap --help",
		"ecsheap snapshot help":       "ecsheap snapshot help",
	}
	for line, want := range tests {
		if got := helpArguments(strings.Fields(line)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

func TestShellLine(t *testing.T) {
	got := shellLine("snapshot", "--task", "arn:aws:ecs:eu-west-1:1:task/a/b", "a b", "", "it's", "$HOME", "é")
	if want := `snapshot --task arn:aws:ecs:eu-west-1:1:task/a/b 'a b' '' 'it'\''s' '$HOME' 'é'`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKeepError(t *testing.T) {
	for _, tt := range []struct{ err, want error }{{nil, nil}, {io.ErrShortWrite, io.ErrShortWrite}, {syscall.EPIPE, nil}} {
		k := &keepError{w: failingWriter{tt.err}}
		if _, err := k.Write([]byte("x")); !errors.Is(err, tt.err) {
			t.Errorf("%v: Write returned %v", tt.err, err)
		}
		k.w = io.Discard
		_, _ = k.Write([]byte("x"))
		if !errors.Is(k.err, tt.want) {
			t.Errorf("%v: kept %v", tt.err, k.err)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write(p []byte) (int, error) { return len(p), w.err }
