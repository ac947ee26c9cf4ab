package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

func TestParseListing(t *testing.T) {
	const id = "8dbe3ce4-9515-4662-b602-a0540dcb04b2"
	for name, tt := range map[string]struct {
		answer string
		want   debuggee
		err    bool
	}{
		"Node.js":         {`[{"id":"` + id + `","title":"main.js","type":"node","url":"file:///app/main.js"}]`, debuggee{ID: id, Title: "main.js", Type: "node", URL: "file:///app/main.js"}, false},
		"without a type":  {`[{"id":"` + id + `"}]`, debuggee{ID: id}, false},
		"a page first":    {`[{"id":"1","type":"page"},{"id":"2","type":"node"}]`, debuggee{ID: "2", Type: "node"}, false},
		"an id to steer":  {`[{"id":"../x?y","type":"node"}]`, debuggee{}, true},
		"nothing to do":   {`[]`, debuggee{}, true},
		"another answer":  {`{"status":"ok"}`, debuggee{}, true},
		"no JSON":         {"SSH-2.0", debuggee{}, true},
		"nothing at all":  {"", debuggee{}, true},
		"an id of no end": {`[{"id":"` + strings.Repeat("a", 65) + `","type":"node"}]`, debuggee{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseListing([]byte(tt.answer))
			if got != tt.want || (err != nil) != tt.err {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// FuzzParseListing has whatever answers in the container not get into an address
// with more than an id.
func FuzzParseListing(f *testing.F) {
	f.Add([]byte(`[{"id":"8dbe3ce4","title":"main.js","type":"node","url":"file:///app/main.js"}]`))
	f.Add([]byte(`[{"id":"a/b","type":"node"},null,{}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parseListing(data)
		if err != nil {
			return
		}
		if d.ID == "" || strings.ContainsAny(d.ID, "/?&#% \x1b\n") {
			t.Errorf("id %q", d.ID)
		}
		if dir := d.directory(); dir != "" && dir[0] != '/' {
			t.Errorf("directory %q", dir)
		}
	})
}

func TestDirectory(t *testing.T) {
	for url, want := range map[string]string{
		"file:///app/main.js":           "/app",
		"file:///app/dist/main.js":      "/app",
		"file:///app/my%20dir/main.js":  "/app/my dir",
		"file:///usr/src/app/server.js": "/usr/src/app",
		"file:///src/main.js":           "/src",
		"file:///main.js":               "/",
		"file://":                       "",
		"node:internal/main":            "",
		"":                              "",
		"%":                             "",
	} {
		if got := (debuggee{URL: url}).directory(); got != want {
			t.Errorf("%s is in %q, want %q", url, got, want)
		}
	}
}

// TestTunnelText wants the entry for launch.json to be whole, and nothing from
// outside to steer the terminal.
func TestTunnelText(t *testing.T) {
	open := openTunnel{
		target: capture.Target{Cluster: "prod", Service: "api", Container: "we\x1bb"}, local: 9300, remote: 9229, inspecting: true,
		debuggee: debuggee{ID: "abc", Title: "main\x1b[2J.js", URL: "file:///app/a\x1b/main.js"},
	}
	var b strings.Builder
	if err := open.write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, part := range []string{"127.0.0.1:9300 leads to port 9229", "&ws=127.0.0.1:9300/abc\n", "chrome://inspect/#devices", "${workspaceFolder}"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("an escape in:\n%q", text)
	}
	var entry launch
	if err := json.Unmarshal([]byte(text[strings.Index(text, "\n  {"):]), &entry); err != nil || entry.Port != 9300 || entry.AutoAttachChildProcesses {
		t.Errorf("entry %+v, %v", entry, err)
	}
	open.inspecting = false
	b.Reset()
	if err := open.write(&b); err != nil || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("of another port it says %q, %v", b.String(), err)
	}
}

const sockets = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:240D 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 4343 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 4444 1 0000000000000000 100 0 0 10 0
`

func TestListening(t *testing.T) {
	got := listening(strings.NewReader(sockets), 9229)
	if len(got) != 1 || got["4242"] != "1000" {
		t.Errorf("got %v", got)
	}
}

func FuzzListening(f *testing.F) {
	f.Add(sockets)
	f.Add("0: :240D : 0A")
	f.Fuzz(func(t *testing.T, text string) { listening(strings.NewReader(text), 9229) })
}

func FuzzParseLsof(f *testing.F) {
	f.Add("p42\ncnode\nf21\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got := parseLsof(text); got != "" && !strings.HasPrefix(got, " by ") {
			t.Errorf("got %q", got)
		}
	})
}

func TestParseLsof(t *testing.T) {
	for out, want := range map[string]string{
		"p42\ncnode\nf21\n":       " by node (pid 42)",
		"p42\ncnode\np43\ncother": " by node (pid 42)",
		"cnode\n":                 "",
		"p42\n":                   "",
		"pxx\ncnode":              "",
		"":                        "",
	} {
		if got := parseLsof(out); got != want {
			t.Errorf("%q gives %q, want %q", out, got, want)
		}
	}
}

func TestHoldingProc(t *testing.T) {
	proc := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, ok := holdingProc(proc, 9229); ok || text != "" {
		t.Errorf("without a table: %q, %t", text, ok)
	}
	write("net/tcp", strings.ReplaceAll(sockets, " 1000 ", " "+strconv.Itoa(os.Getuid()+1)+" "))
	if text, _ := holdingProc(proc, 9229); !strings.Contains(text, "another user") {
		t.Errorf("a process that cannot be seen: %q", text)
	}
	write("77/comm", "node\n")
	if err := os.MkdirAll(filepath.Join(proc, "77", "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("socket:[4242]", filepath.Join(proc, "77", "fd", "3")); err != nil {
		nodetest.Missing(t, "no symbolic links here", err.Error())
	}
	if text, _ := holdingProc(proc, 9229); text != " by node (pid 77)" {
		t.Errorf("got %q", text)
	}
	if text, _ := holdingProc(proc, 9230); text != "" {
		t.Errorf("of a free port: %q", text)
	}
}

func TestListenLocal(t *testing.T) {
	l, err := listenLocal(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr)
	if at.IP.String() != loopback {
		t.Errorf("it listens on %s", at)
	}
	_, err = listenLocal(t.Context(), at.Port)
	var usage *usageError
	if !errors.As(err, &usage) || exitCode(err) != codeUsage || !strings.Contains(usage.hint, "--local-port") {
		t.Errorf("the second time: %v", err)
	}
}

// TestWarnOfOther has another program behind the name localhost.
func TestWarnOfOther(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	u, said := silentUI(t)
	if warnOfOther(t.Context(), u, port); !strings.Contains(said(), "may lead there") {
		t.Errorf("it says %q", said())
	}
	_ = l.Close()
	u, said = silentUI(t)
	if warnOfOther(t.Context(), u, port); said() != "" {
		t.Errorf("of a free port it says %q", said())
	}
}

func TestRelayLine(t *testing.T) {
	r := &relay{}
	r.open.Store(1)
	r.total.Store(7)
	r.in.Store(1_200_000)
	if got, want := r.line("127.0.0.1:9229"), "127.0.0.1:9229: 1 connection open, 7 so far, 1.2 MB in, 0 B out"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
