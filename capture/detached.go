package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// detachedName is the file that says how to find a detached series again. It is
// there for as long as the process may hold snapshots of it.
const detachedName = "detached.json"

// Detached is what detached.json says of a series that a process takes by
// itself, with nobody connected. Times are UTC.
type Detached struct {
	Schema    int       `json:"schema"`
	Tool      string    `json:"tool"`
	StartedAt time.Time `json:"startedAt"` // when the process was told
	Due       time.Time `json:"dueAt"`     // of the last snapshot, by the clock of this machine
	Deadline  time.Time `json:"deadline"`  // when the process drops all of it, fetched or not

	Count      int    `json:"count"`
	IntervalMs int64  `json:"intervalMs"`
	SampleMs   int64  `json:"sampleMs"`
	Transfer   string `json:"transfer"` // where the process keeps them: "disk" or "memory"

	// Token is the name of the series in the process: whoever has it and the
	// inspector can fetch the snapshots.
	Token string `json:"token"`

	// The way to the process: HOST:PORT of its inspector, or "" when that is the
	// Port of the container Target, reached with the AWS Profile.
	Inspector string `json:"inspector"`
	Port      int    `json:"port"`
	Profile   string `json:"profile"`

	Target  Target  `json:"target"`
	Process Process `json:"process"`
	Checks  []any   `json:"checks"`
	Gate    any     `json:"gate"` // what the gate said before the series

	// Protection says how the task was protected for the series, in a form of the
	// caller's; absent = it was not.
	Protection json.RawMessage `json:"protection,omitempty"`
}

// Reserve makes the directory of a detached series, which must be absent or
// empty, and writes detached.json. The func that it returns takes both away
// again, for a series that did not come about.
//
// Errors: *DirError, *SpaceError.
func Reserve(dir string, d Detached) (undo func(), err error) {
	s, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	d.Schema = schema
	filled := Series{Process: d.Process, Checks: d.Checks}.filled()
	d.Process, d.Checks = filled.Process, filled.Checks
	undo = func() {
		_ = os.Remove(filepath.Join(s.dir, detachedName))
		s.discard()
	}
	if err := s.replace(detachedName, d); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// LoadDetached reads detached.json of the series in dir.
//
// Errors: *DirError.
func LoadDetached(dir string) (Detached, error) {
	text, err := os.ReadFile(filepath.Join(dir, detachedName))
	switch {
	case errors.Is(err, fs.ErrNotExist) && isCapture(dir):
		return Detached{}, &DirError{Dir: dir, Problem: "holds a series that is here already", Fix: "there is nothing left to fetch"}
	case errors.Is(err, fs.ErrNotExist):
		return Detached{}, &DirError{Dir: dir, Problem: "has no " + detachedName, Fix: "name the directory that `ecsheap snapshot --detach` made"}
	case err != nil:
		return Detached{}, &DirError{Dir: dir, Problem: "cannot be read", Fix: "name the directory that `ecsheap snapshot --detach` made", Err: bare(err)}
	}
	d, err := parseDetached(text)
	if err != nil {
		return Detached{}, &DirError{Dir: dir, Problem: "has a damaged " + detachedName, Fix: "restore the file: without it the snapshots cannot be found", Err: err}
	}
	return d, nil
}

// isCapture reports whether dir has a manifest.
func isCapture(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, manifestName))
	return err == nil
}

// parseDetached decodes and checks the text of a detached.json.
func parseDetached(text []byte) (Detached, error) {
	var d Detached
	if err := json.Unmarshal(text, &d); err != nil {
		return Detached{}, fmt.Errorf("decoding: %w", err)
	}
	switch {
	case d.Schema != schema:
		return Detached{}, fmt.Errorf("schema is %d, not %d: another version of the program wrote it", d.Schema, schema)
	case d.Count < 1 || d.Token == "" || d.Process.PID < 1:
		return Detached{}, errors.New("count, token or process is missing")
	case d.Inspector == "" && d.Target.TaskARN == "":
		return Detached{}, errors.New("neither an inspector nor a task is named")
	}
	return d, nil
}

// Forget takes detached.json away: the process holds no snapshot of the series
// any more.
func Forget(dir string) error {
	s := &store{dir: filepath.Clean(dir)}
	err := os.Remove(filepath.Join(s.dir, detachedName))
	if err == nil {
		err = s.sync()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", detachedName, bare(err))
	}
	return nil
}
