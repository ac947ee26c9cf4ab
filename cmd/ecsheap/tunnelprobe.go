package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/ecsheap/ecsheap/tunnel"
)

const (
	// firstInspector and lastInspector are the ports that Node.js takes for
	// inspectors, one for each worker of a cluster. Whatever else listens elsewhere is
	// asked nothing: to a foreign protocol the question would be junk.
	firstInspector = 9229
	lastInspector  = 9240

	// probeTimeout is how long an inspector may take to say what it debugs. A thread
	// of its own answers, also while the program stands at a breakpoint.
	probeTimeout = 10 * time.Second

	// maxListing is the largest answer to /json/list that is read: an entry has about
	// half a kilobyte, and Node.js has one.
	maxListing = 1 << 20

	// afterEnd is how long after the end of a connection the inspector is asked again
	// who it is: a program that was restarted needs a moment.
	afterEnd = time.Second

	// absentEvery is how often an inspector is looked for that is not there yet.
	absentEvery = 5 * time.Second
)

// debuggee is what an inspector offers to debug.
type debuggee struct {
	ID    string `json:"id"`
	Title string `json:"title"` // the script, or node[PID]
	URL   string `json:"url"`   // file:// address of the script
	Type  string `json:"type"`
}

// debuggeeID is what an id may look like: it becomes a part of addresses.
var debuggeeID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// parseListing reads an answer to /json/list, and returns the first entry that can
// be debugged.
func parseListing(data []byte) (debuggee, error) {
	var all []debuggee
	if err := json.Unmarshal(data, &all); err != nil {
		return debuggee{}, &notInspectorError{got: "no list of JSON"}
	}
	i := slices.IndexFunc(all, func(d debuggee) bool { return debuggeeID.MatchString(d.ID) && (d.Type == "node" || d.Type == "") })
	if i < 0 {
		return debuggee{}, &notInspectorError{got: "a list without a Node.js process"}
	}
	return all[i], nil
}

// directory is that of the sources as far as the main script tells it: the one
// above it where it lies in a directory that builds write to. "" = not known.
func (d debuggee) directory() string {
	u, err := url.Parse(d.URL)
	if err != nil || u.Scheme != "file" || !path.IsAbs(u.Path) {
		return ""
	}
	dir := path.Dir(path.Clean(u.Path))
	if slices.Contains([]string{"dist", "build", "out", "lib", "src", "bin"}, path.Base(dir)) && path.Dir(dir) != "/" {
		return path.Dir(dir)
	}
	return dir
}

// askInspector asks what an inspector debugs. The host stands in the Host header,
// which Node.js repeats in its answers: clients that ask through the local port
// are told addresses with the local port.
func askInspector(ctx context.Context, dial func(context.Context) (net.Conn, error), host string) (debuggee, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/json/list", nil)
	if err != nil {
		return debuggee{}, fmt.Errorf("asking the inspector: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		if isAs[*tunnel.RefusedError](err) || isAs[*tunnel.LostError](err) || isAs[*dialError](err) || ctx.Err() != nil {
			return debuggee{}, fmt.Errorf("asking the inspector: %w", err)
		}
		return debuggee{}, &notInspectorError{got: oneLine(err.Error())}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return debuggee{}, &notInspectorError{got: "HTTP " + response.Status}
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxListing))
	if err != nil {
		return debuggee{}, fmt.Errorf("asking the inspector: %w", err)
	}
	return parseListing(data)
}

// notInspectorError means that something else than an inspector answers.
type notInspectorError struct{ got string }

func (e *notInspectorError) Error() string { return "no inspector answers there, but " + e.got }

// watch asks the inspector again whenever its program may be another one, and tells
// when it is.
type watch struct {
	ask   func(context.Context) (debuggee, error)
	tell  func(debuggee) // a new one
	gone  func(error)    // it was there, or was never asked, and does not answer
	nudge chan struct{}  // a connection has ended, or the session was replaced
	known debuggee       // the zero value = none
}

// touch says that the inspector may be another one. It does not block.
func (w *watch) touch() {
	select {
	case w.nudge <- struct{}{}:
	default: // it is about to ask
	}
}

// follow has every end of a connection, and every other session, be a reason to ask.
func (w *watch) follow(h *hold, r *relay) {
	if h != nil {
		h.reopened = w.touch
	}
	tell := r.ended
	r.ended = func(err error) {
		if !isAs[*tunnel.RefusedError](err) && !isAs[*dialError](err) { // that it finds out itself
			tell(err)
		}
		w.touch()
	}
}

// begin asks for the first time.
func (w *watch) begin(ctx context.Context) {
	now, err := w.ask(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.gone(err)
		}
		return
	}
	w.known = now
}

// run asks again until ctx ends.
func (w *watch) run(ctx context.Context) error {
	for {
		var absent <-chan time.Time
		if w.known.ID == "" {
			absent = time.After(absentEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-absent:
		case <-w.nudge:
			if !pause(ctx, afterEnd) {
				return nil
			}
		}
		now, err := w.ask(ctx)
		switch {
		case err == nil && now.ID != w.known.ID:
			w.known = now
			w.tell(now)
		case err != nil && w.known.ID != "" && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded):
			w.known = debuggee{}
			w.gone(err)
		}
	}
}
