package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ecsheap/ecsheap/ecs"
)

// manyTasks are 250 tasks of two services.
func manyTasks(now time.Time) []ecs.Task {
	tasks := make([]ecs.Task, 250)
	for i := range tasks {
		service := "api"
		if i%5 == 4 {
			service = "checkout-service-with-a-long-name"
		}
		tasks[i] = ecs.Task{
			Target: ecs.Target{
				Cluster: "prod", Service: service, Container: "app", LaunchType: "FARGATE", StartedAt: now.Add(-time.Duration(i) * time.Hour),
				TaskARN: fmt.Sprintf("arn:aws:ecs:eu-west-1:111122223333:task/prod/%08x%024x", i*7919, i),
			},
			Revision: 12, Status: "RUNNING", Health: "HEALTHY", Zone: "eu-west-1a", MemoryLimit: 2048 << 20,
			Memory:     &ecs.Usage{Share: 0.5, Bytes: 1024 << 20},
			Containers: []ecs.TaskContainer{{Name: "app", ExecAgent: "RUNNING", Defined: true}},
		}
	}
	return tasks
}

func noPaint(_, text string) string { return text }

// TestPickerDraws: no line wraps and the cursor is always seen, at all sizes.
func TestPickerDraws(t *testing.T) {
	now := time.Now()
	for _, columns := range []int{1, 10, 20, 39, 40, 41, 60, 80, 100, 120, 200, 300} {
		for _, lines := range []int{1, 2, 3, 4, 5, 10, 24, 60} {
			p := taskPicker(manyTasks(now), now)
			for _, k := range []key{keyDown, keyEnd, keyPageUp, keyHome, keyPageDown, keyUp} {
				p.press(k)
				drawn := p.lines(columns, lines, noPaint)
				if len(drawn) > max(lines, 2) {
					t.Fatalf("%dx%d: %d lines", columns, lines, len(drawn))
				}
				marked := 0
				for _, line := range drawn {
					if displayWidth(line) >= max(columns, 2) {
						t.Fatalf("%dx%d: %d columns: %q", columns, lines, displayWidth(line), line)
					}
					if strings.HasPrefix(line, ">") {
						marked++
					}
				}
				if columns > len(pickMark) && marked != 1 {
					t.Fatalf("%dx%d: %d rows are marked:\n%s", columns, lines, marked, strings.Join(drawn, "\n"))
				}
			}
		}
	}
}

// TestPickerColumns: what helps most to choose stays longest.
func TestPickerColumns(t *testing.T) {
	now := time.Now()
	for columns, want := range map[int]string{
		40:  "TASK AGE MEMORY EXEC",
		60:  "TASK AGE REV MEMORY EXEC SERVICE",
		80:  "TASK AGE REV MEMORY HEALTH EXEC ZONE SERVICE",
		200: "TASK AGE REV MEMORY HEALTH EXEC ZONE SERVICE",
	} {
		drawn := taskPicker(manyTasks(now), now).lines(columns, 24, noPaint)
		if got := strings.Join(strings.Fields(drawn[2]), " "); got != want {
			t.Errorf("%d columns: %s, want %s", columns, got, want)
		}
	}
	drawn := taskPicker(manyTasks(now), now).lines(120, 24, noPaint)
	if row := strings.Join(strings.Fields(drawn[5]), " "); row != "00003dde 2h 12 1.1/2.1 GB ok yes a api" {
		t.Errorf("row %q", row)
	}
}

func TestPickerFilters(t *testing.T) {
	now := time.Now()
	p := taskPicker(manyTasks(now), now)
	typed := func(text string) {
		for _, r := range text {
			p.press(key(r))
		}
	}
	p.press(keyEnd)
	typed("CHECKOUT")
	if len(p.shown) != 50 || p.chosen() != 249 { // it stays on its row
		t.Errorf("%d rows, on %d", len(p.shown), p.chosen())
	}
	typed(" 00007bb")
	if len(p.shown) != 1 || p.chosen() != 4 {
		t.Errorf("%d rows, on %d", len(p.shown), p.chosen())
	}
	typed("x")
	if done, err := p.feed([]key{keyEnter}); done || err != nil || p.chosen() != -1 {
		t.Errorf("chose %d of nothing: %t, %v", p.chosen(), done, err)
	}
	p.lines(80, 24, noPaint)
	p.press(keyBackspace)
	if done, err := p.feed([]key{keyEnter}); !done || err != nil || p.chosen() != 4 {
		t.Errorf("chose %d: %t, %v", p.chosen(), done, err)
	}
	p.press(keyClear)
	if len(p.shown) != 250 || p.chosen() != 4 {
		t.Errorf("%d rows, on %d", len(p.shown), p.chosen())
	}
	for _, k := range []key{keyEscape, keyInterrupt} {
		if _, err := p.feed([]key{k}); err == nil || exitCode(err) != codeInterrupted {
			t.Errorf("key %d: %v", k, err)
		}
	}
}

// TestPickerHarmless: names from outside do not steer the terminal.
func TestPickerHarmless(t *testing.T) {
	p := &picker{title: "Which?", columns: []pickColumn{{title: "NAME"}}}
	p.add("", "a\x1b[2Jb\u202e")
	if text := strings.Join(p.lines(80, 24, noPaint), ""); strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("drawn %q", text)
	}
}

func TestShortIDs(t *testing.T) {
	task := func(id string) ecs.Task {
		return ecs.Task{Target: ecs.Target{TaskARN: "arn:aws:ecs:eu-west-1:1:task/prod/" + id}}
	}
	same := strings.Repeat("0", 24)
	got := shortIDs([]ecs.Task{task("0123456789" + same), task("0123456780" + same), task("ffff0000-89ab-cdef-0123-456789abcdef")})
	if want := "0123456789 0123456780 ffff0000-8"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if got := shortIDs([]ecs.Task{task("ffff0000-89ab-cdef-0123-456789abcdef")}); got[0] != "ffff0000" {
		t.Errorf("%v", got)
	}
}

func TestReadKey(t *testing.T) {
	tests := map[string][]key{
		"a":                         {'a'},
		"é€":                        {'é', '€'},
		"\r":                        {keyEnter},
		"\x1b[A\x1bOB":              {keyUp, keyDown},
		"\x1b[5~\x1b[6~":            {keyPageUp, keyPageDown},
		"\x1b[H\x1b[4~":             {keyHome, keyEnd},
		"\x1b[1;5Ax":                {keyOther, 'x'},
		"\x1bx":                     {keyOther},
		"\x1b\x1b[A":                {keyEscape, keyUp},
		"\x03\x7f\x15":              {keyInterrupt, keyBackspace, keyClear},
		"\xff\x01":                  {keyOther, keyOther},
		"\x1b":                      nil, // more may come
		"\x1b[":                     nil,
		"\xe2\x82":                  nil,
		"\x1b[200~\x1b[" + "999999": {keyOther},
	}
	for text, want := range tests {
		k := &keyboard{}
		if got := k.take([]byte(text)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	k := &keyboard{}
	k.take([]byte("\x1b"))
	if got := k.takeRest(); len(got) != 1 || got[0] != keyEscape {
		t.Errorf("escape alone: %v", got)
	}
}

func FuzzReadKey(f *testing.F) {
	for _, s := range []string{"a", "\x1b[A", "\x1bOB", "\x1b[1;5A", "é", "\x1b\x1b", "\x1b[<0;1;1M"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, n := readKey(b)
		if n < 0 || n > len(b) {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		if n == 0 && len(b) >= maxSequence {
			t.Fatalf("waits for more after %q", b)
		}
		if k > utf8.MaxRune+100 || k < 0 {
			t.Fatalf("key %d", k)
		}
	})
}
