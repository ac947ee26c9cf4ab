package cdp

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
)

// The domain with which Node.js reaches its workers (node
// src/inspector/node_protocol.pdl, Node.js 14 to 26). cdproto has no types for it.
const (
	workerDomain   = "NodeWorker."
	workerEnable   = workerDomain + "enable"
	workerDisable  = workerDomain + "disable"
	workerSend     = workerDomain + "sendMessageToWorker"
	workerAttached = workerDomain + "attachedToWorker"
	workerDetached = workerDomain + "detachedFromWorker"
	workerReceived = workerDomain + "receivedMessageFromWorker"
)

// workerTitle has the thread's id: "Worker 1" up to Node.js 16, "[worker 1] name"
// since. The workerId of the protocol is no more than a number of the session.
var workerTitle = regexp.MustCompile(`^(?:Worker |\[worker )(\d+)`)

// workerHub is what is known of the worker threads while the domain is enabled.
// The Conn's mu guards it.
type workerHub struct {
	users int                    // lists being made, sessions open
	links map[string]*workerLink // by the protocol's session id
}

// workerLink is the session that Node.js keeps with one worker for us, however
// many WorkerSessions there are.
type workerLink struct {
	Worker
	id      string        // the protocol's session id
	gone    chan struct{} // closed when it has ended, from either side
	lastID  int64
	pending map[int64]chan answer
}

// joinWorkers enables the domain for the first user. Node.js then opens a
// session with each worker, and tells of them before it answers.
func (c *Conn) joinWorkers(ctx context.Context) error {
	if err := c.lockWorkers(ctx); err != nil {
		return err
	}
	defer c.unlockWorkers()
	c.mu.Lock()
	first := c.workers == nil
	if first {
		c.workers = &workerHub{links: make(map[string]*workerLink)}
	}
	c.workers.users++
	c.mu.Unlock()
	if !first {
		return nil
	}
	params := struct {
		Wait bool `json:"waitForDebuggerOnStart"`
	}{false}
	err := c.ask(ctx, workerEnable, params, nil)
	if err != nil {
		c.disableWorkers(ctx) // it may have been enabled after all
		return fmt.Errorf("looking for worker threads: %w", err)
	}
	return nil
}

// leaveWorkers disables the domain after the last user, which ends the sessions
// with all workers.
func (c *Conn) leaveWorkers(ctx context.Context) {
	if c.lockWorkers(context.WithoutCancel(ctx)) != nil {
		return // the connection has ended, and with it all of this
	}
	defer c.unlockWorkers()
	c.mu.Lock()
	c.workers.users--
	last := c.workers.users == 0
	c.mu.Unlock()
	if last {
		c.disableWorkers(ctx)
	}
}

// disableWorkers disables the domain.
func (c *Conn) disableWorkers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), politeLimit)
	defer cancel()
	if err := c.Call(ctx, workerDisable, nil, nil); err != nil {
		c.log.Debug("letting go of the worker threads", "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.workers.links {
		c.workers.end(id)
	}
	c.workers = nil
}

// lockWorkers has enabling and disabling follow each other.
func (c *Conn) lockWorkers(ctx context.Context) error {
	select {
	case c.workerLock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("looking for worker threads: %w", context.Cause(ctx))
	case <-c.stop:
		return c.Err()
	}
}

func (c *Conn) unlockWorkers() { <-c.workerLock }

// end ends the session of the id. The Conn's mu must be held.
func (h *workerHub) end(id string) {
	if l := h.links[id]; l != nil {
		close(l.gone)
		delete(h.links, id)
	}
}

// workerEvent takes an event of the domain. It reports false if nobody waits
// for any.
func (c *Conn) workerEvent(method string, params jsonv2.Value) (taken bool, err error) {
	if !strings.HasPrefix(method, workerDomain) {
		return false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.workers == nil {
		return false, nil
	}
	var p struct {
		SessionID  string `json:"sessionId"`
		Message    string `json:"message"`
		WorkerInfo struct {
			Title string `json:"title"`
			URL   string `json:"url"`
		} `json:"workerInfo"`
	}
	if err := jsonv2.Unmarshal(params, &p, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return true, fmt.Errorf("decoding an event of a worker thread: %w", err)
	}
	switch method {
	case workerAttached:
		c.workers.links[p.SessionID] = &workerLink{
			Worker: Worker{ID: threadID(p.WorkerInfo.Title), Title: p.WorkerInfo.Title, URL: p.WorkerInfo.URL},
			id:     p.SessionID, gone: make(chan struct{}), pending: make(map[int64]chan answer),
		}
	case workerDetached:
		c.workers.end(p.SessionID)
	case workerReceived:
		return true, c.workers.received(p.SessionID, p.Message)
	}
	return true, nil
}

// threadID reads the id of a thread in its title, -1 if it has none.
func threadID(title string) int {
	m := workerTitle.FindStringSubmatch(title)
	if m == nil {
		return -1
	}
	id, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return id
}

// received delivers an answer of a worker. The Conn's mu must be held.
func (h *workerHub) received(session, text string) error {
	l := h.links[session]
	if l == nil {
		return nil
	}
	var m message
	if err := jsonv2.Unmarshal([]byte(text), &m, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return fmt.Errorf("decoding a message of a worker thread: %w", err)
	}
	if reply, ok := l.pending[m.ID]; ok && m.Method == "" {
		delete(l.pending, m.ID)
		reply <- answer{result: m.Result, err: m.Error}
	}
	return nil
}

// workerLink returns the link to the worker with the thread id, or nil.
func (c *Conn) workerLink(id int) *workerLink {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.workers.links {
		if l.ID == id {
			return l
		}
	}
	return nil
}
