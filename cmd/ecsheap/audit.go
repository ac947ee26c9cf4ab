package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ecsheap/ecsheap/guest"
)

// auditFile lists in the directory of a capture what was changed in AWS and in
// the process: a line when a change is made, and another one when it is undone. A
// change whose second line is missing may still be there.
const auditFile = "audit.jsonl"

// auditLine is a line of it. It holds names, never secrets.
type auditLine struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"`  // was changed
	Where string    `json:"where"` // a session, a process, an s3:// URL
	Undo  string    `json:"undo"`  // what takes it back
	Done  bool      `json:"done"`  // the undo
}

// auditor writes the audit of a capture. Its lines wait until the directory is
// there, which a capture that never began does not make. The nil *auditor
// writes nothing.
type auditor struct {
	u *ui

	mu      sync.Mutex
	dir     string // "" = not there yet
	pending []auditLine
	failed  bool // and told
}

// did writes that a change was made. The func that it returns writes, once, that
// it was undone.
func (a *auditor) did(what, where, undo string) (undone func()) {
	if a == nil {
		return func() {}
	}
	line := auditLine{What: what, Where: where, Undo: undo}
	a.write(line)
	line.Done = true
	return sync.OnceFunc(func() { a.write(line) })
}

// begin has the lines written to dir from now on.
func (a *auditor) begin(dir string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dir = dir
	a.flush()
}

func (a *auditor) write(line auditLine) {
	a.mu.Lock()
	defer a.mu.Unlock()
	line.At = time.Now().UTC().Truncate(time.Millisecond)
	a.pending = append(a.pending, line)
	a.flush()
}

// flush writes what waits. What cannot be written is told once and tried again
// with the next line: a full disk ends no capture here, but where it is written.
func (a *auditor) flush() {
	if a.dir == "" || len(a.pending) == 0 {
		return
	}
	err := appendLines(filepath.Join(a.dir, auditFile), a.pending)
	if err == nil {
		a.pending = nil
	} else if !a.failed {
		a.failed = true
		a.u.warn("writing "+auditFile+": "+errorText(err), "the capture goes on without it")
	}
}

// appendLines adds lines to a file, all or none as far as the system allows, and
// has them on the disk when it returns.
func appendLines(path string, lines []auditLine) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var text []byte
	for _, line := range lines {
		one, err := json.Marshal(line)
		if err != nil {
			_ = f.Close()
			return err
		}
		text = append(append(text, one...), '\n')
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// heldIn says where the process holds a snapshot.
func heldIn(s guest.Shot) string {
	if s.Mode == guest.Disk {
		return "an unlinked file in " + s.Dir
	}
	return "the memory of the process"
}
