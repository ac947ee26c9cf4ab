package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// readAudit reads the audit in dir.
func readAudit(t *testing.T, dir string) []auditLine {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, auditFile))
	if err != nil {
		t.Fatal(err)
	}
	var lines []auditLine
	for text := range strings.Lines(string(data)) {
		var line auditLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if line.At.IsZero() {
			t.Errorf("no time in %q", text)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestAudit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	a := &auditor{}
	session := a.did("session started", "s-1", "ssm:TerminateSession")
	helper := a.did("helper installed", "pid 1", "removed")
	helper()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("written before the directory was there: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a.begin(dir)
	session()
	session() // once is enough
	var got []string
	for _, line := range readAudit(t, dir) {
		if line.Done {
			got = append(got, "un"+line.What)
		} else {
			got = append(got, line.What)
		}
	}
	if text := strings.Join(got, ", "); text != "session started, helper installed, unhelper installed, unsession started" {
		t.Errorf("the audit says %s", text)
	}
	info, err := os.Stat(filepath.Join(dir, auditFile))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestAuditUnwritable tells once, and writes all of it when that works again.
func TestAuditUnwritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	u := newUI(streams{in: os.Stdin, out: out, err: out})
	defer u.close()
	a := &auditor{u: u}
	a.begin(dir) // it is not there
	a.did("session started", "s-1", "ssm:TerminateSession")()
	u.flush()
	if told, err := os.ReadFile(out.Name()); err != nil || strings.Count(string(told), "writing "+auditFile) != 1 {
		t.Errorf("told %q, %v", told, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a.did("helper installed", "pid 1", "removed")
	if lines := readAudit(t, dir); len(lines) != 3 || lines[1] == lines[0] || !lines[1].Done {
		t.Errorf("the audit has %+v", lines)
	}
}

// TestNoAudit is the auditor of commands that keep none.
func TestNoAudit(t *testing.T) {
	var a *auditor
	a.begin(t.TempDir())
	a.did("session started", "s-1", "ssm:TerminateSession")()
}
