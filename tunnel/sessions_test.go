package tunnel

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// startSession starts a session that nobody connects to.
func (w *world) startSession(t *testing.T, reason string) string {
	t.Helper()
	out, err := startSession(t.Context(), w.client, Config{Target: w.target, Port: 9229, Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.SessionId)
}

func TestNoThirdSession(t *testing.T) {
	t.Parallel() // it waits
	w := newWorld(t, fakeaws.Config{}, echo)
	w.startSession(t, "somebody's")
	w.startSession(t, "somebody else's")
	_, err := Open(t.Context(), w.client, Config{Target: w.target, Port: 9229})
	var busy *BusyError
	if !errors.As(err, &busy) || len(busy.Sessions) != 2 || !strings.Contains(err.Error(), "(somebody's)") {
		t.Errorf("Open: %v", err)
	}
	if n := len(w.Sessions()); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
}

// TestRoomBecomesFree opens a tunnel beside a session that is just about to end.
func TestRoomBecomesFree(t *testing.T) {
	t.Parallel() // it waits
	w := newWorld(t, fakeaws.Config{}, echo)
	first := w.startSession(t, "")
	w.startSession(t, "")
	ended := make(chan error, 1)
	time.AfterFunc(lookPause/2, func() { ended <- terminate(context.Background(), w.client, first) })
	w.open(t)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestOpenWithoutListing opens a tunnel for somebody who may not list sessions.
func TestOpenWithoutListing(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	w.Fault(fakeaws.Fault{Operation: "ssm.DescribeSessions", Code: "AccessDeniedException", Message: "no"})
	w.open(t)
}

// TestCrowded has three sessions that were started before any could see the
// others: the youngest steps back, and no other.
func TestCrowded(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	for i := range 3 {
		tun := &Tunnel{client: w.client, cfg: Config{Target: w.target}, sessionID: w.startSession(t, ""), log: silent.log}
		err := tun.crowded(t.Context())
		var busy *BusyError
		if stepsBack := errors.As(err, &busy); stepsBack != (i == 2) {
			t.Errorf("session %d: %v", i, err)
		}
	}
}

// as is the caller of EndAbandoned, with the number of times that it was asked for.
func as(arn string) (owner func(context.Context) (string, error), asked *int) {
	asked = new(int)
	return func(context.Context) (string, error) { *asked++; return arn, nil }, asked
}

func TestEndAbandoned(t *testing.T) {
	t.Parallel() // it waits for the list
	w := newWorld(t, fakeaws.Config{}, echo)
	w.ListLate(lookPause / 2)
	dead, live := w.startSession(t, "ecsheap on a, pid 1"), w.startSession(t, "ecsheap on a, pid 2")
	abandoned := func(reason string) bool { return strings.HasSuffix(reason, "pid 1") }
	for _, other := range []string{"", "arn:aws:iam::111122223333:user/colleague"} {
		owner, _ := as(other)
		if ended, err := EndAbandoned(t.Context(), w.client, w.target, owner, abandoned); err != nil || len(ended) > 0 {
			t.Errorf("as %q: ended %v, %v", other, ended, err)
		}
	}
	owner, asked := as(w.Sessions()[0].Owner)
	ended, err := EndAbandoned(t.Context(), w.client, w.target, owner, abandoned)
	if err != nil || len(ended) != 1 || ended[0].ID != dead {
		t.Errorf("ended %v, %v", ended, err)
	}
	for _, s := range w.Sessions() {
		if s.EndedAt.IsZero() != (s.ID == live) {
			t.Errorf("session %s (%s) ended at %s", s.ID, s.Reason, s.EndedAt)
		}
	}
	if left, err := Active(t.Context(), w.client, w.target); err != nil || len(left) != 1 {
		t.Errorf("listed afterwards: %v, %v", left, err)
	}
	if ended, err := EndAbandoned(t.Context(), w.client, w.target, owner, abandoned); err != nil || len(ended) > 0 || *asked != 1 {
		t.Errorf("once more it ended %v, %v; asked %d times who the caller is", ended, err, *asked)
	}
}

// TestEndAbandonedLate has a list that still shows a session which its process ended in
// order, just before it ended itself.
func TestEndAbandonedLate(t *testing.T) {
	t.Parallel() // it waits for the list
	w := newWorld(t, fakeaws.Config{}, echo)
	w.ListLate(lookPause / 2)
	if err := terminate(t.Context(), w.client, w.startSession(t, "ecsheap on a, pid 1")); err != nil {
		t.Fatal(err)
	}
	if listed, err := Active(t.Context(), w.client, w.target); err != nil || len(listed) != 1 {
		t.Fatalf("listed: %v, %v", listed, err)
	}
	owner, asked := as(w.Sessions()[0].Owner)
	ended, err := EndAbandoned(t.Context(), w.client, w.target, owner, func(string) bool { return true })
	if err != nil || len(ended) > 0 || *asked > 0 {
		t.Errorf("ended %v, %v; asked %d times who the caller is", ended, err, *asked)
	}
}

func TestEndAbandonedDenied(t *testing.T) {
	t.Parallel() // it waits for the list
	w := newWorld(t, fakeaws.Config{}, echo)
	w.startSession(t, "")
	all := func(string) bool { return true }
	nobody := errors.New("no caller")
	if ended, err := EndAbandoned(t.Context(), w.client, w.target, func(context.Context) (string, error) { return "", nobody }, all); len(ended) > 0 || !errors.Is(err, nobody) {
		t.Errorf("without a caller it ended %v, %v", ended, err)
	}
	w.Fault(fakeaws.Fault{Operation: "ssm.TerminateSession", Code: "AccessDeniedException", Message: "no"})
	owner, _ := as(w.Sessions()[0].Owner)
	ended, err := EndAbandoned(t.Context(), w.client, w.target, owner, all)
	var open *OpenSessionError
	if len(ended) > 0 || !errors.As(err, &open) {
		t.Errorf("ended %v, %v", ended, err)
	}
}
