package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/tunnel"
)

// TestStillHeld: a lost connection is not a lost series, and says until when.
func TestStillHeld(t *testing.T) {
	until := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for held, errs := range map[bool][]error{
		true: {&cdp.LostError{Err: errCut}, &cdp.NoInspectorError{Err: errCut}, &dialError{errCut}, &tunnel.NotConnectedError{Target: "ecs:x"}},
		false: {
			nil, errCut, &goneError{why: "restarted", err: &cdp.LostError{Err: errCut}}, &unfetchedError{err: &cdp.LostError{Err: errCut}},
			&taskStoppedError{err: &cdp.LostError{Err: errCut}}, &capture.PartialError{Err: &cdp.LostError{Err: errCut}},
		},
	} {
		for _, err := range errs {
			got := stillHeld(err, until)
			if held == (got == err) { //nolint:errorlint // it must be the same
				t.Errorf("%v becomes %v", err, got)
			}
			if held && (!strings.Contains(hintOf(got), localTime(until)) || exitCode(got) != exitCode(err) || errorText(got) != errorText(err)) {
				t.Errorf("%v: %v, hint %s", err, got, hintOf(got))
			}
		}
	}
}

func TestMaybeBegun(t *testing.T) {
	d := capture.Detached{Count: 3, Due: time.Now().Add(time.Hour), Deadline: time.Now().Add(25 * time.Hour)}
	err := fmt.Errorf("x: %w", &maybeBegunError{detached: d, resume: []string{"ecsheap", "snapshot", "--resume", "my dir"}, err: &cdp.LostError{Err: errCut}})
	if exitCode(err) != codeLost {
		t.Errorf("exit code %d", exitCode(err))
	}
	for _, want := range []string{"up to 3 snapshots until " + localTime(d.Deadline), "`ecsheap snapshot --resume 'my dir'` after " + localTime(d.Due), "removes itself after a minute"} {
		if !strings.Contains(hintOf(err), want) {
			t.Errorf("no %q in %s", want, hintOf(err))
		}
	}
}
