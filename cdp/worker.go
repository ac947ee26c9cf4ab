package cdp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/runtime"
)

// Worker is a worker thread of the process. Its heap is its own: a snapshot of
// the process does not have it.
type Worker struct {
	ID    int    // threadId, unique in the life of the process
	Title string // such as "[worker 1] name", "Worker 1" before Node.js 18
	URL   string // of its main script, "" for source text
}

// WorkerSession is a connection to one worker thread, within a [Conn]. It lives
// until Close, until the thread ends or until the Conn ends. As with a process,
// its end resets the object ids of the thread's heap profiler, not those of the
// process.
type WorkerSession struct {
	Worker
	conn   *Conn
	link   *workerLink
	closed bool // guarded by the Conn's mu
}

// WorkerGoneError says that a worker thread has ended, or that there is none
// with the id.
type WorkerGoneError struct {
	ID int // threadId
}

func (e *WorkerGoneError) Error() string { return fmt.Sprintf("no worker thread %d (any more)", e.ID) }

// Hint says what to do.
func (e *WorkerGoneError) Hint() string {
	return "list the worker threads again, and choose one of them"
}

// Workers lists the worker threads that the main thread has started, by id.
// Workers of workers are not among them: only their own parents know them. It
// needs the main thread to be responsive, but not the workers.
func (c *Conn) Workers(ctx context.Context) ([]Worker, error) {
	if err := c.joinWorkers(ctx); err != nil {
		return nil, err
	}
	defer c.leaveWorkers(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []Worker
	for _, l := range c.workers.links {
		list = append(list, l.Worker)
	}
	slices.SortFunc(list, func(a, b Worker) int { return a.ID - b.ID })
	return list, nil
}

// Worker opens a session with the worker thread of the id. It is to be closed.
//
// Errors: a [*WorkerGoneError] when there is no such thread.
func (c *Conn) Worker(ctx context.Context, id int) (*WorkerSession, error) {
	if err := c.joinWorkers(ctx); err != nil {
		return nil, err
	}
	if l := c.workerLink(id); l != nil {
		return &WorkerSession{Worker: l.Worker, conn: c, link: l}, nil
	}
	c.leaveWorkers(ctx)
	return nil, &WorkerGoneError{ID: id}
}

// Call sends the command to the worker thread and decodes its result into
// result (nil: not decoded). Errors: a [*WorkerGoneError] when the thread ends,
// a *CallError, the cause of ctx, a [*SilentError] when the thread has not
// answered for ten minutes, and what [Conn.Call] says. The Conn survives all but
// the last.
func (w *WorkerSession) Call(ctx context.Context, method string, params, result any) error {
	k := &call{method: method, sent: time.Now(), reply: make(chan answer, 1)}
	if err := w.register(k); err != nil {
		return err
	}
	defer w.forget(k)
	msg, err := jsonv2.Marshal(command{ID: k.id, Method: method, Params: params})
	if err != nil {
		return fmt.Errorf("%s: encoding parameters: %w", method, err)
	}
	envelope := struct {
		Message   string `json:"message"`
		SessionID string `json:"sessionId"`
	}{string(msg), w.link.id}
	if err := w.conn.ask(ctx, workerSend, envelope, nil); err != nil {
		return err
	}
	limit := time.NewTimer(stallLimit)
	defer limit.Stop()
	select {
	case a := <-k.reply:
		return w.goneError(w.conn.decode(k, a, result))
	case <-w.link.gone:
		return &WorkerGoneError{ID: w.ID}
	case <-limit.C:
		return &SilentError{Method: method, For: stallLimit}
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	case <-w.conn.stop:
		return w.conn.Err()
	}
}

// goneError makes a WorkerGoneError of what V8 says when the thread ends while
// it is asked: it has but one context.
func (w *WorkerSession) goneError(err error) error {
	var refused *CallError
	if errors.As(err, &refused) && (strings.Contains(refused.Message, "context was destroyed") || strings.Contains(refused.Message, "Cannot find context")) {
		return &WorkerGoneError{ID: w.ID}
	}
	return err
}

func (w *WorkerSession) register(k *call) error {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.link.lastID++
	k.id = w.link.lastID
	w.link.pending[k.id] = k.reply
	return nil
}

func (w *WorkerSession) forget(k *call) {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	delete(w.link.pending, k.id)
}

// Evaluate is [Conn.Evaluate] within the worker thread. It is not made for
// large values: they pass through memory several times.
func (w *WorkerSession) Evaluate(ctx context.Context, expression string, out any) error {
	params, yes := evaluation(expression, true), true
	params.AwaitPromise = &yes
	var res runtime.EvaluateResult
	if err := w.Call(ctx, runtime.CommandEvaluate, params, &res); err != nil {
		return collectedError(err)
	}
	return decodeEvaluated(res, out)
}

// ObjectID is [Conn.ObjectID] within the worker thread.
func (w *WorkerSession) ObjectID(ctx context.Context, expression string) (string, error) {
	return objectID(ctx, w.Call, expression)
}

// Close ends the session and leaves nothing behind in the process. Further calls
// do nothing.
func (w *WorkerSession) Close() error {
	w.conn.mu.Lock()
	closed := w.closed
	w.closed = true
	w.conn.mu.Unlock()
	if !closed {
		w.conn.leaveWorkers(context.Background())
	}
	return nil
}
