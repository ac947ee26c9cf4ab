package cdp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	protocol "github.com/chromedp/cdproto/cdp"
	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
)

// eventBuffer is how many events wait for a subscriber before the reading
// stops. It only evens out hiccups; a subscriber is expected to keep reading.
const eventBuffer = 64

// message is whatever the inspector sends: an event or an answer.
type message struct {
	ID     int64        `json:"id"`
	Method string       `json:"method"`
	Params jsonv2.Value `json:"params"`
	Result jsonv2.Value `json:"result"`
	Error  *refusal     `json:"error"`
}

// refusal is the error of an answer.
type refusal struct {
	Code    int64        `json:"code"`
	Message string       `json:"message"`
	Data    jsonv2.Value `json:"data"` // a string, as far as is known
}

// command is what we send.
type command struct {
	ID     int64  `json:"id"`
	Method string `json:"method"`
	Params any    `json:"params,omitempty"`
}

// answer is what came back for a command.
type answer struct {
	result jsonv2.Value
	err    *refusal
	whole  *bytes.Buffer // the message as it came, instead of the two, for a call that wants it so
}

// call is a command that has been sent.
type call struct {
	id     int64
	method string
	sent   time.Time
	reply  chan answer // gets one value
	whole  bool        // the caller decodes the message; see evaluate.go
	long   bool        // it may keep the process from answering anything; see patience.go
}

// Call sends the command and decodes its result into result (nil: not
// decoded). It returns the cause of ctx when ctx ends first, a *CallError when
// the inspector refuses, and Err when the connection ends. A Call whose context
// ended may still take effect in the target; its answer is dropped.
func (c *Conn) Call(ctx context.Context, method string, params, result any) error {
	k, err := c.send(ctx, method, params, nil)
	if err != nil {
		return err
	}
	return c.wait(ctx, k, result)
}

// send queues the command. If s is not nil, s becomes the current snapshot in
// the same instant as the command gets its number.
func (c *Conn) send(ctx context.Context, method string, params any, s *shot) (*call, error) {
	k := &call{method: method}
	if err := c.sendCall(ctx, k, params, s); err != nil {
		return nil, err
	}
	return k, nil
}

// sendCall is send for a call that is made already.
func (c *Conn) sendCall(ctx context.Context, k *call, params any, s *shot) error {
	method := k.method
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
	k.sent, k.reply = time.Now(), make(chan answer, 1)
	if err := c.register(k, s); err != nil {
		return err
	}
	msg, err := jsonv2.Marshal(command{ID: k.id, Method: method, Params: params})
	if err != nil {
		c.unsend(k)
		return fmt.Errorf("%s: encoding parameters: %w", method, err)
	}
	select {
	case c.out <- msg:
		return nil
	case <-ctx.Done():
		c.unsend(k)
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	case <-c.stop:
		c.unsend(k)
		return c.Err()
	}
}

// unsend takes back a call that was never sent.
func (c *Conn) unsend(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, k.id)
	delete(c.long, k.id)
	c.noteAnswer(k.id)
}

// register numbers the call and makes it known to the reader.
func (c *Conn) register(k *call, s *shot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.lastID++
	k.id = c.lastID
	c.pending[k.id] = k
	c.owed[k.id] = struct{}{}
	if k.long {
		c.long[k.id] = time.Time{}
	}
	if s != nil {
		s.id = k.id
		c.shot = s
		c.watchShot(s, k.method)
	}
	return nil
}

// forget gives up waiting for the answer of k.
func (c *Conn) forget(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, k.id)
}

// wait decodes the answer to k.
func (c *Conn) wait(ctx context.Context, k *call, result any) error {
	a, err := c.await(ctx, k)
	if err != nil {
		return err
	}
	return c.decode(k, a, result)
}

// await returns the answer to k.
func (c *Conn) await(ctx context.Context, k *call) (answer, error) {
	select {
	case a := <-k.reply:
		return a, nil
	case <-ctx.Done():
		c.forget(k)
		return answer{}, fmt.Errorf("%s: %w", k.method, context.Cause(ctx))
	case <-c.stop:
	}
	// The answer may have come just before the end.
	select {
	case a := <-k.reply:
		return a, nil
	default:
		return answer{}, c.Err()
	}
}

// decode turns an answer into the outcome of the call.
func (c *Conn) decode(k *call, a answer, result any) error {
	c.log.Debug("inspector answered", "method", k.method, "bytes", len(a.result), "took", time.Since(k.sent))
	if a.err != nil {
		var data string
		if jsonv2.Unmarshal(a.err.Data, &data) != nil {
			data = string(a.err.Data)
		}
		return &CallError{Method: k.method, Code: a.err.Code, Message: a.err.Message, Data: data}
	}
	if result == nil {
		return nil
	}
	if _, empty := result.(*protocol.Empty); empty {
		return nil
	}
	if err := jsonv2.Unmarshal(a.result, result, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return fmt.Errorf("%s: decoding the result: %w", k.method, err)
	}
	return nil
}

// answered delivers the answer to the call number id. The answer to
// takeHeapSnapshot also ends the snapshot: all its chunks came before.
func (c *Conn) answered(id int64, a answer) {
	c.mu.Lock()
	k, ok := c.pending[id]
	delete(c.pending, id)
	c.noteAnswer(id)
	c.endLong(id)
	ended := c.shot != nil && c.shot.id == id
	if ended {
		c.shot.watch.stop()
		c.shot, c.shotEnd = nil, time.Now()
	}
	c.mu.Unlock()
	if ok {
		k.reply <- a
	}
	if ended {
		<-c.slot
	}
}

// subscription is one receiver of the events of a method.
type subscription struct {
	events chan jsonv2.Value
	gone   chan struct{} // closed by cancel
}

// Subscribe returns a channel of the parameters of the events named method,
// beginning with the next one, and a func that ends the subscription.
//
// The channel holds a small number of events. When it is full the connection
// stops reading until there is room again: no event is lost, but no answer to a
// Call arrives either, and the target feels the back-pressure. So read it
// steadily, from another goroutine than the one that calls. The channel is
// closed when the connection ends; after cancel nothing more comes.
//
// The events of a running HeapSnapshot go to HeapSnapshot alone.
func (c *Conn) Subscribe(method string) (<-chan jsonv2.Value, func()) {
	s := &subscription{events: make(chan jsonv2.Value, eventBuffer), gone: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		close(s.events)
		return s.events, func() {}
	}
	c.subs[method] = append(slices.Clip(c.subs[method]), s)
	return s.events, func() { c.unsubscribe(method, s) }
}

// unsubscribe takes s off the list; a second time does nothing.
func (c *Conn) unsubscribe(method string, s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.subs[method], s)
	if i < 0 {
		return
	}
	// A copy, because the reader may be walking the old list.
	c.subs[method] = slices.Delete(slices.Clone(c.subs[method]), i, i+1)
	close(s.gone)
}

// publish gives an event to its subscribers, waiting for those that are full.
func (c *Conn) publish(method string, params jsonv2.Value) {
	c.mu.Lock()
	subs := c.subs[method]
	c.mu.Unlock()
	for _, s := range subs {
		select {
		case s.events <- params.Clone():
		case <-s.gone:
		case <-c.stop:
		}
	}
}

// closeSubscriptions tells all subscribers that nothing more comes. Only run
// calls it, after the reader has ended.
func (c *Conn) closeSubscriptions() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, subs := range c.subs {
		for _, s := range subs {
			close(s.events)
		}
	}
	clear(c.subs)
}
