package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// fileCommands are the command lines that read a snapshot, with FILE in its place.
func fileCommands() [][]string {
	return [][]string{
		{"summary", "FILE"},
		{"summary", "--output", "json", "FILE"},
		{"summary", "--between", "FILE,FILE", "FILE"},
		{"diff", "FILE", "FILE"},
		{"inspect", "--id", "1", "FILE"},
		{"inspect", "--class", "Object", "--output", "json", "FILE"},
		{"export", "FILE"},
		{"redact", "--overwrite", "FILE", "OUT"},
		{"analyze", "FILE"},
		{"analyze", "--output", "json", "FILE", "FILE", "FILE"},
	}
}

// answer is what a command line comes to.
type answer struct {
	code           int
	err            error
	stdout, stderr string
}

// answerOf runs a command line in this process, in a directory of its own: FILE is the
// file, OUT a new one beside it.
func answerOf(t testing.TB, dir string, args []string) answer {
	t.Helper()
	open := func(name string) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	std := streams{in: open("stdin"), out: open("stdout"), err: open("stderr")}
	words := []string{"ecsheap"}
	for _, arg := range args {
		arg = strings.ReplaceAll(arg, "FILE", filepath.Join(dir, "file"))
		words = append(words, strings.ReplaceAll(arg, "OUT", filepath.Join(dir, "out")))
	}
	u := newUI(std)
	err := runApp(context.Background(), u, words)
	u.close()
	a := answer{code: u.exit(err), err: err}
	for _, f := range []*os.File{std.in, std.out, std.err} {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]*string{"stdout": &a.stdout, "stderr": &a.stderr} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		*to = string(b)
	}
	return a
}

// checkManners says what is wrong with the way a command answers, "" for nothing: one line
// and a hint, no half of an answer, no file left behind.
func checkManners(dir string, a answer) string {
	if isAs[*panicError](a.err) {
		return "panics"
	}
	if a.code == codeOK {
		return ""
	}
	if a.code != codeUnexpected && a.code != codeUsage && a.code != codeNotFound {
		return fmt.Sprintf("exits with %d", a.code)
	}
	var lines []string
	for line := range strings.Lines(a.stderr) {
		if !strings.HasPrefix(line, "{") { // of --output json
			lines = append(lines, line)
		}
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "ecsheap: error: ") || !strings.HasPrefix(lines[1], "ecsheap: hint: ") {
		return "says something else than an error and a hint"
	}
	if a.stdout != "" {
		return "has printed something before the error"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		switch e.Name() {
		case "file", "stdin", "stdout", "stderr":
		default:
			return "has left " + e.Name()
		}
	}
	return ""
}

func compressed(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if name == "gzip" {
		w := gzip.NewWriter(&out)
		_, _ = w.Write(b) // to memory
		_ = w.Close()
		return out.Bytes()
	}
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// badFiles are files that are no whole snapshots.
func badFiles(t testing.TB) map[string][]byte {
	t.Helper()
	good := leakingService([]int{0, 1}).Bytes(t)
	text := string(good)
	files := map[string][]byte{
		"empty": nil, "text": []byte("just a text\n"), "space": []byte(" \n"), "list": []byte("[1,2]"), "object": []byte("{}"),
		"package.json": []byte(`{"name":"x","version":"1"}`), "manifest": []byte(`{"schema":1,"snapshots":[]}`),
		"zeros": make([]byte, 100), "binary": []byte("\x7fELF\x02\x01\x01\x00\xff\xfe"), "UTF-16": []byte("\xff\xfe{\x00\"\x00"),
		"CPU profile": []byte(`{"nodes":[{"id":1,"callFrame":{}}],"samples":[1]}`), "heap profile": []byte(`{"head":{"callFrame":{},"children":[]},"samples":[]}`),
		"gzip of nothing": compressed(t, "gzip", nil), "gzip of text": compressed(t, "gzip", []byte("just a text")),
		"gzip of junk": []byte("\x1f\x8bjunk and more of it"), "cut gzip": compressed(t, "gzip", good)[:200], "zstd of text": compressed(t, "zstd", []byte("text")),
		"zstd of junk": []byte("\x28\xb5\x2f\xfdjunk and more of it"), "cut zstd": compressed(t, "zstd", good)[:200],
		"twice": append(bytes.Clone(good), good...), "deep": bytes.Repeat([]byte(`{"a":`), 1<<16), "lists": bytes.Repeat([]byte("["), 1<<20),
		"long key": []byte(`{"` + strings.Repeat("k", 1<<20)), "long header": []byte(`{"snapshot":{"meta":"` + strings.Repeat("m", 2<<20) + `"}}`),
		"other fields": []byte(strings.Replace(text, `"self_size"`, `"size"`, 1)), "other types": []byte(strings.Replace(text, `[["hidden"`, `["hidden",["hidden"`, 1)),
		"no types": []byte(strings.Replace(text, `"node_types":[`, `"node_kinds":[`, 1)), "many nodes": []byte(strings.Replace(text, `"node_count":`, `"node_count":9`, 1)),
		"huge count": []byte(strings.Replace(text, `"edge_count":`, `"edge_count":99999999999999999`, 1)), "no nodes": []byte(strings.Replace(text, `"nodes":[`, `"nodes":[],"n":[`, 1)),
		"text in nodes": []byte(strings.Replace(text, `"nodes":[`, `"nodes":["x",`, 1)), "big name": []byte(strings.Replace(text, `"strings":["`, `"strings":["x"],"s":["`, 1)),
		"bad escape": []byte(strings.Replace(text, `"strings":["`, `"strings":["\x`, 1)), "strings twice": []byte(strings.Replace(text, `"strings":[`, `"strings":["a"],"strings":[`, 1)),
	}
	for _, section := range []string{`"snapshot"`, `"meta"`, `"nodes"`, `"edges"`, `"trace_function_infos"`, `"locations"`, `"strings"`} {
		at := strings.Index(text, section)
		for _, more := range []int{0, 1, len(section), len(section) + 2, len(section) + 7} {
			files[fmt.Sprintf("cut at %s + %d", section, more)] = good[:at+more]
		}
	}
	return files
}

// TestBadFiles has every command read every file that is no whole snapshot.
func TestBadFiles(t *testing.T) {
	for name, b := range badFiles(t) {
		for _, args := range fileCommands() {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "file"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			a := answerOf(t, dir, args)
			if problem := checkManners(dir, a); problem != "" || a.code != codeUnexpected {
				t.Errorf("%s: %s %s, exit %d\n%.300s%.300s", name, args[0], problem, a.code, a.stdout, a.stderr)
			}
		}
	}
}

// TestFutureFiles has every command read snapshots with what a later version may add.
func TestFutureFiles(t *testing.T) {
	good := string(leakingService([]int{0, 1}).Bytes(t))
	for name, replace := range map[string][2]string{
		"sections":     {`"strings":[`, `"scopes":[1,2,[3]],"scope_names":["a"],"more":{"a":[{"b":null}]},"flag":true,"number":-1.5e3,"strings":[`},
		"header":       {`"node_count"`, `"version":{"v8":"15.0"},"features":["a"],"node_count"`},
		"meta":         {`"node_fields"`, `"scope_fields":["id","parent"],"node_fields"`},
		"node types":   {`"sliced string"`, `"folded string"`},
		"edge types":   {`"shortcut"`, `"express"`},
		"white space":  {`"nodes":[`, "\n\t \"nodes\" : [ \r\n"},
		"odd sections": {`"samples":[]`, `"samples":{"a":"]"}`},
	} {
		text := strings.Replace(good, replace[0], replace[1], 1)
		if text == good {
			t.Fatalf("%s: nothing replaced", name)
		}
		for _, args := range fileCommands() {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if a := answerOf(t, dir, args); a.code != codeOK && (a.code != codeNotFound || args[0] != "inspect") {
				t.Errorf("%s: %s exits with %d: %s", name, args[0], a.code, a.stderr)
			}
		}
	}
}

// FuzzCommands has the commands read damaged snapshots: whatever is in a file, they end
// with an answer, or with an error and a hint.
func FuzzCommands(f *testing.F) {
	for i, version := range heaptest.Versions() {
		g := heaptest.New(version)
		g.Node("a", "object", "Object", 16).At(1, 2, 3)
		g.Node("b", "string", "text", 16)
		g.Node("c", "closure", "f", 16)
		g.Edge(heaptest.Root, "shortcut", "x", "a")
		g.Edge("a", "property", "p", "b")
		g.Edge("a", "element", "5", "c")
		g.Edge("c", "weak", "1", "a")
		f.Add(uint8(i), g.Bytes(f))
	}
	for name, b := range badFiles(f) {
		if len(b) < 1<<14 {
			f.Add(uint8(len(name)), b)
		}
	}
	commands := fileCommands()
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		args := commands[int(which)%len(commands)]
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		a := answerOf(t, dir, args)
		if problem := checkManners(dir, a); problem != "" {
			t.Fatalf("%v %s, exit %d\n%.300s%.2000s", args, problem, a.code, a.stdout, a.stderr)
		}
	})
}
