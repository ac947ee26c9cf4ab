package tunnel

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
)

func TestInboxBlocksUntilBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newInbox()
		q.push([]byte("0123456789"))
		passed := make(chan struct{})
		go func() { q.waitBelow(t.Context(), 10); close(passed) }()
		synctest.Wait()
		select {
		case <-passed:
			t.Fatal("did not wait at the limit")
		default:
		}
		if n, err := q.read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("read = %d, %v", n, err)
		}
		<-passed
	})
}

// TestInboxFullAtTheEnd has the socket die while nobody reads: who waits for that goes on.
func TestInboxFullAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newInbox()
		q.push([]byte("0123456789"))
		ctx, cancel := context.WithCancel(t.Context())
		passed := make(chan struct{})
		go func() { q.waitBelow(ctx, 10); close(passed) }()
		synctest.Wait()
		select {
		case <-passed:
			t.Fatal("did not wait at the limit")
		default:
		}
		cancel()
		synctest.Wait()
		select {
		case <-passed:
		default:
			q.close(io.EOF) // so that it ends
			t.Fatal("waits for a reader, and nobody replaces the socket")
		}
	})
}

func TestInboxCloseDrains(t *testing.T) {
	q := newInbox()
	q.push([]byte("ab"))
	q.push(nil)
	q.push([]byte("cde"))
	q.close(io.ErrClosedPipe)
	q.close(io.EOF) // the first reason counts
	buf := make([]byte, 4)
	if n, err := q.read(buf); n != 4 || err != nil || string(buf) != "abcd" {
		t.Errorf("read = %q, %v", buf[:n], err)
	}
	if n, err := q.read(buf); n != 1 || err != nil || buf[0] != 'e' {
		t.Errorf("read = %q, %v", buf[:n], err)
	}
	if n, err := q.read(buf); n != 0 || err != io.ErrClosedPipe { //nolint:errorlint // read passes it on as it is
		t.Errorf("read = %d, %v", n, err)
	}
	q.waitBelow(t.Context(), 0) // does not block once closed
}
