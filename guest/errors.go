package guest

import (
	"fmt"
	"strings"
	"time"
)

// BusyError says that the guest of another ecsheap is in the process.
type BusyError struct {
	Label    string        // who installed it
	Age      time.Duration // since it was installed
	Silent   time.Duration // since it was last called
	Shots    int           // snapshots that it holds
	Detached bool          // it takes a series by itself
}

func (e *BusyError) Error() string {
	s := fmt.Sprintf("another ecsheap (%s) is at work in this process since %v, last heard of %v ago", e.Label, e.Age.Round(time.Second), e.Silent.Round(time.Second))
	if e.Detached {
		s += ", with a detached series"
	}
	return s
}

// Hint says when it will be gone.
func (e *BusyError) Hint() string {
	if e.Detached {
		return "fetch its snapshots with --resume, or wait for its deadline"
	}
	return fmt.Sprintf("wait until it is done (this visit has cost its series the object ids, and it will say so); one that was killed leaves by itself after %v of silence", DefaultSilence)
}

// GoneError says that the guest is not in the process: it was removed, by its
// watchdog perhaps, or the process is another one.
type GoneError struct {
	Other bool // the guest of another ecsheap is there instead
}

func (e *GoneError) Error() string {
	if e.Other {
		return "our code is no longer in the process, that of another ecsheap is"
	}
	return "our code is no longer in the process"
}

// Hint says what the usual reasons are.
func (e *GoneError) Hint() string {
	if e.Other {
		return "wait until that one is done, then start again"
	}
	return fmt.Sprintf("it leaves by itself after %v without a call, and a restart of the process ends it: start again", DefaultSilence)
}

// ForeignError says that the guest cannot have its place on globalThis.
type ForeignError struct {
	Problem string
}

func (e *ForeignError) Error() string { return "cannot work inside this process: " + e.Problem }

// Hint names what works without a guest.
func (e *ForeignError) Hint() string {
	return "use --transfer stream, which needs no code inside the process"
}

// PlaceError says that no directory takes the file of a snapshot. Nothing was
// written, and the process did not stand still.
type PlaceError struct {
	Need int64 // bytes
	Dirs []Dir // what was looked at, in order, with the reason in Why
}

func (e *PlaceError) Error() string {
	reasons := make([]string, 0, len(e.Dirs))
	for _, d := range e.Dirs {
		reasons = append(reasons, d.Path+" ("+d.Why+")")
	}
	return fmt.Sprintf("no directory in the container takes a snapshot of %.0f MB: %s", float64(e.Need)/1e6, strings.Join(reasons, ", "))
}

// Hint names the other ways.
func (e *PlaceError) Hint() string {
	return "use --transfer memory, or give the container more room: ephemeralStorage or a writable volume"
}

// WriteError says that writing the snapshot in the target failed. What was
// written of it is gone.
type WriteError struct {
	Dir     string
	Code    string // such as "ENOSPC", "EDQUOT", "EROFS"; "" when Node.js did not say
	Message string
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("writing the snapshot in %s of the container: %s", e.Dir, e.Message)
}

// Hint says what to do.
func (e *WriteError) Hint() string {
	switch e.Code {
	case "ENOSPC", "EDQUOT":
		return "the disk is full: use --transfer memory, or give the container more room"
	case "EROFS", "EACCES", "EPERM", "ERR_ACCESS_DENIED":
		return "the process may not write there: use --transfer memory"
	}
	return "use --transfer memory or --transfer stream"
}

// CapError says that a snapshot held in the target's memory became larger than
// allowed. It was dropped.
type CapError struct {
	Cap int64 // bytes
}

func (e *CapError) Error() string {
	return fmt.Sprintf("the snapshot takes more than %.0f MB of the process's memory even when compressed", float64(e.Cap)/1e6)
}

// Hint names the other ways.
func (e *CapError) Hint() string { return "use --transfer disk or --transfer stream" }

// UploadError says that the target could not upload a part of a snapshot. It
// never bears the URL, which is a secret.
type UploadError struct {
	Status  int    // HTTP status, 0 = no answer came
	Code    string // of S3, such as "AccessDenied", of Node.js, such as "ETIMEDOUT", or TooSlow
	Message string
}

func (e *UploadError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("uploading from the container: HTTP %d %s: %s", e.Status, e.Code, e.Message)
	}
	return fmt.Sprintf("uploading from the container: %s", e.Message)
}

// Hint says what to check.
func (e *UploadError) Hint() string {
	if e.Status != 0 {
		return "check the bucket's policy and its encryption; or use --transfer disk"
	}
	return "the container has no way to S3: give it a gateway endpoint or a NAT gateway, or use --transfer disk"
}

// CorruptError says that a piece of a snapshot arrived damaged. It may be
// pulled again from what was written.
type CorruptError struct {
	Offset int64  // of the piece, in bytes of the plain snapshot
	What   string // what does not fit
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the piece of the snapshot at byte %d arrived damaged: %s", e.Offset, e.What)
}

// Hint says what to do.
func (e *CorruptError) Hint() string {
	return "something on the way changes the data: try again, or use --transfer stream"
}

// StalledError says that the target answers, but hands over no more of a snapshot:
// the threads that read and compress for it do not come back.
type StalledError struct {
	For time.Duration // since the piece before, or since the first was asked for
}

func (e *StalledError) Error() string {
	return fmt.Sprintf("the process answers, but the piece of the snapshot that was asked for %v ago does not come: its thread pool hangs", e.For.Round(time.Second))
}

// Hint says what to look for.
func (e *StalledError) Hint() string {
	return "look for what blocks libuv's threads in the application (a disk or a DNS server that hangs, long crypto jobs); then try again, or use --transfer stream, which needs none"
}

// TargetError says that something else failed inside the process.
type TargetError struct {
	Method  string // what the guest was doing
	Code    string // of Node.js, may be empty
	Message string
}

func (e *TargetError) Error() string {
	return fmt.Sprintf("%s inside the process: %s", e.Method, e.Message)
}

// Hint names what works without a guest.
func (e *TargetError) Hint() string {
	return "use --transfer stream, which needs no code inside the process"
}

// UnsafeError says that a detached series has ended before its time: its next snapshot
// would likely have done harm.
type UnsafeError struct {
	Message string
}

func (e *UnsafeError) Error() string { return "it was not safe any more: " + e.Message }

// Hint says what would help.
func (e *UnsafeError) Hint() string {
	return "give the task more memory or disk, or take fewer snapshots at a time; `ecsheap profile` needs neither"
}

// fault is an error as guest.js answers it.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`

	// BUSY
	Label    string  `json:"label"`
	AgeMs    float64 `json:"ageMs"`
	SilentMs float64 `json:"silentMs"`
	Shots    int     `json:"shots"`
	Detached bool    `json:"detached"`
	// PLACE, WRITE
	Need  int64  `json:"need"`
	Dirs  []Dir  `json:"dirs"`
	Dir   string `json:"dir"`
	Cause string `json:"cause"` // the system's code
	// CAP
	Cap int64 `json:"cap"`
	// UPLOAD
	Status int `json:"status"`
}

// err is the fault as an error of this package.
func (f *fault) err(method string) error {
	switch f.Code {
	case "BUSY":
		return &BusyError{Label: f.Label, Age: millis(f.AgeMs), Silent: millis(f.SilentMs), Shots: f.Shots, Detached: f.Detached}
	case "GONE":
		return &GoneError{}
	case "OTHER":
		return &GoneError{Other: true}
	case "FOREIGN":
		return &ForeignError{Problem: f.Message}
	case "PLACE":
		return &PlaceError{Need: f.Need, Dirs: f.Dirs}
	case "WRITE":
		return &WriteError{Dir: f.Dir, Code: f.Cause, Message: f.Message}
	case "CAP":
		return &CapError{Cap: f.Cap}
	case "UPLOAD":
		return &UploadError{Status: f.Status, Code: f.Cause, Message: f.Message}
	}
	return &TargetError{Method: method, Code: f.Code, Message: f.Message}
}

// millis is a time as JavaScript counts it.
func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
