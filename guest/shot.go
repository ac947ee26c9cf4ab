package guest

import (
	"context"
	"crypto/rand"
	"time"
)

// Mode is where the target keeps a snapshot until it is fetched.
type Mode string

// Disk keeps it in an unlinked file, Memory compressed in the target's memory.
const (
	Disk   Mode = "disk"
	Memory Mode = "memory"
)

// TakeOptions tune Take.
type TakeOptions struct {
	// Need is how many bytes the snapshot may have, by forecast: a directory with
	// less room is not used. 0 takes any. For Disk only.
	Need int64
	// Cap bounds the compressed bytes held in the target, 0 is DefaultCap. For
	// Memory only.
	Cap int64
	// Dirs are tried before those that the guest knows. For Disk only.
	Dirs []string
}

// DefaultCap is the most that the target holds of one snapshot in its memory:
// compressed, that is a snapshot of 2 to 8 GB, which are beyond what V8 can take.
const DefaultCap = 512 << 20

// Shot is a snapshot that the target holds. Sizes are bytes.
type Shot struct {
	ID        int
	Mode      Mode
	StartedAt time.Time     // by the target's clock
	Pause     time.Duration // how long the process stood still, by its own clock
	Bytes     int64         // of the plain snapshot
	Held      int64         // of the process's memory that it takes until Release, 0 for Disk
	RSSBefore int64
	RSSAfter  int64
	RSSPeak   int64 // 0 = unknown: the process was larger before, or its system does not say

	HeapUsedBefore int64
	HeapUsedAfter  int64

	Dir    string // where its file was made, Disk only
	Hidden bool   // its file was unlinked before the first byte, Disk only
}

// shotJSON is a Shot as guest.js has it.
type shotJSON struct {
	ID             int     `json:"id"`
	Mode           Mode    `json:"mode"`
	StartedAt      string  `json:"startedAt"`
	PauseMs        float64 `json:"pauseMs"`
	Bytes          int64   `json:"bytes"`
	Held           int64   `json:"held"`
	RSSBefore      int64   `json:"rssBefore"`
	RSSAfter       int64   `json:"rssAfter"`
	RSSPeak        int64   `json:"rssPeak"`
	HeapUsedBefore int64   `json:"heapUsedBefore"`
	HeapUsedAfter  int64   `json:"heapUsedAfter"`
	Dir            string  `json:"dir"`
	Hidden         bool    `json:"hidden"`
}

func (s shotJSON) shot() Shot {
	return Shot{
		ID: s.ID, Mode: s.Mode, StartedAt: at(s.StartedAt), Pause: millis(s.PauseMs), Bytes: s.Bytes, Held: s.Held,
		RSSBefore: s.RSSBefore, RSSAfter: s.RSSAfter, RSSPeak: s.RSSPeak,
		HeapUsedBefore: s.HeapUsedBefore, HeapUsedAfter: s.HeapUsedAfter, Dir: s.Dir, Hidden: s.Hidden,
	}
}

// at reads a time as JavaScript writes it; the zero time when it is none.
func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// args are the options as guest.js wants them. The name of the file is made of
// the nonce, so that nobody can guess it and be there first.
func (o TakeOptions) args(mode Mode) map[string]any {
	if o.Cap <= 0 {
		o.Cap = DefaultCap
	}
	return map[string]any{"mode": mode, "need": o.Need, "cap": o.Cap, "dirs": append([]string{}, o.Dirs...), "nonce": rand.Text()}
}

// Take takes a snapshot and keeps it in the target. The process stands still
// until that is done. When ctx ends or the connection is lost meanwhile, the
// target goes on, and State tells of the snapshot later.
//
// Errors: *PlaceError, *WriteError, *CapError; the target holds nothing then.
func (g *Guest) Take(ctx context.Context, mode Mode, opts TakeOptions) (Shot, error) {
	s, err := call[shotJSON](ctx, g, "take", opts.args(mode))
	if err != nil {
		return Shot{}, wrap("taking a snapshot", err)
	}
	return s.shot(), nil
}

// Release has the target forget a snapshot and free what it takes. One that it
// does not hold is no error.
func (g *Guest) Release(ctx context.Context, shot Shot) error {
	_, err := call[struct{}](ctx, g, "release", map[string]any{"id": shot.ID})
	return wrap("releasing a snapshot", err)
}
