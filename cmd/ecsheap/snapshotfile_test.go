package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/ecsheap/ecsheap/heap"
)

func TestFilesHint(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(names ...string) {
		for _, name := range names {
			if err := os.WriteFile(at(name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(want string) {
		t.Helper()
		if got := filesHint(dir); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	write("manifest.json", "s9.heapsnapshot.tmp")
	check("it holds no .heapsnapshot file; name a file")
	write("s1.heapsnapshot", "s2.heapsnapshot.gz", "s3.heapsnapshot.zst")
	check("name one of its files: " + at("s1.heapsnapshot") + ", " + at("s2.heapsnapshot.gz") + ", " + at("s3.heapsnapshot.zst"))
	write("s4.heapsnapshot", "s5.heapsnapshot", "s6.heapsnapshot", "s7.heapsnapshot")
	if got := filesHint(dir); !strings.HasSuffix(got, at("s5.heapsnapshot")+" and 2 more") {
		t.Errorf("got %q", got)
	}
}

func TestSnapshotFileError(t *testing.T) {
	tests := []struct {
		name       string
		err        *snapshotFileError
		want, hint string // parts
	}{
		{"empty", &snapshotFileError{file: "f", fault: faultEmpty, err: io.ErrUnexpectedEOF}, "f is empty", "again"},
		{"no snapshot", &snapshotFileError{file: "f", fault: faultSyntax, err: &heap.SyntaxError{Offset: 3, Want: "{", Got: "x"}}, "f is not a whole heap snapshot: byte 3", "damaged"},
		{"steers the terminal", &snapshotFileError{file: "f\x1b", fault: faultSyntax, err: &heap.SyntaxError{Want: "{", Got: "\x1b[2J"}}, `f\u001b is not a whole heap snapshot: byte 0: want {, got \u001b[2J`, ""},
		{"cut", &snapshotFileError{file: "f", fault: faultCompression, err: io.ErrUnexpectedEOF}, "f cannot be decompressed: unexpected EOF", "cut off"},
		{"window", &snapshotFileError{file: "f", fault: faultCompression, err: zstd.ErrWindowSizeExceeded}, "f cannot be decompressed", "--long"},
		{"not ours", &snapshotFileError{file: "f", err: fs.ErrPermission}, "reading f: permission denied", "owner"},
		{"too big", &snapshotFileError{file: "f", err: &heap.LimitError{What: "nodes", Max: 5}}, "reading f: more than 5 nodes", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); !strings.HasPrefix(got, tt.want) {
				t.Errorf("error %q, want %q", got, tt.want)
			}
			if got := tt.err.Hint(); !strings.Contains(got, tt.hint) {
				t.Errorf("hint %q, want %q in it", got, tt.hint)
			}
			if got := exitCode(tt.err); got != codeUnexpected {
				t.Errorf("exit code %d, want %d", got, codeUnexpected)
			}
		})
	}
	if got := exitCode(notOpened("f", &fs.PathError{Op: "open", Path: "f", Err: fs.ErrNotExist})); got != codeUsage {
		t.Errorf("exit code %d of a missing file, want %d", got, codeUsage)
	}
}

func TestReadProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &readProgress{file: "dir/a\x1b", r: strings.NewReader(strings.Repeat("x", 3000)), size: 4000, began: time.Now()}
		want := func(text string) {
			t.Helper()
			if got := p.line(); got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
		want("")
		time.Sleep(2 * time.Second)
		if _, err := io.ReadFull(p, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		want(`a\u001b: reading 25 % of 4.0 kB, 0:02`)
		p.size = 0
		want(`a\u001b: reading 1.0 kB, 0:02`)
		if n, err := io.Copy(io.Discard, p); n != 2000 || err != nil {
			t.Fatal(n, err)
		}
		want(`a\u001b: working on the graph of 3.0 kB, 0:02`)
		if err := p.failure(); err != nil {
			t.Error(err)
		}
	})
	broken := errors.New("broken")
	p := &readProgress{r: io.MultiReader(strings.NewReader("ab"), errorReader{broken})}
	if b, err := io.ReadAll(p); string(b) != "ab" || !errors.Is(err, broken) || p.done.Load() != 2 || !errors.Is(p.failure(), broken) {
		t.Errorf("read %q, %v, counted %d, failed with %v", b, err, p.done.Load(), p.failure())
	}
}

func TestAbandonable(t *testing.T) {
	text := strings.Repeat("snapshot", readBuffer)
	if got, err := io.ReadAll(abandonable(t.Context(), strings.NewReader(text))); string(got) != text || err != nil {
		t.Errorf("read %d of %d bytes, %v", len(got), len(text), err)
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(abandonable(t.Context(), errorReader{broken})); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the reader", err)
	}

	// A pipe that nobody writes to.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		silent, writer := io.Pipe()
		r := abandonable(ctx, silent)
		stopped := errors.New("stopped")
		time.AfterFunc(time.Hour, func() { cancel(stopped) })
		if _, err := io.ReadAll(r); !errors.Is(err, stopped) {
			t.Errorf("error %v, want the cause of the context", err)
		}
		writer.Close() // lets the read end that was left behind
	})
}

// errorReader is a file that cannot be read on.
type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
