package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// errFinished ends a crew whose work is done.
var errFinished = errors.New("finished")

// crew is goroutines that end together, with the first that returns an error. A
// panic in one of them is such an error, so that what stands below them is
// cleaned up: a session at AWS.
type crew struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  []chan struct{}
}

func newCrew(ctx context.Context) *crew {
	ctx, cancel := context.WithCancelCause(ctx)
	return &crew{ctx: ctx, cancel: cancel}
}

// start begins a goroutine. Only the goroutine that calls wait may call it.
func (c *crew) start(f func(context.Context) error) {
	ended := make(chan struct{})
	c.ended = append(c.ended, ended)
	go func() {
		defer close(ended)
		defer func() {
			if r := recover(); r != nil {
				c.cancel(newPanicError(r))
			}
		}()
		if err := f(c.ctx); err != nil {
			c.cancel(err)
		}
	}()
}

// wait waits until all have ended. It returns why: nil for errFinished.
func (c *crew) wait() error {
	for _, ended := range c.ended {
		<-ended
	}
	err := context.Cause(c.ctx)
	c.cancel(nil)
	if errors.Is(err, errFinished) {
		return nil
	}
	return err
}

// parentEvery is how often a tunnel looks whether the process that started it is
// still there: a forgotten tunnel is a door to production.
const parentEvery = time.Second

// watchParent returns when the process that started this one has ended, also before
// the call: a terminal or a script that was killed has no time for a signal. Like SIGHUP
// this does not count for who was started with nohup, and an init process does
// not end. Systems that never give a child another parent notice nothing.
func watchParent(ctx context.Context, parent int) error {
	if parent <= 1 || signal.Ignored(syscall.SIGHUP) {
		return nil
	}
	ticker := time.NewTicker(parentEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if os.Getppid() != parent {
				return &interruptedError{signal: parentEnded{}}
			}
		}
	}
}

// parentEnded is the end of the process that started this one, in place of the
// signal that a terminal sends then.
type parentEnded struct{}

// Signal makes it an os.Signal.
func (parentEnded) Signal() {}

func (parentEnded) String() string { return "the process that started ecsheap has ended" }
