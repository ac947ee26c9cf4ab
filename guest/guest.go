// Package guest runs a small piece of JavaScript of ours inside the target
// process: it says how the process is, takes snapshots there, and hands them
// over compressed, in pieces, as fast as we take them.
//
//	g, err := guest.Install(ctx, eval, guest.Options{})
//	defer g.Remove(ctx)
//	v, err := g.Vitals(ctx)                          // ask; nothing changes
//	shot, err := g.Take(ctx, guest.Disk, guest.TakeOptions{Need: forecast})
//	pulled, err := g.Pull(ctx, shot, w, guest.PullOptions{})
//	err = g.Release(ctx, shot)
//
// The package knows neither the inspector nor the way to it: an [Evaluate] is
// all that it needs.
//
// # What is in the target
//
// guest.js makes one property on globalThis, keyed by a symbol, not enumerable,
// and nothing else; see the comments there. A snapshot on disk is a file that was
// unlinked before its first byte was written, so nothing is left of it when the
// process ends, however it ends. Nothing of the guest keeps the process alive,
// and nothing it does throws into the application.
//
// # Silence
//
// A guest that is not called for [Options.Silence] frees everything and removes
// itself. Between snapshots call [Guest.State] now and then: it is cheap.
package guest

import (
	"context"
	"crypto/rand"
	_ "embed" // guest.js, surroundings.js, codec.js, taking.js, upload.js
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

//go:embed guest.js
var source string

//go:embed surroundings.js
var surroundings string

//go:embed codec.js
var codecs string

//go:embed taking.js
var taking string

//go:embed upload.js
var uploads string

// DefaultSilence is how long a guest waits for a call. The idle timer of a
// Session Manager session can be set to as little as a minute, so what was not
// heard of for that long will not come back by itself.
const DefaultSilence = time.Minute

// Evaluate runs a JavaScript expression in the target with require in scope
// (Runtime.evaluate with includeCommandLineAPI), awaits its value when that is
// a promise, and decodes the value, which is JSON, into out. It may take
// minutes: a snapshot blocks the target. It is called by several goroutines at
// once.
type Evaluate func(ctx context.Context, expression string, out any) error

// Options tune Install.
type Options struct {
	// Label tells others who installed the guest, for a BusyError. Empty is the
	// name of this machine and the pid.
	Label string
	// Silence is how long the guest lives without a call, 0 is DefaultSilence.
	Silence time.Duration
	// Replace removes the guest of another ecsheap, with all that it holds: for one
	// that was killed, and whose guest has not noticed yet.
	Replace bool
}

// Guest is our JavaScript in a target process. Its methods may be called by
// several goroutines at once; the target does one thing at a time.
//
// Errors of its methods: a *GoneError when the guest is no longer there, other
// types as the methods say, else what Evaluate returned, or a *TargetError.
type Guest struct {
	token string
	turns chan struct{} // held by who is not to be disturbed, see turn

	mu    sync.Mutex
	eval  Evaluate
	hello hello
}

func newGuest(token string, eval Evaluate) *Guest {
	return &Guest{token: token, eval: eval, turns: make(chan struct{}, 1)}
}

// turn waits until nobody else has the target's attention to himself, and has it
// until the returned func is called.
func (g *Guest) turn(ctx context.Context) (over func(), err error) {
	select {
	case g.turns <- struct{}{}:
		return func() { <-g.turns }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// hello is what a guest says of itself when it is installed or found.
type hello struct {
	Range int64 `json:"range"` // bytes of a snapshot in a piece
}

// Install puts a guest into the target.
//
// Errors: *BusyError when there is one already, *ForeignError when our place is
// taken by something else or cannot be written; nothing was changed then.
func Install(ctx context.Context, eval Evaluate, opts Options) (*Guest, error) {
	if opts.Silence <= 0 {
		opts.Silence = DefaultSilence
	}
	if opts.Label == "" {
		opts.Label = label()
	}
	g := newGuest(rand.Text(), eval)
	args, err := json.Marshal(map[string]any{"token": g.token, "label": opts.Label, "silenceMs": opts.Silence.Milliseconds(), "replace": opts.Replace})
	if err != nil {
		return nil, fmt.Errorf("encoding the options of the guest: %w", err)
	}
	// In an ES module process, and in a worker, require comes from the inspector.
	// The name of the script tells who reads a snapshot what is ours in it.
	// Timers are made, so it waits for a microtask as every call does: see guest.js.
	expression := fmt.Sprintf(`(async (r) => {
	await undefined;
	const s = (%s)(r), c = (%s)(r);
	return (%s)(r, s, c, (%s)(r, s, c), (%s)(r), %s);
})(typeof require === "function" ? require : process.getBuiltinModule)
//# sourceURL=`+scriptName, trim(surroundings), trim(codecs), trim(source), trim(taking), trim(uploads), args)
	g.hello, err = ask[hello](ctx, eval, "installing", expression)
	if err != nil && strings.Contains(err.Error(), notExtensible) {
		// From Node.js 24 on the inspector itself cannot put require there.
		err = &ForeignError{Problem: "its globalThis takes no new property"}
	}
	if err != nil {
		return nil, fmt.Errorf("installing the guest: %w", err)
	}
	return g, nil
}

// scriptName is the name under which V8 knows our JavaScript. The room leak leaves
// out what functions of scripts that begin so hold.
const scriptName = "ecsheap:guest.js"

// notExtensible is what V8 says of a frozen globalThis.
const notExtensible = "object is not extensible"

// trim leaves the function of a file, without the comments before it: Node.js
// would keep them in memory with the code.
func trim(file string) string { return file[strings.Index(file, "(function"):] }

// label names this process to others.
func label() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, pid %d", host, os.Getpid())
}

// Look tells whether the guest of an ecsheap is in the target, and changes nothing.
// Note what the visit itself costs: V8 forgets all object ids when the session of
// the caller ends.
//
// The error is a *BusyError when there is one.
func Look(ctx context.Context, eval Evaluate) error {
	_, err := ask[struct{}](ctx, eval, "look", fmt.Sprintf(`(g => g && g.ecsheap ? {error: {code: "BUSY", ...g.about()}} : {value: {}})(%s)`, place))
	return wrap("looking for a guest", err)
}

// Attach finds the guest that an earlier connection installed under token, such
// as one with a detached series. The error is a *GoneError when it is not there.
func Attach(ctx context.Context, eval Evaluate, token string) (*Guest, error) {
	g := newGuest(token, eval)
	found, err := call[hello](ctx, g, "hello", nil)
	if err != nil {
		return nil, fmt.Errorf("looking for the guest: %w", err)
	}
	g.hello = found
	return g, nil
}

// Reconnect has the guest talk over another connection from now on. Nothing is
// asked of the target. Calls that run are not affected.
func (g *Guest) Reconnect(eval Evaluate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.eval = eval
}

// Token is the name under which Attach finds this guest again. Whoever has it
// and the inspector can fetch the snapshots.
func (g *Guest) Token() string { return g.token }

// Sentinel is a JavaScript expression for an object of ours in the target that
// lives as long as the guest. HeapProfiler.getHeapObjectId of it stays the same
// for as long as V8 keeps its table of object ids.
//
// In the snapshots it is the one instance of class EcsheapGuest, whose
// properties shot1, shot2 … hold an object each, made right before that
// snapshot: where ids continue, EcsheapGuest has the same id in two snapshots
// and shotN a larger one than any odd id of snapshot N-1. (V8 gives even ids to
// what is not on its heap, made of an address or a hash.)
func (g *Guest) Sentinel() string { return place + ".sentinel" }

// Remove takes the guest out of the target and all that it holds with it. A
// guest that is gone already is no error.
func (g *Guest) Remove(ctx context.Context) error {
	_, err := call[struct{}](ctx, g, "remove", nil)
	if _, gone := errors.AsType[*GoneError](err); gone {
		return nil
	}
	return wrap("removing the guest", err)
}

// place is where guest.js puts itself.
const place = `globalThis[Symbol.for("ecsheap.guest")]`

// reply is how guest.js answers: it never throws.
type reply[T any] struct {
	Value T      `json:"value"`
	Error *fault `json:"error"`
}

// call runs a method of the guest.
func call[T any](ctx context.Context, g *Guest, method string, args any) (T, error) {
	g.mu.Lock()
	eval := g.eval
	g.mu.Unlock()
	encoded, err := json.Marshal(args)
	if err != nil {
		var none T
		return none, fmt.Errorf("encoding arguments: %w", err)
	}
	expression := fmt.Sprintf(`(g => g && g.ecsheap ? g.call(%q, %q, %s) : {error: {code: "GONE"}})(%s)`, g.token, method, encoded, place)
	return ask[T](ctx, eval, method, expression)
}

// ask evaluates an expression that answers with a reply.
func ask[T any](ctx context.Context, eval Evaluate, method, expression string) (T, error) {
	var r reply[T]
	err := eval(ctx, expression, &r)
	if err == nil && r.Error != nil {
		err = r.Error.err(method)
	}
	if err != nil {
		var none T
		return none, err
	}
	return r.Value, nil
}

// wrap says what was being done, where there is an error.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
