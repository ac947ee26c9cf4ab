package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// redrawEvery is how often the live line changes: often enough to look alive,
// seldom enough to read.
const redrawEvery = 200 * time.Millisecond

// ui is the terminal. Data goes to stdout; all talk goes to stderr: one line
// for each step, in lower case and without a full stop, and on a terminal one
// live line below them. One goroutine writes to stderr.
type ui struct {
	out, err  io.Writer
	in        *os.File
	live      bool // stderr shows a live line
	prompt    bool // stdin and stderr are terminals: a question may be asked
	colorErr  bool
	colorOut  bool
	jsonError bool // the last line on stderr is a JSON object

	width   func() int
	size    func() (columns, lines int)
	ops     chan any // string: print a line; []byte: print as it is; func() string: the live line from now on; chan: flush; nil: end
	stopped chan struct{}
}

func newUI(std streams) *ui {
	errTTY := term.IsTerminal(int(std.err.Fd()))
	dumb := os.Getenv("TERM") == "dumb"
	color := os.Getenv("NO_COLOR") == "" && !dumb
	u := &ui{
		in: std.in, out: std.out, err: std.err,
		live:     errTTY && !dumb,
		prompt:   errTTY && term.IsTerminal(int(std.in.Fd())),
		colorErr: color && errTTY,
		colorOut: color && term.IsTerminal(int(std.out.Fd())),
		size: func() (columns, lines int) {
			if w, h, err := term.GetSize(int(std.err.Fd())); err == nil && w > 0 && h > 0 {
				return w, h
			}
			return 80, 24
		},
		ops: make(chan any, 16), stopped: make(chan struct{}),
	}
	u.width = func() int { columns, _ := u.size(); return columns }
	go u.draw()
	return u
}

// draw owns stderr until close.
func (u *ui) draw() {
	defer close(u.stopped)
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	var status func() string
	shown := false
	erase := func() {
		if shown {
			fmt.Fprint(u.err, "\r\x1b[K")
		}
		shown = false
	}
	for {
		select {
		case op := <-u.ops:
			erase()
			switch op := op.(type) {
			case nil:
				return
			case string:
				fmt.Fprintln(u.err, op)
			case []byte:
				_, _ = u.err.Write(op)
			case func() string:
				status = op
			case chan struct{}:
				close(op)
				continue // the live line stays away until the next tick
			}
		case <-ticker.C:
		}
		if text := ""; u.live && status != nil {
			if text = status(); text != "" {
				fmt.Fprint(u.err, "\r\x1b[K", clip(text, u.width()-1))
				shown = true
			}
		}
	}
}

// clip shortens printable text to a number of columns: first by what stands
// behind commas, which says least, so that numbers are cut last.
func clip(text string, columns int) string {
	if columns < 1 {
		return ""
	}
	for displayWidth(text) > columns {
		comma := strings.LastIndex(text, ", ")
		if comma < 0 {
			return fit(text, columns)
		}
		text = text[:comma]
	}
	return text
}

// line is a line of talk under a label in colour. All talk passes through here,
// so that names and messages from outside cannot steer the terminal.
func (u *ui) line(color, label, text string) string {
	return "ecsheap: " + u.paint(color, label) + printable(text)
}

// step tells that something was done or has begun.
func (u *ui) step(format string, args ...any) { u.ops <- u.line("", "", fmt.Sprintf(format, args...)) }

// warn tells of something that does not stop the command.
func (u *ui) warn(text, hint string) {
	u.ops <- u.line(yellow, "warning: ", text)
	if hint != "" {
		u.ops <- u.line("", "hint: ", hint)
	}
}

// status sets the live line; nil removes it. f is called several times a
// second by the goroutine that draws.
func (u *ui) status(f func() string) { u.ops <- f }

// flush waits until everything is written and takes the live line away, so
// that data on stdout stands in its place on a terminal.
func (u *ui) flush() {
	done := make(chan struct{})
	u.ops <- done
	<-done
}

// close removes the live line and waits until everything is written.
func (u *ui) close() {
	u.ops <- nil
	<-u.stopped
}

// json writes v to stdout as one indented object.
func (u *ui) json(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := u.out.Write(printableJSON(b.Bytes()))
	return err
}

// ANSI colours, the eight that every theme defines.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

// paint colours text for stderr.
func (u *ui) paint(color, text string) string { return paint(u.colorErr, color, text) }

// paintOut colours text for stdout.
func (u *ui) paintOut(color, text string) string { return paint(u.colorOut, color, text) }

func paint(on bool, color, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// bytesText prints a size for people: decimal units, as DevTools and AWS do.
func bytesText(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/unit, "kMGT"
	for value >= unit && len(units) > 1 {
		value /= unit
		units = units[1:]
	}
	return fmt.Sprintf("%.1f %cB", value, units[0])
}

// durationText prints a duration for people, to a tenth of a second below a minute.
func durationText(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// plural prints a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
