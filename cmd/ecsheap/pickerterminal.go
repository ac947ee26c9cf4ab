package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Control sequences (ctlseqs.txt of xterm): all terminals know them that are not dumb.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseLine  = "\x1b[K" // from the cursor on
	eraseBelow = "\x1b[J"
	reverse    = "7"
)

// resizeCheck is how often the size of the terminal is looked at.
const resizeCheck = 200 * time.Millisecond

// unchosenError means that whoever was asked left without an answer.
type unchosenError struct{}

func (e *unchosenError) Error() string { return "nothing was chosen" }

// Hint says how to do without the question.
func (e *unchosenError) Hint() string {
	return "--task, --container or --pick choose without a question"
}

// picks tells whether a list can be shown and answered.
func (u *ui) picks() bool { return u.prompt && u.live }

// pick shows the list until one row of it is chosen, and returns its number. The
// terminal is as it was when it returns, whatever the reason. Errors:
// [*unchosenError], the cause of ctx, or what the terminal says.
func (u *ui) pick(ctx context.Context, p *picker) (int, error) {
	fd := int(u.in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return 0, fmt.Errorf("preparing the terminal: %w", err)
	}
	s := &pickScreen{u: u}
	defer func() { // also when we panic
		s.erase()
		_ = term.Restore(fd, before) // it worked before; there is nothing else to do
	}()
	// Interrupt, terminate and hang-up cancel ctx. This one would leave the terminal raw.
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	defer signal.Stop(quit)
	keys := newKeyboard(u.in)
	defer keys.close()

	resized := time.NewTicker(resizeCheck)
	defer resized.Stop()
	s.draw(p)
	for {
		var pressed []key
		read := false
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case sig := <-quit:
			return 0, &interruptedError{signal: sig}
		case <-resized.C:
			if !s.resized() {
				continue
			}
		case in := <-keys.got:
			if in.err != nil {
				return 0, &unchosenError{} // the window is gone
			}
			pressed, read = keys.take(in.bytes), true
		case <-keys.alone:
			pressed = keys.takeRest()
		}
		done, err := p.feed(pressed)
		if err != nil || done {
			return p.chosen(), err
		}
		if read {
			keys.more()
		}
		s.draw(p)
	}
}

// feed handles keys. It is done when one of them chooses a row.
func (p *picker) feed(keys []key) (done bool, err error) {
	for _, k := range keys {
		switch {
		case k == keyEscape, k == keyInterrupt:
			return false, &unchosenError{}
		case k != keyEnter:
			p.press(k)
		case p.chosen() >= 0:
			return true, nil
		}
	}
	return false, nil
}

// pickScreen draws below what the terminal shows, and takes all of it away again.
type pickScreen struct {
	u              *ui
	columns, lines int
	drawn          []string
}

func (s *pickScreen) resized() bool {
	columns, lines := s.u.size()
	return columns != s.columns || lines != s.lines
}

// home goes back to the first line that was drawn. A terminal that has become
// narrower since has wrapped them.
func (s *pickScreen) home() string {
	if len(s.drawn) == 0 {
		return ""
	}
	columns, _ := s.u.size()
	up := -1
	for _, line := range s.drawn {
		up += 1 + max(displayWidth(plain(line))-1, 0)/max(columns, 1)
	}
	if up == 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", up)
}

func (s *pickScreen) draw(p *picker) {
	var b strings.Builder
	b.WriteString(hideCursor + s.home())
	s.columns, s.lines = s.u.size()
	s.drawn = p.lines(s.columns, s.lines, s.u.paint)
	for i, line := range s.drawn {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line + eraseLine)
	}
	b.WriteString(eraseBelow)
	s.u.ops <- []byte(b.String())
}

// erase takes the list away and waits until it is gone.
func (s *pickScreen) erase() {
	s.u.ops <- []byte(s.home() + eraseBelow + showCursor)
	s.drawn = nil
	s.u.flush()
}

// plain is text without its colours.
func plain(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(after, "m")
	}
}
