package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/leak"
)

// TestOrderOfFiles gives files of which nothing is known but what is in them in all kinds of
// orders: they are read in that of their age, each snapshot once, and the user is told.
func TestOrderOfFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, counts ...int) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := keeper(counts).WriteTo(f); err != nil {
			t.Fatal(err)
		}
	}
	write("a", 1000)
	write("b", 1000, 2000)
	write("c", 1000, 2000, 3000)
	write("copy", 1000, 2000)
	const same, twice, order = "is the same snapshot as", "is named more than once", "in the wrong order"
	tests := []struct {
		files   string
		verdict leak.Verdict
		shots   int
		warned  []string
		silent  []string
	}{
		{"a b c", leak.Leaking, 3, nil, []string{same, order}},
		{"c a b", leak.Leaking, 3, []string{order + "; by their object ids it is a, b, c"}, []string{same}},
		{"c b a", leak.Leaking, 3, []string{order}, []string{same}},
		{"b a", leak.Growing, 2, []string{order}, nil},
		{"a a a", leak.Insufficient, 1, []string{"a " + twice}, []string{order, same}},
		{"b copy", leak.Insufficient, 1, []string{"copy is the same snapshot as"}, []string{order}},
		{"a ./a copy b c", leak.Leaking, 3, []string{"a " + twice, same}, nil},
		{"a b copy c", leak.Leaking, 3, []string{same}, []string{order}},
		{"c copy b a", leak.Leaking, 3, []string{same, order}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.files, func(t *testing.T) {
			t.Chdir(dir)
			u, said := quiet(t)
			r, err := subjectOfFiles(strings.Fields(tt.files)).diagnose(t.Context(), u, diagnosisOptions{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := r.Diagnosis
			if d.Verdict != tt.verdict || len(d.Snapshots) != tt.shots || len(r.Info.Shots) != tt.shots {
				t.Errorf("%s of %d snapshots: %s", d.Verdict, len(d.Snapshots), d.Reason)
			}
			all := said()
			for _, text := range tt.warned {
				if !strings.Contains(all, text) || !strings.Contains(strings.Join(r.Info.Warnings, "\n"), text) {
					t.Errorf("no %q in %q and %q", text, all, r.Info.Warnings)
				}
			}
			for _, text := range tt.silent {
				if strings.Contains(all, text) {
					t.Errorf("%q in %q", text, all)
				}
			}
		})
	}
}

// TestNoSecondReading leaves alone what cannot be read twice.
func TestNoSecondReading(t *testing.T) {
	if rereadable([]string{"a", stdinFile}) || rereadable([]string{os.DevNull}) || !rereadable([]string{"none"}) {
		t.Error("what is a stream, or is not")
	}
}
