package guest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Series says what a guest takes by itself, while nobody is connected.
//
// V8 forgets all object ids when an inspector session ends, that of the caller
// included. So First must leave the caller the time to disconnect, and who comes
// back to look before the last shot spoils the ids of what follows.
type Series struct {
	Mode     Mode
	Take     TakeOptions
	Count    int           // snapshots, at least 1
	First    time.Duration // until the first one
	Interval time.Duration // from start to start

	// SampleEvery is how often memory is sampled; 0 = never. After 4000 samples
	// every second one goes, and the distance doubles.
	SampleEvery time.Duration
	// Spare is for a series on disk when that does not take a snapshot, because it got
	// full or read-only: this one and those after it go to memory. nil = the snapshot
	// fails.
	Spare *Spare
	// MaxBytes bounds what the snapshots take together, on disk or in memory: no
	// more are taken when one as large as the largest might not fit. 0 = no bound.
	MaxBytes int64
	// Headroom is how many bytes of memory a snapshot needs for each used byte of
	// the heap, by forecast. When the limit of the container leaves less, the series
	// ends. 0 = not looked at.
	Headroom float64
	// MemoryLimit is a limit on the memory of the container that the process may not
	// see, in bytes; 0 = none.
	MemoryLimit int64
	// Deadline is when the guest removes itself with all that it holds, fetched
	// or not, unless somebody is just fetching.
	Deadline time.Duration
}

// Spare is the memory that a series may turn to.
type Spare struct {
	MaxBytes int64   `json:"maxBytes"` // as Series has it, of what is held in memory
	Headroom float64 `json:"headroom"` // as Series has it, of a snapshot in memory
}

// MaxDeadline bounds a series: nobody remembers after a week.
const MaxDeadline = 7 * 24 * time.Hour

// Detach starts a series. From then on silence does not remove the guest, only
// the deadline does.
func (g *Guest) Detach(ctx context.Context, s Series) error {
	if s.Count < 1 || s.Interval < 0 || s.First < 0 || s.Deadline <= s.First+time.Duration(s.Count-1)*s.Interval || s.Deadline > MaxDeadline {
		return fmt.Errorf("starting a detached series: %d snapshots every %v within %v", s.Count, s.Interval, s.Deadline)
	}
	args := s.Take.args(s.Mode)
	for name, value := range map[string]any{
		"count": s.Count, "firstMs": s.First.Milliseconds(), "intervalMs": s.Interval.Milliseconds(), "deadlineMs": s.Deadline.Milliseconds(),
		"sampleEveryMs": s.SampleEvery.Milliseconds(), "spare": s.Spare, "maxBytes": s.MaxBytes, "headroom": s.Headroom, "memoryLimit": s.MemoryLimit,
	} {
		args[name] = value
	}
	_, err := call[struct{}](ctx, g, "detach", args)
	return wrap("starting a detached series", err)
}

// Sample is the memory of the process at a time, in bytes.
type Sample struct {
	At       time.Time // by the target's clock
	RSS      int64
	HeapUsed int64
	External int64
}

// ShotError is a snapshot of a detached series that was not taken.
type ShotError struct {
	At   time.Time // by the target's clock
	Shot int       // its number in the series, from 1
	Err  error     // as Take returns it
	// Again: it was tried once more, in memory, as all that came after it.
	Again bool
}

func (e *ShotError) Error() string {
	text := fmt.Sprintf("snapshot %d of the series: %v", e.Shot, e.Err)
	if e.Again {
		text += "; from then on the series went to memory"
	}
	return text
}

// Hint is that of the cause; a series that has helped itself needs none.
func (e *ShotError) Hint() string {
	cause, ok := errors.AsType[interface {
		error
		Hint() string
	}](e.Err)
	if e.Again || !ok {
		return ""
	}
	return cause.Hint()
}

// Unwrap returns the cause.
func (e *ShotError) Unwrap() error { return e.Err }

// State is what a guest holds and does.
type State struct {
	Age   time.Duration // since it was installed
	Now   Sample        // the process's memory
	Shots []Shot        // held, oldest first

	Detached bool         // the rest is of the series
	Count    int          // snapshots asked for
	Taken    int          // snapshots taken or tried
	Done     bool         // no more will be taken
	Next     time.Time    // when the next one is due, by the target's clock; zero when Done
	Deadline time.Time    // when the guest removes itself, by the target's clock
	Samples  []Sample     // since the beginning of the series
	Errors   []*ShotError // the latest 20
}

// stateJSON is a State as guest.js has it.
type stateJSON struct {
	sampleJSON
	AgeMs    float64      `json:"ageMs"`
	Shots    []shotJSON   `json:"shots"`
	Detached bool         `json:"detached"`
	Count    int          `json:"count"`
	Taken    int          `json:"taken"`
	Done     bool         `json:"done"`
	Next     string       `json:"next"`
	Deadline string       `json:"deadline"`
	Samples  []sampleJSON `json:"samples"`
	Errors   []errorJSON  `json:"errors"`
}

type sampleJSON struct {
	At       string `json:"at"`
	RSS      int64  `json:"rss"`
	HeapUsed int64  `json:"heapUsed"`
	External int64  `json:"external"`
}

func (s sampleJSON) sample() Sample {
	return Sample{At: at(s.At), RSS: s.RSS, HeapUsed: s.HeapUsed, External: s.External}
}

type errorJSON struct {
	fault
	At    string `json:"at"`
	Shot  int    `json:"shot"`
	Again bool   `json:"again"`
}

// asking is what State does, in words.
const asking = "asking what our code in the process holds"

// State asks the guest what it holds and does. It is cheap, and the sign of life
// that keeps the guest from removing itself.
func (g *Guest) State(ctx context.Context) (State, error) {
	over, err := g.turn(ctx)
	if err != nil {
		return State{}, wrap(asking, err)
	}
	defer over()
	j, err := call[stateJSON](ctx, g, "state", nil)
	if err != nil {
		return State{}, wrap(asking, err)
	}
	s := State{
		Age: millis(j.AgeMs), Now: j.sample(), Detached: j.Detached, Count: j.Count, Taken: j.Taken, Done: j.Done,
		Next: at(j.Next), Deadline: at(j.Deadline),
	}
	for _, shot := range j.Shots {
		s.Shots = append(s.Shots, shot.shot())
	}
	for _, sample := range j.Samples {
		s.Samples = append(s.Samples, sample.sample())
	}
	for _, e := range j.Errors {
		cause := e.err("take")
		if e.Code == "SERIES" {
			cause = &UnsafeError{Message: e.Message}
		}
		s.Errors = append(s.Errors, &ShotError{At: at(e.At), Shot: e.Shot, Err: cause, Again: e.Again})
	}
	return s, nil
}
