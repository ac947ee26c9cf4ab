package remedy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestJournal(t *testing.T) {
	j := Journal{Path: filepath.Join(t.TempDir(), "state", "fixes.jsonl")}
	if entries, err := j.Entries(); err != nil || len(entries) != 0 {
		t.Fatalf("%v, %v", entries, err)
	}
	at := time.Date(2026, 11, 29, 3, 0, 0, 123456789, time.UTC)
	reversible := Change{Action: "iam:PutRolePolicy", Where: "role", Reversible: true, Before: State{}, After: State{"a": "b"}}
	for _, e := range []Entry{
		{ID: "1", At: at, Outcome: Begun, Change: reversible},
		{ID: "2", At: at, Outcome: Begun, Change: reversible},
		{ID: "1", At: at, Outcome: Made, Change: reversible},
		{ID: "3", At: at, Outcome: Made, Change: Change{Action: "ssm:TerminateSession"}},
		{ID: "4", At: at, Outcome: Made, Change: reversible},
		{ID: "4", At: at, Outcome: Undone, Change: reversible},
		{ID: "5", At: at, Outcome: Failed, Change: reversible},
	} {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := j.Entries()
	if err != nil || len(entries) != 5 || entries[0].Outcome != Made || entries[0].Change.After["a"] != "b" {
		t.Fatalf("%+v, %v", entries, err)
	}
	open := Open(entries)
	if len(open) != 2 || open[0].ID != "2" || open[1].ID != "1" { // what was begun may be there
		t.Errorf("%+v", open)
	}
	if info, err := os.Stat(j.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestDamagedJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fixes.jsonl")
	j := Journal{Path: path}
	if err := j.Append(Entry{ID: "1", Outcome: Made}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(whole) + `{"id":"2","outc`) // a crash
	if entries, err := j.Entries(); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := j.Append(Entry{ID: "3", Outcome: Made}); err != nil { // after it
		t.Fatal(err)
	}
	if entries, err := j.Entries(); err != nil || len(entries) != 2 || entries[1].ID != "3" {
		t.Errorf("%v, %v", entries, err)
	}
	write(string(whole[:len(whole)-1])) // only the end of the line is lost
	if err := j.Append(Entry{ID: "1", Outcome: Undone}); err != nil {
		t.Fatal(err)
	}
	if entries, err := j.Entries(); err != nil || len(entries) != 1 || entries[0].Outcome != Undone {
		t.Errorf("%v, %v", entries, err)
	}
	write("not json\n" + string(whole))
	if _, err := j.Entries(); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"id":"1","outcome":"made","change":{"reversible":true}}` + "\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "fixes.jsonl")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if entries, err := (Journal{Path: path}).Entries(); err == nil {
			Open(entries)
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	now := time.Now()
	if a, b := NewID(now), NewID(now); a == b {
		t.Errorf("two changes of one moment are %s", a)
	}
}
