package activate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// written is an answer as the script writes it.
func written(t testing.TB, answer map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return "Debugger listening on ws://127.0.0.1:1/x\r\n\r\n" + beginMark + base64.StdEncoding.EncodeToString(raw) + endMark + "\r\n"
}

// surveyed is the answer about a container with one healthy process at pid 1.
func surveyed(t testing.TB) string {
	return written(t, map[string]any{
		"v": version, "self": 99, "platform": linux, "ports": []any{},
		"processes": []any{map[string]any{"pid": 1, "start": "77", "caught": true, "exe": "node", "argv0": "node", "script": "app.js", "seen": true}},
	})
}

// step is one expected command and what comes of it.
type step struct {
	node   string // the command begins with it
	output string
	code   int
	err    error
}

// play is a Run that goes through steps.
func play(t *testing.T, steps ...step) Run {
	t.Cleanup(func() {
		if len(steps) > 0 {
			t.Errorf("%d commands were not run", len(steps))
		}
	})
	return func(_ context.Context, command string) (string, int, error) {
		if len(steps) == 0 {
			t.Fatal("one command more than expected")
		}
		s := steps[0]
		steps = steps[1:]
		if node, _, _ := strings.Cut(command, " "); node != s.node {
			t.Errorf("ran %s, want %s", node, s.node)
		}
		return s.output, s.code, s.err
	}
}

func TestOpen(t *testing.T) {
	opened := written(t, map[string]any{"v": version, "signalled": true, "port": 9229, "version": "v24.1.0", "sure": true})
	want := Activation{Process: Process{PID: 1, Title: "node app.js"}, Port: 9229, NodeVersion: "v24.1.0", Opened: true, Sure: true}
	notStarted := step{node: "node", output: "Unable to start command", code: 127}
	tests := map[string][]step{
		"at once":           {{node: "node", output: surveyed(t)}, {node: "node", output: opened}},
		"after lost output": {{node: "node", output: surveyed(t)[:60]}, {node: "node", output: surveyed(t)}, {node: "node"}, {node: "node", output: opened}},
		"not on PATH":       {notStarted, {node: "/opt/node", output: surveyed(t)}, {node: "/opt/node", output: opened}},
		"by a shell": {
			{node: "node", output: "sh: node: not found\r\n"},
			{node: "/opt/node", code: 127},
			{node: "/usr/local/bin/node", output: surveyed(t)},
			{node: "/usr/local/bin/node", output: opened},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Open(t.Context(), play(t, steps...), Options{Nodes: []string{"/opt/node"}})
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
	if text := want.String(); !strings.Contains(text, "SIGUSR1") || !strings.Contains(text, "9229") {
		t.Errorf("String = %q", text)
	}
}

func TestOpenFails(t *testing.T) {
	why := errors.New("access denied")
	node := func(output string) step { return step{node: "node", output: output} }
	signalled := func(text string, sent bool) step {
		return node(written(t, map[string]any{"v": version, "error": text, "signalled": sent}))
	}
	crash := "node:internal/modules/cjs/loader:1228\r\n  throw err;\r\nError: Cannot find module 'dd-trace/init'\r\nNode.js v24.1.0\r\n"
	tests := map[string]struct {
		steps []step
		check func(err error) bool
	}{
		"no permission":  {[]step{{node: "node", err: why}}, func(err error) bool { return errors.Is(err, why) }},
		"preload fails":  {[]step{node(crash), node(crash)}, is[*AnswerError]},
		"script fails":   {[]step{node(written(t, map[string]any{"v": version, "error": "no"})), node(written(t, map[string]any{"v": version, "error": "no"}))}, is[*AnswerError]},
		"other system":   {[]step{node(written(t, map[string]any{"v": version, "platform": "win32"}))}, reason(ReasonPlatform)},
		"silent":         {[]step{node(surveyed(t)), signalled("silent", true)}, func(err error) bool { return is[*SilentError](err) && strings.Contains(err.Error(), "10s") }},
		"ended":          {[]step{node(surveyed(t)), signalled("ended", true)}, func(err error) bool { return is[*SilentError](err) && strings.Contains(err.Error(), "ended") }},
		"lost meanwhile": {[]step{node(surveyed(t)), {node: "node", err: why}}, func(err error) bool { return is[*SilentError](err) && errors.Is(err, why) }},
		"not permitted":  {[]step{node(surveyed(t)), signalled("EPERM", false)}, reason(ReasonDenied)},
		"gone":           {[]step{node(surveyed(t)), signalled("gone", false)}, reason(ReasonChanged)},
		"no node": {[]step{
			{node: "node", code: 127}, {node: "/usr/local/bin/node", code: 127}, {node: "/nodejs/bin/node", code: 127}, {node: "/usr/bin/node", code: 127},
		}, is[*NoNodeError]},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), play(t, tt.steps...), Options{})
			if err == nil || !tt.check(err) {
				t.Errorf("got %v", err)
			}
			var hinting interface{ Hint() string }
			if errors.Is(err, why) == errors.As(err, &hinting) && !is[*SilentError](err) {
				t.Errorf("%v: hint present = %t", err, errors.As(err, &hinting))
			}
		})
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func reason(want Reason) func(error) bool {
	return func(err error) bool {
		refused, ok := errors.AsType[*RefusedError](err)
		return ok && refused.Reason == want
	}
}

// TestErrorsHint has every error say something, and every hint another thing.
func TestErrorsHint(t *testing.T) {
	p := Process{PID: 7, Parent: 1, Title: "node app.js"}
	all := []interface {
		error
		Hint() string
	}{
		&NoNodeError{Tried: []string{"node"}, Err: errors.New("x")}, &NoProcessError{}, &NoProcessError{PID: 3, Processes: []Process{p}},
		&AmbiguousError{Processes: []Process{p, p}}, &SilentError{Process: p, Waited: time.Second}, &SilentError{Process: p, Err: errors.New("x")},
		&AnswerError{Output: "x", Err: errors.New("y")}, &NotEnabledError{Err: errors.New("x")},
	}
	for _, r := range []Reason{
		ReasonPlatform, ReasonDisabled, ReasonOption, ReasonHandler, ReasonPortTaken, ReasonStopped, ReasonChanged, ReasonDenied,
	} {
		all = append(all, &RefusedError{Process: p, Reason: r, Detail: "detail"})
	}
	var texts []string
	for _, err := range all {
		if err.Hint() == "" || strings.HasSuffix(err.Error(), ": ") {
			t.Errorf("%T %+v: %q, hint %q", err, err, err.Error(), err.Hint())
		}
		if slices.Contains(texts, err.Error()) {
			t.Errorf("%q is said of two errors", err.Error())
		}
		texts = append(texts, err.Error())
	}
	if text := (&AmbiguousError{Processes: []Process{p}}).Error(); !strings.Contains(text, "7 (node app.js, child of 1)") {
		t.Errorf("Error = %q", text)
	}
}

func TestParse(t *testing.T) {
	good := surveyed(t)
	var s survey
	broken := strings.ReplaceAll(good, "I", "I\r\n") // as a narrow terminal might
	for name, output := range map[string]string{"good": good, "broken lines": broken, "twice": beginMark + "x" + endMark + good} {
		s = survey{}
		if err := parse(output, &s); err != nil || s.Self != 99 || len(s.Processes) != 1 || s.Processes[0].Start != "77" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	for name, output := range map[string]string{
		"nothing": "", "no end": beginMark + "eyJ2IjoxfQ==", "no base64": beginMark + "!" + endMark, "no JSON": beginMark + "eA==" + endMark,
		"other version": written(t, map[string]any{"v": 2}), "wrong types": written(t, map[string]any{"v": 1, "processes": 3}),
		"echo of the command": command("node", question{Port: 1}),
	} {
		if err := parse(output, &s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(surveyed(f))
	f.Add(written(f, map[string]any{"v": version, "signalled": true, "port": 9229}))
	f.Add(beginMark + endMark)
	f.Fuzz(func(t *testing.T, output string) {
		// A container may answer what it likes: nothing of it may panic or hang.
		var s survey
		if parse(output, &s) == nil {
			if p, err := choose(s, 0); err == nil {
				s.open(p, DefaultPort)
				_ = s.obstacle(p, false)
			} else {
				_ = err.Error()
			}
		}
		var r reply
		_ = parse(output, &r)
		if text := tail(output); len([]rune(text)) > tailLength+1 || strings.ContainsAny(text, "\x1b\r\n\x00") {
			t.Errorf("tail %q", text)
		}
	})
}

func TestTail(t *testing.T) {
	if got := tail("\x1b[31mred\x1b[0m\r\n  text\x07\x00 "); got != "[31mred[0m text" {
		t.Errorf("got %q", got)
	}
	if got := tail(strings.Repeat("ä", 1000)); len([]rune(got)) != tailLength+1 || !strings.HasPrefix(got, "…") {
		t.Errorf("got %d characters", len([]rune(got)))
	}
}

func TestParseClosing(t *testing.T) {
	got, err := ParseClosing(`{"closing":false,"others":2,"why":"busy"}`)
	if want := (Closing{Others: 2, Why: "busy"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseClosing("undefined"); err == nil {
		t.Error("no error")
	}
}

func TestNodePaths(t *testing.T) {
	got := NodePaths([]string{"/usr/bin/dumb-init", "--", "/opt/node/bin/node"}, nil, []string{"sh", "-c", "exec /srv/nodejs app.js && /opt/node/bin/node x"}, []string{"node", "/app/node/main.js"})
	if want := []string{"/opt/node/bin/node", "/srv/nodejs"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := nodes([]string{"/a b/node", "/x;y/node", "/usr/bin/node", "/ok/node"}); !slices.Equal(got, []string{"node", "/usr/bin/node", "/ok/node", "/usr/local/bin/node", "/nodejs/bin/node"}) {
		t.Errorf("nodes = %q", got)
	}
}

// TestCommandIsPlain has nothing in a command line that anybody between here and
// the container takes for something else: a shell, shlex, or the {{ }} of an SSM
// document.
func TestCommandIsPlain(t *testing.T) {
	line := command("node", question{Port: 65535, PID: 4194304, Start: "18446744073709551615", Wait: 60000})
	if strings.Count(line, "'") != 2 || strings.ContainsAny(line, "\\\n\r\t$`{}<>|&;*?!#~") {
		t.Errorf("command %s", line)
	}
	const most = 8 << 10 // AWS names no limit for a command, so there is only prudence to go by
	if len(line) > most {
		t.Errorf("the command has %d bytes, more than %d", len(line), most)
	}
	if text := bare("// a\n\n  b // c\n\t// d\ne\n"); text != "b // c\ne\n" {
		t.Errorf("bare = %q", text)
	}
}
