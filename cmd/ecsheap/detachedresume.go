package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/guest"
)

// lateEvery is how often the process is asked whether a series that is late is
// done.
const lateEvery = time.Second

// resumeOptions are the values of the flags of snapshot --resume.
type resumeOptions struct {
	dir             string
	profile, region string
	force           bool
	activate        bool
	process         int // of --process, 0 = not given
	json            bool
	log             *slog.Logger
	audit           *auditor
	diagnosis       *seriesDiagnosis // nil with --no-analyze
}

// resumeFlags go with --resume; what the others say is in the directory.
var resumeFlags = []string{"resume", "force", "activate", "process", "profile", "region", "output", "no-color", "debug", "no-analyze", "fail-on-leak", "with-strings", "source-maps"}

func readResume(c *cli.Context, u *ui) (resumeOptions, error) {
	o := resumeOptions{
		dir: c.String("resume"), profile: c.String("profile"), region: c.String("region"), force: c.Bool("force"),
		activate: c.Bool("activate"), process: c.Int("process"), audit: &auditor{u: u},
	}
	var err error
	if o.json, err = readOutput(c, u); err != nil {
		return o, err
	}
	for _, name := range c.LocalFlagNames() {
		if !slices.Contains(resumeFlags, name) && len(name) > 1 {
			return o, &usageError{text: fmt.Sprintf("--resume and --%s contradict each other", name), hint: "the directory says which series it is"}
		}
	}
	if o.dir == "" {
		return o, &usageError{text: "--resume names no directory", hint: "name the one that `ecsheap snapshot --detach` made"}
	}
	o.log = debugLog(u, c.Bool("debug"))
	if o.diagnosis, err = readSeriesDiagnosis(c); err != nil {
		return o, err
	}
	return o, validActivation(c)
}

// resumption fetches a detached series.
type resumption struct {
	u *ui
	o resumeOptions
	d capture.Detached
}

// runResume fetches the series of a directory.
func runResume(ctx context.Context, u *ui, o resumeOptions) error {
	d, err := capture.LoadDetached(o.dir)
	if err != nil {
		return err
	}
	if o.activate && d.Inspector != "" {
		return &usageError{text: "--activate cannot reach the inspector " + d.Inspector, hint: "the series was begun with --inspector, which skips AWS; drop --activate"}
	}
	if !o.force && time.Now().Before(d.Due) {
		return notDue(d.Due, o.dir)
	}
	unlock, err := lockSeries(o.dir)
	if err != nil {
		return err
	}
	defer unlock()
	o.audit.begin(o.dir)
	r := &resumption{u: u, o: o, d: d}
	series, err := r.reach(ctx)
	err = stillHeld(err, d.Deadline)
	if err != nil && ctx.Err() == nil {
		series, err = r.finished(series, err)
	}
	return tell(ctx, u, snapshotOptions{targetOptions: targetOptions{json: o.json}, dir: o.dir, diagnosis: o.diagnosis}, series, err)
}

// finished turns an error into a warning when all was on disk before: only the
// process could not be told. What it was to be told by stays until it is gone.
func (r *resumption) finished(series capture.Series, err error) (capture.Series, error) {
	if !series.FinishedAt.IsZero() { // by this very run: the error says what came short
		return series, err
	}
	there, loadErr := capture.Load(r.o.dir)
	if loadErr != nil || there.FinishedAt.IsZero() || isAs[*capture.PartialError](err) {
		return series, err
	}
	if !isAs[*goneError](err) {
		r.u.warn("the process could not be told that all is fetched: "+errorText(err), "it drops the snapshots at "+localTime(r.d.Deadline)+", or when the same command is run again")
	} else if err := capture.Forget(r.o.dir); err != nil {
		return there, err
	}
	if !there.Complete() {
		return there, &capture.PartialError{Want: there.Count, Got: len(there.Snapshots), Dir: r.o.dir, Err: errors.New("the process held no more")}
	}
	return there, nil
}

// reach goes the way to the process that the series was begun on.
func (r *resumption) reach(ctx context.Context) (capture.Series, error) {
	if r.d.Inspector != "" {
		return r.fetch(ctx, source{dial: dialInspector(r.d.Inspector)})
	}
	to := targetOptions{
		query: ecs.Query{Cluster: r.d.Target.Cluster, Task: r.d.Target.TaskARN, Container: r.d.Target.Container},
		port:  r.d.Port, profile: r.d.Profile, region: r.o.region,
		json: r.o.json, log: r.o.log,
	}
	if r.o.profile != "" {
		to.profile = r.o.profile
	}
	cfg, err := loadAWS(ctx, r.u, to)
	if err != nil {
		return capture.Series{}, err
	}
	return r.through(ctx, to, cfg)
}

// through fetches through an SSM session, which has ended when it returns.
func (r *resumption) through(ctx context.Context, to targetOptions, cfg aws.Config) (series capture.Series, err error) {
	way := reachOptions{targetOptions: to, command: "snapshot", audit: r.o.audit}
	client, sessions := awsecs.NewFromConfig(cfg), awsssm.NewFromConfig(cfg)
	target, findings, err := locate(ctx, r.u, way, cfg)
	if _, stopped := target.Stopped(); isAs[*ecs.NotFoundError](err) || err != nil && stopped {
		err = &goneError{why: "its task is no longer there", err: err}
	}
	if err != nil {
		return series, err
	}
	r.u.endStale(ctx, cfg, target, r.o.audit)
	var opened *inspector
	if r.o.activate {
		in := &container{u: r.u, audit: r.o.audit, log: r.o.log, ecs: client, sessions: sessions, target: target}
		if opened, err = openInspector(ctx, in, snapshotOptions{targetOptions: to, process: r.o.process}); err != nil {
			return series, explain(ctx, client, target, err)
		}
		way.port = opened.Port
	}
	err = tunnelled(ctx, r.u, way, sessions, target, findings, func(s source) (err error) {
		s.met, s.leaving = opened.met, opened.close
		series, err = r.fetch(ctx, s)
		return err
	})
	opened.finish(ctx)
	if !series.FinishedAt.IsZero() || isAs[*goneError](err) {
		r.release(ctx, cfg)
	}
	return series, offerActivation(snapshotOptions{activate: r.o.activate}, explain(ctx, client, target, err))
}

// release ends the protection of the task, which was for the series. It stays as long as
// there is something left to fetch.
func (r *resumption) release(ctx context.Context, cfg aws.Config) {
	shield, err := protectionOf(r.u, cfg, r.d, r.o.audit)
	if err != nil {
		r.u.warn(errorText(err), "if the task is still protected, that ends by itself")
	}
	shield.release(ctx)
}

// fetch connects, fetches what there is, and takes the guest out of the process
// once all is on disk. When it fails before, the guest keeps what it holds.
func (r *resumption) fetch(ctx context.Context, s source) (capture.Series, error) {
	line, err := dialLifeline(ctx, r.u, s, &cdp.Options{Log: r.o.log})
	if err != nil {
		return capture.Series{}, err
	}
	in := &inProcess{u: r.u, line: line, leaving: s.leaving}
	defer func() {
		in.entrust() // unless it has been removed
		in.leave(ctx)
	}()
	if s.met != nil {
		if err := s.met(line.process); err != nil {
			return capture.Series{}, err
		}
	}
	if err := r.attach(ctx, in); err != nil {
		return capture.Series{}, err
	}
	state, err := r.awaitDone(ctx, in)
	if err != nil {
		return capture.Series{}, err
	}
	p := newProgress(r.d.Count)
	r.u.status(p.line)
	defer r.u.status(nil)
	series, err := capture.Collect(ctx, r.collection(ctx, in, state), r.progress(p), p.taken(r.u))
	if series.FinishedAt.IsZero() {
		if err != nil && !isAs[*capture.DirError](err) {
			err = &unfetchedError{got: len(series.Snapshots), of: len(state.Shots), until: state.Deadline, err: err}
		}
		return series, err
	}
	if removeErr := r.remove(ctx, in, state); err == nil {
		err = removeErr
	}
	return series, err
}

// remove takes the guest out of the process, and then detached.json, which tells
// how to find it. That it cannot be removed is a warning: the snapshots are here.
func (r *resumption) remove(ctx context.Context, in *inProcess, state guest.State) error {
	err := in.line.do(ctx, func(*cdp.Conn) error { return in.guest.Remove(ctx) })
	if err != nil {
		r.u.warn("our helper could not be removed from the process: "+errorText(err), "it removes itself at "+localTime(state.Deadline)+", or when the same command is run again")
		return nil
	}
	// --detach has written that it was installed: the same words make the two lines
	// a pair.
	removed := helperInstalled
	removed.Done = true
	r.o.audit.write(removed)
	return capture.Forget(r.o.dir)
}

// attach finds the guest with the series. Its token tells for sure that the
// process is the one it was; who the process is, only tells why it is not.
func (r *resumption) attach(ctx context.Context, in *inProcess) error {
	in.line.again = func(_ context.Context, conn *cdp.Conn, same bool) error {
		if !same {
			return &goneError{why: "the process was replaced while its snapshots were fetched"}
		}
		if in.guest != nil {
			in.guest.Reconnect(conn.Evaluate)
		}
		return nil
	}
	err := in.line.do(ctx, func(c *cdp.Conn) (err error) {
		in.guest, err = guest.Attach(ctx, c.Evaluate, r.d.Token)
		return err
	})
	if isAs[*guest.GoneError](err) {
		return r.gone(processOf(in.line.process), err)
	}
	return err
}

// gone says why the guest is not in the process.
func (r *resumption) gone(now capture.Process, err error) error {
	was := r.d.Process
	switch {
	case !now.Same(was):
		return &goneError{why: fmt.Sprintf("the process was restarted: pid %d, started at %s, was pid %d, started at %s", now.PID, localTime(now.StartedAt), was.PID, localTime(was.StartedAt)), err: err}
	case time.Now().After(r.d.Deadline):
		return &goneError{why: "its deadline was at " + localTime(r.d.Deadline), err: err}
	}
	return &goneError{why: "somebody removed it from the process", err: err}
}

// awaitDone asks what the process holds. A series that is late is waited for:
// while we are connected its ids continue, when we leave they would not.
func (r *resumption) awaitDone(ctx context.Context, in *inProcess) (guest.State, error) {
	for told := false; ; told = true {
		var state guest.State
		err := in.line.do(ctx, func(*cdp.Conn) (err error) {
			state, err = in.guest.State(ctx)
			return err
		})
		if err != nil || state.Done || r.o.force {
			return state, err
		}
		if !told {
			r.u.step("the series is late: %d of %s so far", state.Taken, plural(r.d.Count, "snapshot"))
		}
		select {
		case <-ctx.Done():
			return state, context.Cause(ctx)
		case <-time.After(lateEvery):
		}
	}
}

// collection is the series as capture sees it.
func (r *resumption) collection(ctx context.Context, in *inProcess, state guest.State) capture.Collection {
	ids := &idReader{}
	c := capture.Collection{Dir: r.o.dir, Detached: r.d, Memory: in.memory, SameIDs: ids.same, WireBytes: in.line.wire}
	for _, shot := range state.Shots {
		c.Held = append(c.Held, capture.Held{
			N: shot.ID, Transfer: string(shot.Mode), StartedAt: shot.StartedAt, Pause: shot.Pause, RSSBefore: shot.RSSBefore, RSSAfter: shot.RSSAfter, RSSPeak: shot.RSSPeak,
			HeapUsedBefore: shot.HeapUsedBefore, HeapUsedAfter: shot.HeapUsedAfter,
			Fetch: func(ctx context.Context, w io.Writer) error { return in.pull(ctx, shot, w) },
		})
	}
	for _, s := range state.Samples {
		c.Samples = append(c.Samples, capture.Sample{At: s.At, RSS: s.RSS, HeapUsed: s.HeapUsed, External: s.External})
	}
	if !state.Done {
		c.Short = errors.New("the series was ended before its time")
	}
	for _, e := range state.Errors {
		r.u.warn(errorText(e), hintOf(e))
		c.Warnings = append(c.Warnings, capture.Warning{At: e.At, Shot: e.Shot, Text: e.Error()})
		if !e.Again {
			c.Short = e
		}
	}
	scripts, err := in.scripts(ctx)
	if err != nil {
		r.u.warn("the scripts of the process are not known: "+errorText(err), "places in the code cannot be named")
	}
	c.Scripts = scripts
	return c
}

// progress tells of the fetching. The line of a running snapshot says that the
// process stands still until bytes come, which it does not here: so there is none
// before.
func (r *resumption) progress(p *progress) capture.Progress {
	funcs := p.funcs(r.u)
	bytes, current := funcs.Bytes, 0
	funcs.Shot = func(n int) {
		current = n
		p.update(func() { p.shot, p.began, p.bytes = 0, time.Now(), 0 })
		r.u.step("snapshot %d of %d: fetching", n, r.d.Count)
	}
	funcs.Bytes = func(n int64) {
		bytes(n)
		p.update(func() { p.shot = current })
	}
	return funcs
}
