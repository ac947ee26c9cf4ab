package cdp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// answering is an inspector that answers each evaluation with a message, in
// which ID stands for the number of the call.
func answering(message string) *inspector {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) { p.text(strings.ReplaceAll(message, "ID", fmt.Sprint(f.ID))) }
	return in
}

func TestEvaluate(t *testing.T) {
	const head = `{"id":ID,"result":{"result":`
	const thrown = `,"exceptionDetails":{"exceptionId":1,"text":"Uncaught","lineNumber":0,"columnNumber":0,"exception":{"type":"string","value":"boom"}}}}`
	for _, tt := range []struct {
		name, message    string
		text, data, want any // what a *string, a *[]byte and a *any get; an error: a part of its text
	}{
		{"string", head + `{"type":"string","value":"aGk="}}}`, "aGk=", []byte("hi"), "aGk="},
		{"no base64", head + `{"type":"string","value":"\u00e9\n\"}}}"}}}`, "é\n\"}}}", errors.New("illegal base64"), "é\n\"}}}"},
		{"more fields", head + `{"type":"string","value":"aGk=","new":{}},"new":1}}`, "aGk=", []byte("hi"), "aGk="},
		{"another order", `{"result":{"result":{"value":"aGk=","type":"string"}},"id":ID}`, "aGk=", []byte("hi"), "aGk="},
		{"number", head + `{"type":"number","value":42,"description":"42"}}}`, errors.New("decoding"), errors.New("decoding"), 42.0},
		{"null", head + `{"type":"object","subtype":"null","value":null}}}`, "", []byte(nil), nil},
		{"undefined", head + `{"type":"undefined"}}}`, errors.New("no value but undefined"), errors.New("no value but undefined"), errors.New("no value but undefined")},
		{"exception", head + `{"type":"string","value":"boom"}` + thrown, errors.New(`Uncaught "boom"`), errors.New(`Uncaught "boom"`), errors.New(`Uncaught "boom"`)},
		{"refused", `{"error":{"code":-32000,"message":"no"},"id":ID}`, errors.New("no (-32000)"), errors.New("no (-32000)"), errors.New("no (-32000)")},
		{"cut off", head + `{"type":"string","value":"aG`, errors.New("decoding"), errors.New("decoding"), errors.New("decoding")},
		{"no JSON after the string", head + `{"type":"string","value":"aGk="]}}`, errors.New("decoding"), errors.New("decoding"), errors.New("decoding")},
		{"no result", `{"id":ID,"result":{}}`, errors.New("no result"), errors.New("no result"), errors.New("no result")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := answering(tt.message)
			c := in.open(t)
			var text string
			check(t, c.Evaluate(t.Context(), "x", &text), tt.text, text)
			var data []byte
			check(t, c.Evaluate(t.Context(), "x", &data), tt.data, data)
			var value any
			err := c.Evaluate(t.Context(), "x", &value)
			check(t, err, tt.want, value)
			if none := c.Evaluate(t.Context(), "x", nil); (none == nil) != (err == nil) && tt.name != "undefined" {
				t.Errorf("without a destination: %v", none)
			}
		})
	}
}

// check compares a value, or the error where one is wanted.
func check(t *testing.T, err error, want, got any) {
	t.Helper()
	if wanted, ok := want.(error); ok {
		if err == nil || !strings.Contains(err.Error(), wanted.Error()) {
			t.Errorf("error %v, want %q", err, wanted)
		}
		return
	}
	if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("got %#v, %v, want %#v", got, err, want)
	}
}

func TestEvaluateParams(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) { p.value(f, string(f.Params)) }
	var params struct {
		Expression            string `json:"expression"`
		AwaitPromise          bool   `json:"awaitPromise"`
		ReturnByValue         bool   `json:"returnByValue"`
		Silent                bool   `json:"silent"`
		IncludeCommandLineAPI bool   `json:"includeCommandLineAPI"`
	}
	want := params
	want.Expression, want.AwaitPromise, want.ReturnByValue, want.Silent, want.IncludeCommandLineAPI = "1 + 1", true, true, true, true
	if err := in.open(t).Evaluate(t.Context(), "1 + 1", &params); err != nil || params != want {
		t.Errorf("got %+v, %v", params, err)
	}
}

func TestEvaluateCollected(t *testing.T) {
	err := answering(`{"id":ID,"error":{"code":-32000,"message":"Promise was collected"}}`).open(t).Evaluate(t.Context(), "p", nil)
	if !errors.Is(err, ErrPromiseCollected) || !errors.As(err, new(*CallError)) {
		t.Errorf("got %v", err)
	}
}

// Evaluations at once share the buffers and must not share what is in them.
func TestEvaluateAtOnce(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		var params struct{ Expression string }
		if err := json.Unmarshal(f.Params, &params); err != nil {
			t.Error(err)
		}
		p.result(f, `{"result":{"type":"string","value":"`+base64.StdEncoding.EncodeToString([]byte(strings.Repeat(params.Expression, 10_000)))+`"}}`)
	}
	c := in.open(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var data []byte
			for n := range 20 {
				expression := fmt.Sprintf("%d/%d ", i, n)
				if err := c.Evaluate(t.Context(), expression, &data); err != nil || string(data) != strings.Repeat(expression, 10_000) {
					t.Errorf("%s: %d bytes, %v", expression, len(data), err)
				}
			}
		})
	}
	wg.Wait()
}

// The bytes of a file pass through two buffers, both of which are used again.
func TestNodeEvaluateAllocations(t *testing.T) {
	c := openNode(t, nodetest.Start(t, nodetest.Options{Script: idle + "console.log('ready')", Ready: "ready", Inspect: true}))
	const size, rounds = 4 << 20, 16
	var data []byte
	read := func() {
		if err := c.Evaluate(t.Context(), fmt.Sprintf("Buffer.alloc(%d, 'x').toString('base64')", size), &data); err != nil || len(data) != size {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
	}
	for range 4 {
		read()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		read()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / rounds; each > size/16 {
		t.Errorf("each answer of %d bytes allocates %d", size, each)
	}
}

// FuzzDecodeWhole holds the shortcut for strings against the JSON decoder.
func FuzzDecodeWhole(f *testing.F) {
	for _, tail := range []string{`"}}}`, `aGk="}}}`, `a\"b"}}}`, `a"},"exceptionDetails":{"text":"x"}}}`, `\ud83d\ude00"}}}`, `"}}`, `"}},"id":9}`} {
		f.Add([]byte(`{"id":1,` + stringHead + tail))
	}
	f.Add([]byte(`{"id":1,"result":{"result":{"type":"number","value":1}}}`))
	c := &Conn{log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if _, _, ok := answerID(msg); !ok {
			return
		}
		var slow any
		slowErr := c.decodeMessage(&call{}, append([]byte(nil), msg...), &slow)
		want, isText := slow.(string)
		var got string
		err := c.decodeWhole(&call{}, msg, &got)
		// Lone surrogates and what is not UTF-8 differ on purpose; see unescape.
		if strings.Contains(got, `\u`) || strings.ContainsRune(want, '\ufffd') {
			return
		}
		if (err == nil) != (slowErr == nil && (isText || slow == nil)) || err == nil && got != want {
			t.Errorf("%q, %v, the decoder says %#v, %v", got, err, slow, slowErr)
		}
	})
}

// While an evaluation is under way nobody else is impatient; when all is silent
// for long enough the process is given up.
func TestEvaluatePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
			time.Sleep(stallLimit - time.Second) // it writes a snapshot of itself
			p.value(f, "1")
		}
		c := openBubble(t, in)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Evaluate(t.Context(), "x", nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if err := c.DiscardConsole(t.Context()); err != nil {
			t.Errorf("beside it: %v", err)
		}
		wg.Wait()
		in.answers["Runtime.evaluate"] = frozen(&c)
		start := time.Now()
		err := c.Evaluate(t.Context(), "x", nil)
		if d := time.Since(start); d != stallLimit {
			t.Errorf("took %v", d)
		}
		wantSilence(t, c, err, "Runtime.evaluate", stallLimit)
		c.Close()
		in.wg.Wait()
	})
}

// Bytes are signs of life, even without a whole message.
func TestEvaluateSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
			answer := fmt.Sprintf(`{"id":%d,"result":{"result":{"type":"number","value":1}}}`, f.ID)
			for i := range answer {
				part := []byte(answer[i : i+1])
				if i == 0 {
					part = append([]byte{0x81, byte(len(answer))}, part...)
				}
				time.Sleep(stallLimit - time.Second)
				p.conn.Write(part)
			}
		}
		c := openBubble(t, in)
		if err := c.Evaluate(t.Context(), "x", nil); err != nil {
			t.Error(err)
		}
		c.Close()
		in.wg.Wait()
	})
}

// An evaluation that nobody waits for any more may go on for ever: in an idle
// series there is nothing on the wire for half an hour.
func TestEvaluateAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers["Runtime.evaluate"] = func(*peer, frame) {} // a promise that is never settled
		c := openBubble(t, in)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Evaluate(ctx, "x", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(3 * stallLimit)
		if err := c.DiscardConsole(t.Context()); err != nil {
			t.Error(err)
		}
		// By then a process that does not answer is no longer excused.
		in.answers["Runtime.discardConsoleEntries"] = frozen(&c)
		wantSilence(t, c, c.DiscardConsole(t.Context()), "Runtime.discardConsoleEntries", callLimit)
		c.Close()
		in.wg.Wait()
	})
}
