package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSplitArguments(t *testing.T) {
	tests := []struct{ args, flags, files string }{
		{"a", "", "a"},
		{"a b", "", "a b"},
		{"a --limit 5", "--limit 5", "a"},
		{"a --limit=5 b", "--limit=5", "a b"},
		{"a --sort size b", "--sort size", "a b"},
		{"a --no-color b", "--no-color", "a b"},
		{"a -", "", "a -"},
		{"a --limit", "--limit", "a"},
		{"a --nosuch b", "--nosuch", "a b"},
	}
	command := diffCommand(&ui{})
	for _, tt := range tests {
		flags, files := splitArguments(command, strings.Fields(tt.args))
		if strings.Join(flags, " ") != tt.flags || strings.Join(files, " ") != tt.files {
			t.Errorf("%s: flags %q and files %q", tt.args, flags, files)
		}
	}
}

func TestTwoFiles(t *testing.T) {
	dir := t.TempDir()
	comma, plain := filepath.Join(dir, "a,b"), filepath.Join(dir, "c")
	for _, file := range []string{comma, plain} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		in   string
		want []string // nil: refused
	}{
		{"x,y", []string{"x", "y"}},
		{"-,y", []string{"-", "y"}},
		{comma + "," + plain, []string{comma, plain}},
		{plain + "," + comma, []string{plain, comma}},
		{"x", nil},
		{"", nil},
		{",y", nil},
		{"x,", nil},
		{"x,y,z", nil},
	}
	for _, tt := range tests {
		got, err := twoFiles(tt.in)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("twoFiles(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	rows := []int{1, 2, 3}
	for limit, want := range map[int]int{0: 3, 1: 1, 3: 3, 4: 3} {
		if got := cut(listOptions{limit: limit}, rows); len(got) != want {
			t.Errorf("limit %d leaves %d rows", limit, len(got))
		}
	}
}

func TestWants(t *testing.T) {
	if o := (listOptions{filter: "sess"}); !o.wants("HttpSession") || o.wants("Array") {
		t.Error("the filter does not look at the name alone")
	}
	if !(listOptions{}).wants("") {
		t.Error("no filter filters")
	}
}
