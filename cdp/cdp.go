// Package cdp speaks the Chrome DevTools Protocol to the inspector of a
// Node.js process.
//
// [Dial] needs nothing but a func that opens a byte stream to the inspector's
// port, so the port may be in this machine or behind a tunnel. The resulting
// [Conn] is a Session of github.com/chromedp/cdproto/cdp: the typed commands of
// cdproto run on it.
//
// # Back-pressure
//
// A heap snapshot is often larger than the memory of the machine that receives
// it. A Conn therefore queues nothing without a limit: a slow snapshot writer or
// a subscriber that does not read stops the reading of the socket, and TCP
// passes that on to the target.
//
// # Limits
//
// A process that is stopped or frozen answers nothing, for ever. The methods of
// Conn that ask it something give it a minute to answer, and ten minutes to go
// on with a snapshot or an evaluation; then they end the connection, with a [*LostError] around a
// [*SilentError]. [Conn.Call] itself has no limit but its context.
//
// # What Node.js demands
//
// Node.js drops a connection that sends a websocket ping or a fragmented
// message, and answers 400 to a Host header that is neither localhost nor an IP
// address (node src/inspector_socket_server.cc). A Conn sends whole frames only,
// never pings, and always calls the host "localhost".
//
// # Traces in the target
//
// A Conn never sends Runtime.enable (V8 would keep every logged object), and
// Debugger.enable, with which a debugger statement would stop the process, only
// in [Conn.Scripts], for a moment and with all pauses forbidden. [Conn.Close]
// releases the objects held for this connection and disables the heap profiler,
// so the process runs on as before. A process that ends waits for its inspectors
// to disconnect; a Conn notices that and lets it go ([ErrExiting]).
package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
)

const (
	// stepLimit bounds each step of Dial: opening the stream and getting the
	// answer. Over a distant tunnel a step takes about a second; the inspector
	// answers from its own thread, so a busy event loop does not delay it.
	stepLimit = 15 * time.Second

	// maxAnswer bounds the answers of /json/version and /json/list, which are
	// below 1 KB per target. Whatever sends more is no inspector.
	maxAnswer = 1 << 20
)

// Options tune Dial. A nil *Options means the zero value.
type Options struct {
	// Log receives method names, sizes and durations at debug level, never
	// parameters or results. Nil is silent.
	Log *slog.Logger
}

// Target is one entry of the inspector's /json/list.
type Target struct {
	ID    string `json:"id"`
	Type  string `json:"type"`  // "node" for a Node.js process
	Title string `json:"title"` // usually the path of the main script
	URL   string `json:"url"`   // file URL of the main script

	WebSocketURL string `json:"webSocketDebuggerUrl"`
}

// Dial connects to the inspector behind dial: it asks /json/version and
// /json/list, picks the first target of type "node" and opens its websocket.
// dial is called once for each of the three steps and must return a new stream
// each time.
//
// Errors: [*NoInspectorError] when nothing answers at the port, or the stream
// fails before anything did,
// [*NotInspectorError] when something else answers, [*HostError] when the
// answer is HTTP 400, [*NoTargetError] when there is no Node.js target, the
// cause of ctx when ctx ended first. What the transport said stays visible to
// errors.Is and errors.As.
func Dial(ctx context.Context, dial func(ctx context.Context) (net.Conn, error), opts *Options) (*Conn, error) {
	log := slog.New(slog.DiscardHandler)
	if opts != nil && opts.Log != nil {
		log = opts.Log
	}
	tr := &transport{dial: dial}
	var version struct {
		Browser string `json:"Browser"`
	}
	if err := tr.getJSON(ctx, "/json/version", &version); err != nil {
		return nil, err
	}
	if version.Browser == "" {
		return nil, &NotInspectorError{Step: "/json/version", Got: "JSON without a Browser field"}
	}
	var targets []Target
	if err := tr.getJSON(ctx, "/json/list", &targets); err != nil {
		return nil, err
	}
	target, err := pick(targets)
	if err != nil {
		return nil, err
	}
	log.DebugContext(ctx, "inspector found", "version", version.Browser, "title", target.Title)
	if len(targets) > 1 {
		log.DebugContext(ctx, "inspector lists several targets, the first of type node is used", "targets", len(targets), "id", target.ID)
	}
	ws, err := tr.upgrade(ctx, target)
	if err != nil {
		return nil, err
	}
	c := newConn(ws, tr.last, log)
	c.watchExit(ctx)
	return c, nil
}

// pick returns the first Node.js target.
func pick(targets []Target) (Target, error) {
	for _, t := range targets {
		if t.Type == "node" {
			return t, nil
		}
	}
	return Target{}, &NoTargetError{Targets: targets}
}

// getJSON decodes the answer to GET path into out.
func (t *transport) getJSON(ctx context.Context, path string, out any) error {
	step, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(step, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", path, err)
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return stepError(ctx, path, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusBadRequest:
		return &HostError{Step: path}
	case resp.StatusCode != http.StatusOK:
		return &NotInspectorError{Step: path, Got: fmt.Sprintf("HTTP status %d", resp.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return stepError(ctx, path, &NotInspectorError{Step: path, Got: "a broken answer", Err: err})
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &NotInspectorError{Step: path, Got: "something that is not the expected JSON", Err: err}
	}
	return nil
}

// upgrade opens the websocket of target.
func (t *transport) upgrade(ctx context.Context, target Target) (*websocket.Conn, error) {
	const name = "the websocket"
	path := "/" + target.ID
	// The URL carries the address as the inspector sees it; behind a tunnel only
	// its path means anything.
	if u, err := url.Parse(target.WebSocketURL); err == nil && len(u.Path) > 1 {
		path = u.Path
	}
	step, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	ws, resp, err := websocket.Dial(step, "ws://"+host+path, &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: t},
		Host:            host,
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			err = &NotInspectorError{Step: name, Got: fmt.Sprintf("HTTP status %d", resp.StatusCode), Err: err}
		}
		return nil, stepError(ctx, name, err)
	}
	// Node 24 sends frames of 1.3 MB, above the library's default limit;
	// maxMessage bounds them instead.
	ws.SetReadLimit(-1)
	return ws, nil
}

// stepError gives err of a step its final form: the cause of ctx if ctx ended,
// the package's own error type without what the HTTP client put around it, or
// a NotInspectorError.
func stepError(ctx context.Context, step string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("asking the inspector for %s: %w", step, context.Cause(ctx))
	}
	var none *NoInspectorError
	var other *NotInspectorError
	var lost *LostError
	switch {
	case errors.As(err, &none):
		return none
	case errors.As(err, &lost):
		return lost
	case errors.As(err, &other):
		other.Step = step
		return other
	}
	return &NotInspectorError{Step: step, Got: "a refused handshake", Err: err}
}
