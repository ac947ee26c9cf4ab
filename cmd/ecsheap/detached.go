package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

const (
	// partingTime is until the first snapshot of a detached series: the end of our
	// connection clears V8's ids, so it has to come first. Over a slow tunnel it
	// takes a few seconds.
	partingTime = 10 * time.Second

	// keepFor is how long the process keeps the snapshots after the last one,
	// unless the user says otherwise: until tomorrow.
	keepFor = 24 * time.Hour

	// minKeep is the least that is left for fetching when a series reaches the
	// longest time that a guest stays.
	minKeep = time.Hour

	// diskShare is the part of the free disk that the snapshots of a series may
	// take, and memoryShare that of the free memory: the rest is the program's.
	diskShare   = 2
	memoryShare = 4

	// unknownRoom is what a series may take where the room is not known.
	unknownRoom = 2 << 30
)

// The distance of memory samples in a detached series: about 30 to an interval,
// not so close that they pile up, nor so far apart that they show nothing.
const (
	samplesPerInterval = 30
	leastSampleEvery   = time.Second
	mostSampleEvery    = time.Minute
)

// detachedFlags are the flags of snapshot for series that nobody waits for.
func detachedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "detach", Category: categoryDetached, Usage: "have the process take the series by itself, with no session open, and come back later"},
		&cli.DurationFlag{Name: "keep-for", Category: categoryDetached, Value: keepFor, Usage: "`time` after the last snapshot of --detach when the process drops what was not fetched"},
		&cli.StringFlag{Name: "resume", Category: categoryDetached, Usage: "fetch the series that --detach began, into its `directory`; with --force before the last is due, which ends the series"},
	}
}

// categoryDetached is the flag category of the help.
const categoryDetached = "Detached series"

// parting is the beginning of a detached series: from the flags on it learns what
// is to be told at its end.
type parting struct {
	keep     time.Duration
	shield   *protection // of the task, nil = none
	dir      string
	resume   []string // the command, in words
	detached capture.Detached
	told     time.Time // when the process was told to begin
	begun    bool      // it has, or may have
}

// readParting reads --detach and what comes with it; nil without.
func readParting(c *cli.Context, o snapshotOptions) (*parting, error) {
	if !c.Bool("detach") {
		if c.IsSet("keep-for") {
			return nil, &usageError{text: "--keep-for without --detach", hint: "it is for a series that the process keeps until it is fetched"}
		}
		return nil, nil //nolint:nilnil // there is nothing to part from
	}
	for _, name := range []string{"track-allocations", "s3"} {
		if c.IsSet(name) {
			return nil, &usageError{text: fmt.Sprintf("--detach and --%s contradict each other", name), hint: "a detached series goes on without a connection"}
		}
	}
	switch o.transfer {
	case string(gate.Stream), string(gate.S3):
		return nil, &usageError{text: fmt.Sprintf("--detach and --transfer %s contradict each other", o.transfer), hint: "the process has to keep the snapshots: --transfer disk or memory"}
	}
	p := &parting{keep: c.Duration("keep-for")}
	if p.keep <= 0 {
		return nil, &usageError{text: fmt.Sprintf("--keep-for %s is no time to come back in", p.keep), hint: "for example --keep-for 24h"}
	}
	span := time.Duration(o.count-1) * o.interval
	if o.interval > 0 && span/o.interval != time.Duration(o.count-1) || span > guest.MaxDeadline-minKeep-partingTime {
		return nil, &usageError{text: fmt.Sprintf("%s every %s take too long", plural(o.count, "snapshot"), o.interval), hint: "a process keeps a detached series for a week at most"}
	}
	p.keep = min(p.keep, guest.MaxDeadline-partingTime-span)
	return p, nil
}

// begin asks the gate, and hands the series over to the process.
func (p *parting) begin(ctx context.Context, u *ui, o snapshotOptions, s source, in *inProcess, k *gatekeeper) error {
	if in.guest == nil {
		return &noRoomError{why: "it takes no helper of ours"}
	}
	asked, err := k.ask(ctx, 1, nil)
	if err != nil {
		return err
	}
	v, ok := asked.(*verdict)
	if !ok {
		return fmt.Errorf("the gate answered with a %T", asked)
	}
	tight := *v
	tight.Vitals.MemoryLimit, tight.Vitals.MemoryUsed = scarce(v.Vitals.MemoryLimit, v.Vitals.MemoryUsed, v.Vitals.RSS, k.memory)
	series, err := p.series(u, o, &tight, k.need)
	if err != nil {
		return err
	}
	if series.Mode == guest.Disk && o.transfer == transferAuto {
		if series.Spare = p.spare(&tight, k); series.Spare == nil {
			u.step("should the disk get full meanwhile, snapshots are lost: to keep them in the memory of the process instead is not safe")
		}
	}
	process, err := in.identity(ctx)
	if err != nil {
		return err
	}
	if err := in.discardConsole(ctx); err != nil {
		return err
	}
	undo, err := p.reserve(o, s, in.guest.Token(), process, v, series) // before the process has it: a series that nobody can find is worse than none
	if err != nil {
		return err
	}
	switch err := p.handOver(ctx, in, series); {
	case err == nil:
	case isAs[*cdp.LostError](err):
		in.entrust() // if it has begun it must stay, and if not it leaves by itself
		p.begun = true
		o.audit.begin(o.dir)
		return &maybeBegunError{detached: p.detached, resume: p.resume, err: err}
	default:
		undo()
		return err
	}
	in.entrust()
	p.begun = true
	o.audit.begin(o.dir)
	return nil
}

// reserve writes down how to find the series again. The func that it returns takes that
// back.
func (p *parting) reserve(o snapshotOptions, s source, token string, process capture.Process, v *verdict, series guest.Series) (undo func(), err error) {
	p.resume = []string{"ecsheap", "snapshot", "--resume", o.dir}
	if o.activate { // its end closes the inspector
		p.resume = append(p.resume, "--activate")
	}
	shield, err := p.shield.text()
	if err != nil {
		return nil, err
	}
	p.dir, p.told = o.dir, time.Now()
	due := p.told.Add(series.First + time.Duration(series.Count-1)*series.Interval)
	p.detached = capture.Detached{
		Tool: "ecsheap " + version(), StartedAt: wholeMillis(p.told), Due: wholeMillis(due), Deadline: wholeMillis(p.told.Add(series.Deadline)),
		Count: series.Count, IntervalMs: series.Interval.Milliseconds(), SampleMs: series.SampleEvery.Milliseconds(), Transfer: string(series.Mode),
		Token: token, Inspector: o.inspector, Port: o.port, Profile: o.profile,
		Target: s.target, Process: process, Checks: checks(s.findings), Gate: v, Protection: shield,
	}
	return capture.Reserve(o.dir, p.detached)
}

// handOver tells the process to begin. When the answer is lost with the
// connection, the process says at the next try that it has begun.
func (p *parting) handOver(ctx context.Context, in *inProcess, series guest.Series) error {
	_, generation := in.tenant()
	err := in.line.do(ctx, func(*cdp.Conn) error {
		g, now := in.tenant()
		if now != generation {
			return &goneError{why: "the process was replaced while it was told to begin"}
		}
		return g.Detach(ctx, series)
	})
	if target, ok := errors.AsType[*guest.TargetError](err); ok && target.Code == "SERIES" {
		return nil
	}
	return err
}

// series is what the process is told. need is how many bytes a snapshot has at
// most, by forecast.
func (p *parting) series(u *ui, o snapshotOptions, v *verdict, need int64) (guest.Series, error) {
	s := guest.Series{
		Count: o.count, First: partingTime, Interval: o.interval,
		SampleEvery: min(max(o.interval/samplesPerInterval, leastSampleEvery), mostSampleEvery),
		Deadline:    partingTime + time.Duration(o.count-1)*o.interval + p.keep,
	}
	expect := v.Forecast.File.Likely
	switch v.Transfer {
	case gate.Disk, gate.S3:
		if !slices.ContainsFunc(v.Vitals.Dirs, func(d guest.Dir) bool { return d.Why == "" }) {
			none := &guest.PlaceError{Need: expect, Dirs: v.Vitals.Dirs}
			return s, &noRoomError{why: none.Error(), other: "--transfer memory has it keep them there"}
		}
		s.Mode, s.Take = guest.Disk, guest.TakeOptions{Need: need}
		s.MaxBytes = diskRoom(v.Vitals.Dirs, need)
	case gate.Memory:
		s.Mode = guest.Memory
		s.MaxBytes = memoryRoom(v)
		expect /= compressedShare
	default:
		return s, &noRoomError{why: "neither its disk nor its memory takes them"}
	}
	if s.MaxBytes < expect {
		return s, &noRoomError{why: fmt.Sprintf("a snapshot has about %s, and its %s can spare %s", bytesText(expect), s.Mode, bytesText(s.MaxBytes))}
	}
	if fit := int(s.MaxBytes / max(expect, 1)); fit < o.count {
		u.warn(fmt.Sprintf("only about %d of %s fit on what the %s of the process can spare, %s", fit, plural(o.count, "snapshot"), s.Mode, bytesText(s.MaxBytes)),
			"the series ends when no more fit; take fewer, or fetch them in between")
	}
	// The gate refuses what likely does not fit; with nobody there the process has to
	// see for itself whether that is still so.
	if s.Headroom = headroom(v, v.Forecast); s.Headroom > 0 {
		s.MemoryLimit = v.Vitals.MemoryLimit
	}
	return s, nil
}

// spare is the memory that a series on disk may turn to when that takes no more, nil when
// the gate would refuse that, or no snapshot would fit.
func (p *parting) spare(v *verdict, k *gatekeeper) *guest.Spare {
	f, refused := k.inMemory(v.Vitals.PeakRSS)
	s := &guest.Spare{MaxBytes: memoryRoom(v), Headroom: headroom(v, f)}
	if refused && !v.Forced || s.MaxBytes < f.File.Likely/compressedShare {
		return nil
	}
	return s
}

// headroom is how much memory a snapshot needs for each byte of the heap, 0 = it shall
// not be looked at.
func headroom(v *verdict, f gate.Forecast) float64 {
	if v.Vitals.HeapUsed <= 0 || v.Forced {
		return 0
	}
	return float64(f.Extra.Likely) / float64(v.Vitals.HeapUsed)
}

// memoryRoom is what a series may take of the process's memory.
func memoryRoom(v *verdict) int64 {
	free := int64(unknownRoom)
	if v.Vitals.MemoryLimit > 0 {
		free = max(v.Vitals.MemoryLimit-v.Vitals.MemoryUsed, 0)
	}
	if left := v.Vitals.MachineAvailable; left > 0 {
		free = min(free, left)
	}
	return min(free/memoryShare, guest.DefaultCap)
}

// diskRoom is what a series may take of the directory that its snapshots will be written
// to, of need bytes at most; of the largest, when none has as much.
func diskRoom(dirs []guest.Dir, need int64) int64 {
	var largest int64
	for _, d := range dirs {
		free := d.Free
		switch {
		case d.Why != "":
			continue
		case free < 0:
			free = unknownRoom
		case free < need:
			largest = max(largest, free)
			continue
		}
		return free / diskShare
	}
	return largest / diskShare
}

// compressedShare is how many times larger a snapshot is than what the process
// keeps of it in its memory: 4 to 5 times as measured, with a margin.
const compressedShare = 3

// wholeMillis is a time as the files of a capture have it.
func wholeMillis(t time.Time) time.Time { return t.UTC().Round(0).Truncate(time.Millisecond) }

// detachedJSON is the output of snapshot --detach --output json: that of snapshot,
// which has nothing yet, and when to come back.
type detachedJSON struct {
	snapshotJSON
	DueAt    time.Time `json:"dueAt"`    // of the last snapshot
	Deadline time.Time `json:"deadline"` // when the process drops all that was not fetched
	Resume   []string  `json:"resume"`   // the command, in words
}

// tell says how to come back, once nobody is connected any more.
func (p *parting) tell(u *ui, o snapshotOptions) error {
	if p == nil {
		return nil
	}
	if took := time.Since(p.told); took > partingTime {
		u.warn(fmt.Sprintf("to disconnect took %s, longer than until the first snapshot", durationText(took)), "its object ids may not continue; --resume will tell")
	}
	d := p.detached
	u.step("the process takes %s by itself; the last is due at %s", plural(d.Count, "snapshot"), localTime(d.Due))
	u.step("until then let no debugger connect: object ids would be lost")
	u.step("then run `%s`, before %s", shellLine(p.resume...), localTime(d.Deadline))
	u.flush()
	if o.json {
		return u.json(detachedJSON{
			snapshotJSON: snapshotJSON{Schema: schema, Dir: p.dir, Target: d.Target, Snapshots: []capture.Shot{}},
			DueAt:        d.Due, Deadline: d.Deadline, Resume: p.resume,
		})
	}
	_, err := fmt.Fprintln(u.out, p.dir)
	return err
}
