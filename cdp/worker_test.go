package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestThreadID(t *testing.T) {
	for title, want := range map[string]int{
		"Worker 1": 1, "[worker 12] WorkerThread": 12, "[worker 3]": 3, "[worker 3] [worker 4]": 3,
		"": -1, "worker 1": -1, "[worker x]": -1, "my [worker 1]": -1, "Worker 99999999999999999999": -1,
	} {
		if got := threadID(title); got != want {
			t.Errorf("%q: %d, want %d", title, got, want)
		}
	}
}

// threads is an inspector with two worker threads, which answer with answer.
func threads(answer func(p *peer, session, message string)) *inspector {
	in := newInspector()
	in.answers[workerEnable] = func(p *peer, f frame) {
		for _, id := range []int{2, 1} {
			p.event(workerAttached, fmt.Sprintf(`{"sessionId":"s%d","workerInfo":{"workerId":"9","type":"worker","title":"[worker %d] w","url":"file:///w.js"},"waitingForDebugger":false}`, id, id))
		}
		p.result(f, `{}`)
	}
	in.answers[workerSend] = func(p *peer, f frame) {
		var params struct{ SessionID, Message string }
		if err := json.Unmarshal(f.Params, &params); err != nil {
			panic(err)
		}
		p.result(f, `{}`)
		answer(p, params.SessionID, params.Message)
	}
	return in
}

func TestWorkers(t *testing.T) {
	in := threads(func(p *peer, session, message string) {
		var f frame
		if err := json.Unmarshal([]byte(message), &f); err != nil {
			panic(err)
		}
		p.event(workerReceived, `{"sessionId":"nobody's","message":"{"}`)
		p.event(workerReceived, fmt.Sprintf(`{"sessionId":%q,"message":%s}`, session, quote(`{"method":"Runtime.consoleAPICalled","params":{}}`)))
		p.event(workerReceived, fmt.Sprintf(`{"sessionId":%q,"message":%s}`, session,
			quote(fmt.Sprintf(`{"id":%d,"result":{"result":{"type":"string","value":%q}}}`, f.ID, session))))
	})
	c := in.open(t)
	list, err := c.Workers(t.Context())
	want := []Worker{{1, "[worker 1] w", "file:///w.js"}, {2, "[worker 2] w", "file:///w.js"}}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Fatalf("got %+v, %v", list, err)
	}
	w, err := c.Worker(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Workers(t.Context()); err != nil { // beside the session
		t.Error(err)
	}
	var text string
	if err := w.Evaluate(t.Context(), "x", &text); err != nil || text != "s2" {
		t.Errorf("got %q, %v", text, err)
	}
	var gone *WorkerGoneError
	if _, err := c.Worker(t.Context(), 3); !errors.As(err, &gone) || gone.ID != 3 || gone.Hint() == "" {
		t.Errorf("a thread that is not there: %v", err)
	}
	w.Close()
	w.Close()
	counts := map[string]int{}
	for _, method := range in.sent() {
		counts[method]++
	}
	if counts[workerEnable] != 2 || counts[workerDisable] != 2 {
		t.Errorf("sent %v", counts)
	}
	if sent := in.sent(); !slices.Contains(sent, workerDisable) || sent[len(sent)-1] != workerDisable {
		t.Errorf("sent %q", sent)
	}
}

func TestWorkerSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := threads(func(*peer, string, string) {})
		c := openBubble(t, in)
		w, err := c.Worker(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var silent *SilentError
		if err := w.Evaluate(t.Context(), "x", nil); !errors.As(err, &silent) || errors.As(err, new(*LostError)) || time.Since(start) != stallLimit {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Evaluate(ctx, "x", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := c.Err(); err != nil { // one thread that hangs is no lost process
			t.Error(err)
		}
		w.Close()
		c.Close()
		in.wg.Wait()
		if err := w.Evaluate(t.Context(), "x", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestWorkersRefused(t *testing.T) {
	in := newInspector()
	in.answers[workerEnable] = func(p *peer, f frame) {
		p.text(fmt.Sprintf(`{"id":%d,"error":{"code":-32601,"message":"'NodeWorker.enable' wasn't found"}}`, f.ID))
	}
	c := in.open(t)
	for range 2 {
		if _, err := c.Workers(t.Context()); !errors.As(err, new(*CallError)) {
			t.Errorf("got %v", err)
		}
	}
}
