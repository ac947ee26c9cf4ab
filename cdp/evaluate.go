package cdp

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
)

// spareBuffers is how many message buffers are kept for the next answers of
// evaluations: about as many as a reader of a remote file has in flight.
const spareBuffers = 4

// ErrPromiseCollected says that the promise an evaluation was waiting for is
// garbage: nothing in the process referred to it any more, so that it could
// never be settled. An expression must keep its promise alive, for example in a
// property of an object that stays.
var ErrPromiseCollected = errors.New("the promise that was waited for is garbage in the process")

// collected is what V8 says of it (v8 src/inspector/injected-script.cc).
const collected = "Promise was collected"

// Evaluate runs a JavaScript expression in the process and decodes its value,
// as JSON, into out. A promise is waited for. require is there, in ES modules
// too.
//
// A *string and a *[]byte take a large string without detours; the []byte gets
// the bytes that the string has in base64, in the memory that the slice has
// already where that is enough. A nil out takes no value. An answer may have up
// to 16 MB.
//
// Errors: an [*ExceptionError] when the expression throws or its promise is
// rejected, [ErrPromiseCollected], the cause of ctx, and what [Conn.Call] says.
// The process may be busy for long (it may be writing a snapshot of itself):
// when nothing arrives from it for ten minutes it is given up, and the
// connection ends with a *LostError around a *SilentError. An evaluation whose
// ctx ended goes on in the process.
func (c *Conn) Evaluate(ctx context.Context, expression string, out any) error {
	params, yes := evaluation(expression, true), true
	params.AwaitPromise = &yes
	k := &call{method: runtime.CommandEvaluate, whole: true}
	a, err := c.patient(ctx, k, params)
	if err != nil {
		return err
	}
	if a.whole == nil {
		return collectedError(c.decodeEvaluation(k, a, out))
	}
	defer c.giveBack(a.whole)
	c.log.Debug("inspector answered", "method", k.method, "bytes", a.whole.Len(), "took", time.Since(k.sent))
	return collectedError(c.decodeWhole(k, a.whole.Bytes(), out))
}

// patient sends a command that may keep the process busy for long, and waits
// for its answer.
func (c *Conn) patient(ctx context.Context, k *call, params any) (answer, error) {
	defer c.endure(k.method)()
	k.long = true
	if err := c.sendCall(ctx, k, params, nil); err != nil {
		return answer{}, err
	}
	a, err := c.await(ctx, k)
	if err != nil {
		c.abandonLong(k.id)
	}
	return a, err
}

// collectedError gives V8's refusal a name.
func collectedError(err error) error {
	var refused *CallError
	if errors.As(err, &refused) && strings.Contains(refused.Message, collected) {
		return fmt.Errorf("%w: %w", ErrPromiseCollected, err)
	}
	return err
}

// decodeEvaluation decodes an answer that has been taken apart already.
func (c *Conn) decodeEvaluation(k *call, a answer, out any) error {
	var res runtime.EvaluateResult
	if err := c.decode(k, a, &res); err != nil {
		return err
	}
	return decodeEvaluated(res, out)
}

// decodeEvaluated decodes the value that an evaluation returned, unless out is
// nil.
func decodeEvaluated(res runtime.EvaluateResult, out any) error {
	if out == nil {
		_, err := evaluated(res)
		return err
	}
	return decodeValue(res, out)
}

// stringHead is what V8 writes between the number of a call and the value of
// an evaluation that is a string (all of Node.js 14 to 26).
const stringHead = `"result":{"result":{"type":"string","value":"`

// decodeWhole decodes the message with the answer to an evaluation. It spoils
// the message.
func (c *Conn) decodeWhole(k *call, msg []byte, out any) error {
	_, isText := out.(*string)
	_, isBytes := out.(*[]byte)
	_, start, _ := answerID(msg)
	if (isText || isBytes) && bytes.HasPrefix(msg[start:], []byte(stringHead)) {
		text, rest, err := unescape(msg[start+len(stringHead):])
		if err != nil {
			return fmt.Errorf("%s: decoding the value: %w", k.method, err)
		}
		if string(rest) == "}}}" {
			return storeString(text, out)
		}
		// More follows the value, such as what was thrown.
		msg = append([]byte(`{"id":0,`+stringHead+`"`), rest...)
		if err := c.decodeMessage(k, msg, nil); err != nil {
			return err
		}
		return storeString(text, out)
	}
	return c.decodeMessage(k, msg, out)
}

// decodeMessage is decodeEvaluation for a message.
func (c *Conn) decodeMessage(k *call, msg []byte, out any) error {
	var m message
	if err := jsonv2.Unmarshal(msg, &m, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return fmt.Errorf("%s: decoding the answer: %w", k.method, err)
	}
	return c.decodeEvaluation(k, answer{result: m.Result, err: m.Error}, out)
}

// storeString puts a string of the target into a *string, or what it says in
// base64 into a *[]byte.
func storeString(text []byte, out any) error {
	switch out := out.(type) {
	case *string:
		*out = string(text)
	case *[]byte:
		decoded, err := base64.StdEncoding.AppendDecode((*out)[:0], text)
		if err != nil {
			return fmt.Errorf("decoding the value: %w", err)
		}
		*out = decoded
	}
	return nil
}

// awaited takes the call that msg is the answer to off the list of those that
// wait, if the caller wants the message as it is; otherwise it returns nil.
func (c *Conn) awaited(msg []byte) *call {
	id, _, ok := answerID(msg)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.pending[id]
	if k == nil || !k.whole {
		return nil
	}
	delete(c.pending, id)
	c.noteAnswer(id)
	c.endLong(id)
	return k
}

// idHead begins every answer of V8. A message with its fields in another order
// takes the ordinary way.
const idHead = `{"id":`

// idDigits is the length of the largest number of a call.
const idDigits = 19

// answerID reads the number of the call that msg is the answer to, and where
// the field after it begins.
func answerID(msg []byte) (id int64, next int, ok bool) {
	if !bytes.HasPrefix(msg, []byte(idHead)) {
		return 0, 0, false
	}
	digits := msg[len(idHead):min(len(msg), len(idHead)+idDigits+1)]
	n := bytes.IndexByte(digits, ',')
	if n < 0 {
		return 0, 0, false
	}
	id, err := strconv.ParseInt(string(digits[:n]), 10, 64)
	return id, len(idHead) + n + 1, err == nil
}

// spareBuffer returns a buffer that an evaluation has given back, or a new one.
func (c *Conn) spareBuffer() *bytes.Buffer {
	select {
	case buf := <-c.spare:
		return buf
	default:
		return new(bytes.Buffer)
	}
}

// giveBack keeps the buffer for another answer, if it is of a useful size.
func (c *Conn) giveBack(buf *bytes.Buffer) {
	if buf.Cap() > keptBuffer {
		return
	}
	select {
	case c.spare <- buf:
	default:
	}
}

// ObjectID returns the id that V8's heap profiler has for the object that the
// expression yields, "" if it has none. See [Conn.SentinelID] for what an id
// tells. The object is held only for the time of the question.
func (c *Conn) ObjectID(ctx context.Context, expression string) (string, error) {
	return objectID(ctx, c.ask, expression)
}

// objectID asks for the heap profiler's id of what the expression yields. call
// is the Call of a process or of a worker thread.
func objectID(ctx context.Context, call caller, expression string) (string, error) {
	var answer runtime.EvaluateResult
	if err := call(ctx, runtime.CommandEvaluate, evaluation(expression, false), &answer); err != nil {
		return "", err
	}
	res, err := evaluated(answer)
	if err != nil {
		return "", err
	}
	if res.ObjectID == "" {
		return "", fmt.Errorf("asking for an object's id: the expression yields no object but %s", describeValue(res))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), politeLimit)
		defer cancel()
		// If it fails the object is released with the session.
		_ = call(ctx, runtime.CommandReleaseObject, runtime.ReleaseObjectParams{ObjectID: res.ObjectID}, nil)
	}()
	return heapID(ctx, call, res.ObjectID)
}

// caller is the func Call of something that takes commands.
type caller func(ctx context.Context, method string, params, result any) error

// heapID asks the heap profiler for the id of an object that we hold.
func heapID(ctx context.Context, call caller, object runtime.RemoteObjectID) (string, error) {
	var res heapprofiler.GetHeapObjectIDResult
	params := heapprofiler.GetHeapObjectIDParams{ObjectID: object}
	if err := call(ctx, heapprofiler.CommandGetHeapObjectID, params, &res); err != nil {
		return "", err
	}
	// V8's kUnknownObjectId is 0.
	if res.HeapSnapshotObjectID == "0" {
		return "", nil
	}
	return res.HeapSnapshotObjectID.String(), nil
}
