package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

const (
	// removeTimeout bounds the clean-up in the process. What does not answer by
	// then removes itself after a minute.
	removeTimeout = 10 * time.Second

	// abandonedAfter is the silence after which the guest of another ecsheap is
	// taken for one that was killed: a living one calls every few seconds.
	abandonedAfter = 20 * time.Second
)

// helperInstalled is what the audit says of the guest, also when another run takes
// it out.
var helperInstalled = auditLine{
	What: "helper installed", Where: "globalThis of the Node.js process", Undo: "removed by us, or by itself after a minute of silence",
}

// inProcess is what we have in the process: a connection, and our JavaScript
// there if it takes that.
type inProcess struct {
	u    *ui
	line *lifeline

	// mu guards what follows, since a guest may be replaced by who mends the connection
	// while others ask it. It is never held while waiting.
	mu         sync.Mutex
	guest      *guest.Guest // nil: the process does not take one
	last       int          // id of the guest's latest shot
	generation int          // counts the processes that there were, and the guests in them

	// taking is set while a snapshot is taken or fetched. Whoever does that heals
	// the connection then, nobody else.
	taking atomic.Bool

	holding string // what the process holds of a snapshot, in words; "" = nothing
	depot   *depot // nil without S3
	audit   *auditor
	limits  []gate.Bound // on its memory, of ECS: it does not see them itself
	removed func()       // tells the audit that the guest is gone
	leaving func(context.Context, *cdp.Conn)
}

// enter connects and installs the guest.
func enter(ctx context.Context, u *ui, s source, opts *cdp.Options) (*inProcess, error) {
	line, err := dialLifeline(ctx, u, s, opts)
	if err != nil {
		return nil, err
	}
	if s.met != nil {
		if err := s.met(line.process); err != nil {
			line.close()
			return nil, err
		}
	}
	p := &inProcess{u: u, line: line, depot: s.depot, audit: s.audit, limits: s.memory, removed: func() {}, leaving: s.leaving}
	p.guest, err = p.install(ctx, line.now())
	if err != nil {
		p.leave(ctx)
		return nil, err
	}
	line.again = p.again
	return p, nil
}

// again has the guest talk over a new connection, or puts one into a new process,
// or into one that it has left because the connection was away for too long.
func (p *inProcess) again(ctx context.Context, conn *cdp.Conn, same bool) error {
	if same {
		g, _ := p.tenant()
		if g == nil {
			return nil
		}
		g.Reconnect(conn.Evaluate)
		if _, err := g.State(ctx); !isAs[*guest.GoneError](err) {
			return err
		}
	}
	g, err := p.install(ctx, conn)
	if isAs[*cdp.LostError](err) {
		return err // this is tried again
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guest, p.last = g, 0
	p.generation++
	return err
}

// install puts a guest into the process. One that was left by an ecsheap that
// is gone is replaced; that of a living one is an error. A process that takes
// none, which is nil, can still be streamed from.
func (p *inProcess) install(ctx context.Context, conn *cdp.Conn) (*guest.Guest, error) {
	g, err := guest.Install(ctx, conn.Evaluate, guest.Options{Label: guestLabel()})
	var busy *guest.BusyError
	if errors.As(err, &busy) && abandoned(busy) {
		p.u.warn("an earlier ecsheap left its helper in the process", "it is replaced, with what it held")
		g, err = guest.Install(ctx, conn.Evaluate, guest.Options{Label: guestLabel(), Replace: true})
	}
	switch {
	case err == nil:
		p.removed = p.audit.did(helperInstalled.What, helperInstalled.Where, helperInstalled.Undo)
		return g, nil
	case errors.As(err, &busy), ctx.Err() != nil, isAs[*cdp.LostError](err):
		return nil, err
	}
	p.u.warn("the process takes no helper of ours: "+errorText(err), "only --transfer stream works")
	return nil, nil //nolint:nilnil // as said
}

// guestLabel tells other runs of ecsheap who we are, as the reason of a session
// does.
func guestLabel() string { return runReason("snapshot") }

// abandoned tells whether nobody will come back for a guest.
func abandoned(e *guest.BusyError) bool {
	if e.Detached {
		return false
	}
	if by := startedBy(e.Label); by.here {
		return by.pid == os.Getpid() || by.gone // ours, when the answer to Install was lost
	}
	return e.Silent > abandonedAfter
}

// leave takes all of ours out of the process and ends the connection.
func (p *inProcess) leave(ctx context.Context) {
	g, _ := p.tenant()
	if ctx.Err() != nil && g != nil { // the process may be in the middle of something
		p.u.step("taking our helper out of the process (another Ctrl-C abandons it)")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	if g != nil {
		switch err := g.Remove(ctx); {
		case err == nil:
			p.removed()
		case isAs[*cdp.LostError](err), errors.Is(err, cdp.ErrClosed):
			p.u.warn("the connection is gone with our helper still in the process: if the process runs on, the helper removes itself after a minute without us, with "+
				cmp.Or(p.holding, "no snapshot"), "")
		default:
			p.u.warn("our helper could not be removed from the process: "+errorText(err), "it removes itself after a minute without us, with "+cmp.Or(p.holding, "no snapshot"))
		}
	}
	if p.leaving != nil {
		p.leaving(ctx, p.line.now())
	}
	p.line.close()
}

// identity is who the process is.
func (p *inProcess) identity(ctx context.Context) (capture.Process, error) {
	var got cdp.Process
	err := p.line.do(ctx, func(c *cdp.Conn) (err error) {
		got, err = c.Process(ctx)
		return err
	})
	who := processOf(got)
	who.MemoryLimit = lowest(who.MemoryLimit, p.limits)
	return who, err
}

// processOf is what the manifest keeps of a process.
func processOf(p cdp.Process) capture.Process {
	return capture.Process{
		PID: p.PID, NodeVersion: p.NodeVersion, V8Version: p.V8Version, StartedAt: p.StartedAt,
		ExecArgv: p.ExecArgv, MemoryLimit: p.MemoryLimit, EnvNames: p.EnvNames,
	}
}

// memory asks for the memory of the process. It is also the sign of life that
// keeps the guest, and the session: capture calls it during a snapshot, too.
func (p *inProcess) memory(ctx context.Context) (m capture.Memory, err error) {
	ask := func(c *cdp.Conn) error {
		if g, _ := p.tenant(); g != nil {
			state, err := g.State(ctx)
			m = capture.Memory{RSS: state.Now.RSS, HeapUsed: state.Now.HeapUsed, External: state.Now.External}
			return err
		}
		got, err := c.Memory(ctx)
		m = capture.Memory{RSS: got.RSS, HeapUsed: got.HeapUsed, External: got.External}
		return err
	}
	if p.taking.Load() {
		err = ask(p.line.now())
	} else {
		err = p.line.do(ctx, ask)
	}
	return m, err
}

// tenant is the guest of this moment, and its generation.
func (p *inProcess) tenant() (*guest.Guest, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.guest, p.generation
}

// entrust leaves the guest to the process: leave does not take it out.
func (p *inProcess) entrust() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guest = nil
}

// sentinel returns V8's id of an object of ours.
func (p *inProcess) sentinel(ctx context.Context) (id string, err error) {
	err = p.line.do(ctx, func(c *cdp.Conn) (err error) {
		if g, _ := p.tenant(); g != nil {
			id, err = c.ObjectID(ctx, g.Sentinel())
		} else {
			id, err = c.SentinelID(ctx)
		}
		return err
	})
	return id, err
}

func (p *inProcess) discardConsole(ctx context.Context) error {
	return p.line.do(ctx, func(c *cdp.Conn) error { return c.DiscardConsole(ctx) })
}

// scriptsBytes is what a connection should carry for the list of scripts to be asked
// for: V8 sends it in one go, a few hundred bytes for each, and more for those with
// their source map inside. A cut in the middle of that is one that Node.js up to 22
// can crash of, and the list would not come.
const scriptsBytes = 2 << 20

// errFleeting is why the scripts are not asked for.
var errFleeting = errors.New("not asked for, since connections break off before the list has come through")

// scripts returns the scripts of the process by id.
func (p *inProcess) scripts(ctx context.Context) (capture.Scripts, error) {
	scripts := capture.Scripts{}
	err := p.line.do(ctx, func(c *cdp.Conn) error {
		if p.line.fleeting(scriptsBytes) {
			return errFleeting
		}
		list, err := c.Scripts(ctx)
		for _, s := range list {
			scripts[s.ID] = capture.Script{URL: s.URL, SourceMapURL: s.SourceMapURL}
		}
		return err
	})
	return scripts, err
}

// source is the process as capture sees it.
func (p *inProcess) source(k *gatekeeper) capture.Source {
	return capture.Source{
		Process: p.identity, Memory: p.memory, SentinelID: p.sentinel, Prepare: p.discardConsole,
		Gate: k.ask, Scripts: p.scripts, WireBytes: p.line.wire,
		Snapshot: func(ctx context.Context, w io.Writer, progress func(done, total int)) (capture.Taken, error) {
			p.taking.Store(true)
			defer p.taking.Store(false)
			for {
				began := time.Now()
				taken, err := p.snapshot(ctx, k, w, progress)
				if err == nil {
					return k.whole(taken), nil
				}
				if err := k.instead(ctx, err, time.Since(began)); err != nil {
					return taken, err
				}
			}
		},
	}
}

// snapshot takes a snapshot on the way that the gate has chosen. The disk of the
// process fails before w has got a byte.
func (p *inProcess) snapshot(ctx context.Context, k *gatekeeper, w io.Writer, progress func(done, total int)) (capture.Taken, error) {
	switch k.choice.Transfer {
	case gate.Disk:
		return p.held(ctx, guest.Disk, guest.TakeOptions{Need: k.need}, func(s guest.Shot) error { return p.pull(ctx, s, w) })
	case gate.S3:
		return p.byS3(ctx, k.need, w)
	case gate.Memory:
		return p.held(ctx, guest.Memory, guest.TakeOptions{}, func(s guest.Shot) error { return p.pull(ctx, s, w) })
	default:
		return p.stream(ctx, w, progress)
	}
}

// stream takes a snapshot through the inspector: V8 sends it while it makes it,
// and what is not sent yet waits in the memory of the process. It cannot be gone
// on with over another connection.
func (p *inProcess) stream(ctx context.Context, w io.Writer, progress func(done, total int)) (capture.Taken, error) {
	conn := p.line.now()
	err := conn.HeapSnapshot(ctx, w, progress)
	return capture.Taken{Transfer: string(gate.Stream), Pause: conn.LastPause()}, err
}
