package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/chromedp/cdproto/heapprofiler"
)

const takeSnapshot = heapprofiler.CommandTakeHeapSnapshot

// snapshots makes the inspector answer takeHeapSnapshot with the pieces, and
// the clock with the given readings in milliseconds.
func snapshots(in *inspector, pieces []string, clock ...string) {
	in.answers[takeSnapshot] = func(p *peer, f frame) {
		for i, s := range pieces {
			p.event(progressMethod, fmt.Sprintf(`{"done":%d,"total":%d}`, i+1, len(pieces)))
			p.chunk(s)
		}
		p.result(f, `{}`)
	}
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		p.value(f, clock[0])
		clock = append(clock[1:], clock[0])
	}
}

func TestHeapSnapshot(t *testing.T) {
	in := newInspector()
	pieces := []string{`{"snapshot":{`, "\"nodes\":[1,2\n,3],", strings.Repeat(`"é😀\\",`, 50_000), `"end"]}`}
	snapshots(in, pieces, "1000.5", "1250.75")
	c := in.open(t)
	for n := range 2 {
		var out bytes.Buffer
		var seen []string
		err := c.HeapSnapshot(t.Context(), &out, func(done, total int) { seen = append(seen, fmt.Sprintf("%d/%d", done, total)) })
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != strings.Join(pieces, "") {
			t.Errorf("snapshot %d: got %d bytes, want %d", n, out.Len(), len(strings.Join(pieces, "")))
		}
		if !slices.Equal(seen, []string{"1/4", "2/4", "3/4", "4/4"}) {
			t.Errorf("progress: %v", seen)
		}
		if got := c.LastPause().Microseconds(); got != 250_250 {
			t.Errorf("pause is %d µs", got)
		}
	}
	want := []string{"HeapProfiler.enable",
		"Runtime.evaluate", takeSnapshot, "Runtime.evaluate",
		"Runtime.evaluate", takeSnapshot, "Runtime.evaluate"}
	if got := in.sent(); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// Fields in another order than V8's go the slow way, with the same result.
func TestHeapSnapshotOtherOrder(t *testing.T) {
	in := newInspector()
	in.answers[takeSnapshot] = func(p *peer, f frame) {
		p.text(`{"params":{"done":3,"total":9},"method":"HeapProfiler.reportHeapSnapshotProgress"}`)
		p.text(`{"params":{"chunk":"{\"a\":"},"method":"HeapProfiler.addHeapSnapshotChunk"}`)
		p.text(`{ "method":"HeapProfiler.addHeapSnapshotChunk", "params":{"chunk":"1}"}}`)
		p.result(f, `{}`)
	}
	c := in.open(t)
	var out bytes.Buffer
	var done int
	if err := c.HeapSnapshot(t.Context(), &out, func(d, _ int) { done = d }); err != nil {
		t.Fatal(err)
	}
	if out.String() != `{"a":1}` || done != 3 {
		t.Errorf("got %q, done %d", out.String(), done)
	}
}

func TestHeapSnapshotWithoutClock(t *testing.T) {
	in := newInspector()
	snapshots(in, []string{"{}"}, "5", "10")
	in.answers["Runtime.evaluate"] = nil // an answer without a value
	c := in.open(t)
	if err := c.HeapSnapshot(t.Context(), io.Discard, nil); err != nil || c.LastPause() != 0 {
		t.Errorf("got %v, pause %v", err, c.LastPause())
	}
}

func TestHeapSnapshotRefused(t *testing.T) {
	in := newInspector()
	in.answers[takeSnapshot] = func(p *peer, f frame) {
		p.text(fmt.Sprintf(`{"error":{"code":-32000,"message":"busy"},"id":%d}`, f.ID))
	}
	c := in.open(t)
	var refused *CallError
	for range 2 {
		if err := c.HeapSnapshot(t.Context(), io.Discard, nil); !errors.As(err, &refused) || refused.Method != takeSnapshot {
			t.Errorf("got %v", err)
		}
	}
}

// failing fails after n bytes.
type failing struct {
	n   int
	err error
}

func (w *failing) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestHeapSnapshotWriterFails(t *testing.T) {
	in := newInspector()
	pieces := make([]string, 200)
	for i := range pieces {
		pieces[i] = strings.Repeat("1,", 1000)
	}
	snapshots(in, pieces, "1", "2")
	c := in.open(t)
	full := errors.New("disk full")
	if err := c.HeapSnapshot(t.Context(), &failing{n: 5000, err: full}, nil); !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	// The rest of the first snapshot must not end up in the second.
	var out bytes.Buffer
	if err := c.HeapSnapshot(t.Context(), &out, nil); err != nil {
		t.Fatalf("connection not usable: %v", err)
	}
	if out.Len() != 200*2000 {
		t.Errorf("second snapshot has %d bytes", out.Len())
	}
}

func TestHeapSnapshotCancelled(t *testing.T) {
	in := newInspector()
	more := make(chan struct{})
	in.answers[takeSnapshot] = func(p *peer, f frame) {
		p.chunk("{")
		<-more
		p.chunk("}")
		p.result(f, `{}`)
	}
	c := in.open(t)
	why := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	w := writerFunc(func(p []byte) (int, error) { cancel(why); return len(p), nil })
	if err := c.HeapSnapshot(ctx, w, nil); !errors.Is(err, why) {
		t.Fatalf("got %v", err)
	}
	ctx2, cancel2 := context.WithCancel(t.Context())
	cancel2()
	if err := c.HeapSnapshot(ctx2, io.Discard, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("while the first is on the wire: %v", err)
	}
	close(more)
	var out bytes.Buffer
	if err := c.HeapSnapshot(t.Context(), &out, nil); err != nil || out.String() != "{}" {
		t.Errorf("next snapshot: %q, %v", &out, err)
	}
}

// Close in the middle of a snapshot must neither wait for it nor leave
// anything behind.
func TestCloseInTheMiddleOfASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		end := make(chan struct{})
		in.answers[takeSnapshot] = func(p *peer, f frame) {
			p.chunk("{")
			<-end
		}
		c, err := Dial(t.Context(), in.dial, nil)
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() { result <- c.HeapSnapshot(t.Context(), io.Discard, nil) }()
		synctest.Wait()
		c.Close()
		if err := <-result; !errors.Is(err, ErrClosed) {
			t.Errorf("snapshot ended with %v", err)
		}
		close(end)
		in.wg.Wait()
	})
}

func TestHeapSnapshotLost(t *testing.T) {
	in := newInspector()
	in.answers[takeSnapshot] = func(p *peer, f frame) {
		p.chunk("{")
		p.conn.Write([]byte{0x81, 126, 0x40, 0, '{'}) // a frame that breaks off
		p.conn.Close()
	}
	c := in.open(t)
	var lost *LostError
	err := c.HeapSnapshot(t.Context(), io.Discard, nil)
	// A pipe's end shows as EOF to a read, as a closed pipe to a write.
	if !errors.As(err, &lost) || !endOfStream(err) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The writer takes nothing: the target must come to a halt after the two
// buffers and the few KB of the socket's reader.
func TestHeapSnapshotBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		var sent atomic.Int64
		in.answers[takeSnapshot] = func(p *peer, f frame) {
			for range 100 {
				if p.chunk(strings.Repeat("x", 100_000)) != nil {
					return
				}
				sent.Add(1)
			}
			p.result(f, `{}`)
		}
		c, err := Dial(t.Context(), in.dial, nil)
		if err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{})
		total := 0
		w := writerFunc(func(p []byte) (int, error) {
			<-gate
			total += len(p)
			return len(p), nil
		})
		result := make(chan error, 1)
		go func() { result <- c.HeapSnapshot(t.Context(), w, nil) }()
		synctest.Wait()
		if n := sent.Load(); n > 3 {
			t.Errorf("%d chunks sent with the writer blocked", n)
		}
		if got := c.Received(); got > 400_000 {
			t.Errorf("%d bytes received", got)
		}
		close(gate)
		if err := <-result; err != nil || total != 100*100_000 {
			t.Errorf("got %d bytes, %v", total, err)
		}
		c.Close()
		in.wg.Wait()
	})
}

// BenchmarkHeapSnapshot measures everything from the socket to the writer, over
// loopback TCP.
func BenchmarkHeapSnapshot(b *testing.B) {
	const chunks = 500
	in := newInspector()
	piece := strings.Repeat("9,9457,24,1,0,0,0\n,3,12,34567,40,2,0,0\n,", 2600)
	msg := fmt.Sprintf(`{"method":%q,"params":{"chunk":%s}}`, chunkMethod, quote(piece))
	in.answers[takeSnapshot] = func(p *peer, f frame) {
		for range chunks {
			p.text(msg)
		}
		p.result(f, `{}`)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	in.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			in.wg.Go(func() { in.serve(conn); conn.Close() })
		}
	})
	c, err := Dial(b.Context(), func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", ln.Addr().String())
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(chunks * len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.HeapSnapshot(b.Context(), io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	ln.Close()
	in.wg.Wait()
}
