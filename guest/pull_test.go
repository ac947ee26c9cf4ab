package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const pieceSize = 1000

func TestPull(t *testing.T) {
	for _, codec := range []string{"zstd", "brotli"} {
		for _, size := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 10*pieceSize + 1} {
			for _, from := range []int{0, 1, pieceSize, size - 1, size} {
				for parallel := range 5 {
					if from < 0 || from > size {
						continue
					}
					t.Run(fmt.Sprintf("%s/%d/%d/%d", codec, size, from, parallel), func(t *testing.T) {
						f := &target{size: pieceSize, plain: sampleText(size), codec: codec}
						pullFrom(t, f, from, parallel)
					})
				}
			}
		}
	}
}

// pullFrom pulls, with answers that come in any order, and checks everything.
func pullFrom(t *testing.T, f *target, from, parallel int) {
	synctest.Test(t, func(t *testing.T) {
		f.read = func(context.Context, int64, *packed) error {
			time.Sleep(rand.N(time.Second)) // a bubble's
			return nil
		}
		var buf bytes.Buffer
		var plain, wire int64
		g := f.install(t)
		pulled, err := g.Pull(t.Context(), Shot{ID: 7, Bytes: int64(len(f.plain))}, &buf, PullOptions{
			From: int64(from), Parallel: parallel, Progress: func(p, w int64) { plain, wire = p, w },
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), f.plain[from:]) {
			t.Errorf("%d bytes that differ", buf.Len())
		}
		if pulled.Plain != int64(buf.Len()) || pulled.Plain != plain || pulled.Wire != wire || (pulled.Wire > 0) != (buf.Len() > 0) {
			t.Errorf("%+v, progress says %d, %d", pulled, plain, wire)
		}
	})
}

// TestPullSmall asks for pieces of less than the target gives, and not for all.
func TestPullSmall(t *testing.T) {
	plain := sampleText(5*pieceSize + 3)
	for _, c := range []struct {
		from, most, piece int64
		largest, asked    int
		end               int64
	}{
		{0, 0, 0, pieceSize, 6, 5003},
		{0, 0, 1 << 40, pieceSize, 6, 5003},
		{0, 0, 999, 500, 11, 5003},
		{0, 0, 125, 125, 41, 5003},
		{0, 0, 1, 125, 41, 5003}, // what cannot be halved stays
		{0, 250, 125, 125, 2, 250},
		{7, 250, 125, 125, 3, 375}, // up to a multiple
		{4999, 1, 125, 125, 1, 5000},
		{4999, 100, 500, 500, 2, 5003},
	} {
		largest := 0
		f := &target{size: pieceSize, plain: plain}
		f.read = func(_ context.Context, _ int64, p *packed) error { largest = max(largest, p.N); return nil }
		var buf bytes.Buffer
		pulled, err := f.install(t).Pull(t.Context(), Shot{Bytes: int64(len(plain))}, &buf, PullOptions{From: c.from, Most: c.most, Piece: c.piece, Parallel: 1})
		if err != nil || pulled.Plain != c.end-c.from || !bytes.Equal(buf.Bytes(), plain[c.from:c.end]) {
			t.Errorf("%+v: %d bytes, %v", c, pulled.Plain, err)
		}
		if n := f.count("read"); n != c.asked || largest > c.largest {
			t.Errorf("%+v: %d pieces of up to %d bytes", c, n, largest)
		}
	}
}

// TestPullIsBounded has a writer that takes nothing for a while: no more pieces
// are asked for than may be held, and the first is asked for alone.
func TestPullIsBounded(t *testing.T) {
	const parallel = 3
	synctest.Test(t, func(t *testing.T) {
		f := &target{size: pieceSize, plain: sampleText(20 * pieceSize)}
		g := f.install(t)
		written := 0
		w := writerFunc(func(p []byte) (int, error) {
			synctest.Wait() // all that can be asked for, is
			if asked, want := f.count("read"), min(20, written+min(written+1, parallel)); asked != want {
				t.Errorf("%d pieces asked for when %d were written, not %d", asked, written, want)
			}
			written++
			return len(p), nil
		})
		if _, err := g.Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, w, PullOptions{Parallel: parallel}); err != nil {
			t.Error(err)
		}
	})
}

// TestPullAlone has nothing else asked while a piece is that travels alone, which the
// first one always does, and State in between.
func TestPullAlone(t *testing.T) {
	for parallel, alone := range map[int]int64{1: 3 * pieceSize, 3: pieceSize} {
		synctest.Test(t, func(t *testing.T) {
			f := &target{size: pieceSize, plain: sampleText(3 * pieceSize)}
			f.read = func(_ context.Context, offset int64, _ *packed) error {
				states := f.count("state")
				time.Sleep(time.Second)
				if n := f.count("state"); n != states && offset < alone {
					t.Errorf("parallel %d: state was asked for %d times while the piece at %d was", parallel, n-states, offset)
				}
				return nil
			}
			g := f.install(t)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for range 2 {
					time.Sleep(time.Second / 2)
					if _, err := g.State(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}()
			var buf bytes.Buffer
			if _, err := g.Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, &buf, PullOptions{Parallel: parallel}); err != nil {
				t.Error(err)
			}
			<-ended
			if n := f.count("state"); n != 2 || !bytes.Equal(buf.Bytes(), f.plain) {
				t.Errorf("parallel %d: %d answers to State, %d bytes", parallel, n, buf.Len())
			}
		})
	}
}

// TestTurn waits for its turn for as long as it may.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := (&target{size: pieceSize}).install(t)
		over, err := g.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.State(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("State out of turn: %v", err)
		}
		over()
		if _, err := g.State(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (f *target) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, m := range f.asked {
		if m == method {
			n++
		}
	}
	return n
}

func TestPullDamaged(t *testing.T) {
	const at = 3 * pieceSize
	tests := map[string]struct {
		damage func(*packed)
		want   string
	}{
		"another character": {func(p *packed) { p.Data = "!#" + p.Data[2:] }, "checksum"},
		"no character":      {func(p *packed) { p.Data = `""` + p.Data[2:] }, "does not belong"},
		"above 13 bits":     {func(p *packed) { p.Data = "}}" + p.Data[2:] }, "does not belong"},
		"characters lost":   {func(p *packed) { p.Data = p.Data[:len(p.Data)-2] }, "characters for"},
		"odd":               {func(p *packed) { p.Data = p.Data[:len(p.Data)-1] }, "characters for"},
		"size":              {func(p *packed) { p.Size = -1 }, "characters for"},
		"checksum":          {func(p *packed) { p.CRC++ }, "checksum"},
		"another piece":     {func(p *packed) { p.N-- }, "999 bytes instead of 1000"},
		"codec":             {func(p *packed) { p.Codec = "rot13" }, "rot13"},
		"the wrong codec":   {func(p *packed) { p.Codec = "brotli" }, "brotli"},
		"too short":         {func(p *packed) { *p = pack("zstd", make([]byte, pieceSize-1)); p.N++ }, "999 bytes instead"},
		"too long":          {func(p *packed) { *p = pack("zstd", make([]byte, pieceSize+1)); p.N-- }, "zstd"},
		"brotli too short":  {func(p *packed) { *p = pack("brotli", make([]byte, pieceSize-1)); p.N++ }, "brotli"},
		"brotli too long":   {func(p *packed) { *p = pack("brotli", make([]byte, pieceSize+1)); p.N-- }, "more than 1000"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &target{size: pieceSize, plain: sampleText(5 * pieceSize)}
			f.read = func(_ context.Context, offset int64, p *packed) error {
				if offset == at {
					tt.damage(p)
				}
				return nil
			}
			var buf bytes.Buffer
			pulled, err := f.install(t).Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, &buf, PullOptions{})
			corrupt, ok := errors.AsType[*CorruptError](err)
			if !ok || corrupt.Offset != at || !strings.Contains(corrupt.Error(), tt.want) || corrupt.Hint() == "" {
				t.Fatalf("error %v", err)
			}
			if !bytes.Equal(buf.Bytes(), f.plain[:at]) || pulled.Plain != at {
				t.Errorf("%d bytes written, Pulled says %d", buf.Len(), pulled.Plain)
			}
		})
	}
}

// TestPullGoesOn loses the connection again and again.
func TestPullGoesOn(t *testing.T) {
	lost := errors.New("connection lost")
	f := &target{size: pieceSize, plain: sampleText(20*pieceSize + 17)}
	g := f.install(t)
	var buf bytes.Buffer
	shot := Shot{Bytes: int64(len(f.plain))}
	for connection := 0; ; connection++ {
		if connection > 20 {
			t.Fatal("no end")
		}
		calls := 0
		g.Reconnect(func(ctx context.Context, expression string, out any) error {
			f.mu.Lock()
			calls++
			broken := calls > 4
			f.mu.Unlock()
			if broken {
				return lost
			}
			return f.evaluate(ctx, expression, out)
		})
		from := int64(buf.Len())
		pulled, err := g.Pull(t.Context(), shot, &buf, PullOptions{From: from})
		if pulled.Plain != int64(buf.Len())-from {
			t.Fatalf("Pulled says %d, written %d", pulled.Plain, int64(buf.Len())-from)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, lost) {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(buf.Bytes(), f.plain) {
		t.Error("not the same bytes")
	}
}

func TestPullEndsWithItsContext(t *testing.T) {
	reason := errors.New("the user has had enough")
	synctest.Test(t, func(t *testing.T) {
		f := &target{size: pieceSize, plain: sampleText(9 * pieceSize)}
		f.read = func(ctx context.Context, offset int64, _ *packed) error {
			if offset < 2*pieceSize {
				return nil
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(reason) })
		var buf bytes.Buffer
		pulled, err := f.install(t).Pull(ctx, Shot{Bytes: int64(len(f.plain))}, &buf, PullOptions{})
		if !errors.Is(err, reason) || pulled.Plain != 2*pieceSize {
			t.Errorf("%+v, %v", pulled, err)
		}
	})
}

func TestPullOfAFullDisk(t *testing.T) {
	full := errors.New("no space left")
	f := &target{size: pieceSize, plain: sampleText(9 * pieceSize)}
	n := 0
	w := writerFunc(func(p []byte) (int, error) {
		if n++; n == 3 {
			return 10, full
		}
		return len(p), nil
	})
	pulled, err := f.install(t).Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, w, PullOptions{})
	if !errors.Is(err, full) || pulled.Plain != 2*pieceSize+10 {
		t.Errorf("%+v, %v", pulled, err)
	}
}

func TestPullOfNothing(t *testing.T) {
	f := &target{size: pieceSize}
	g := f.install(t)
	for _, from := range []int64{-1, 11} {
		if _, err := g.Pull(t.Context(), Shot{Bytes: 10}, new(bytes.Buffer), PullOptions{From: from}); err == nil {
			t.Errorf("from %d", from)
		}
	}
	f.answers = map[string]string{"read": `{"error":{"code":"NO_SHOT","message":"snapshot 1 is not held any more"}}`}
	_, err := g.Pull(t.Context(), Shot{ID: 1, Bytes: 10}, new(bytes.Buffer), PullOptions{})
	if missing, ok := errors.AsType[*TargetError](err); !ok || missing.Code != "NO_SHOT" {
		t.Errorf("error %v", err)
	}
}

func TestDecodeText(t *testing.T) {
	for n := range 200 {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(rand.Uint32())
		}
		text := encodeText(raw)
		if strings.ContainsAny(text, "\"\\ ") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q does not stand for itself in JSON", text)
		}
		if got, err := decodeText(text, n); err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%d bytes: %v, %v", n, got, err)
		}
		for _, wrong := range []int{-1, n - 2, n + 2, n + 1000} {
			if got, err := decodeText(text, wrong); err == nil {
				t.Errorf("%d bytes taken for %d: %v", n, wrong, got)
			}
		}
	}
}

func FuzzDecodeText(f *testing.F) {
	for _, raw := range []string{"", "a", "snapshot", "\x00\xff\x00\xff"} {
		f.Add(encodeText([]byte(raw)), len(raw))
	}
	f.Add("}}", 1)
	f.Add("!!!", 2)
	f.Fuzz(func(t *testing.T, text string, size int) {
		raw, err := decodeText(text, size)
		if err != nil {
			return
		}
		if len(raw) != size {
			t.Fatalf("%d bytes, want %d", len(raw), size)
		}
		// What is read is what was meant, but for the bits that fill up the end.
		if again := encodeText(raw); len(again) > len(text) || len(again) > 2 && again[:len(again)-2] != text[:len(again)-2] {
			t.Errorf("%q gives %q", text, again)
		}
	})
}

// FuzzOpen has foreign bytes neither break us nor make us take much memory.
func FuzzOpen(f *testing.F) {
	for _, codec := range []string{"zstd", "brotli"} {
		for _, n := range []int{0, 1, 100} {
			p := pack(codec, sampleText(n))
			raw, err := decodeText(p.Data, p.Size)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(codec, raw, n)
		}
	}
	f.Fuzz(func(t *testing.T, codec string, raw []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		var plain []byte
		var err error
		if codec == "zstd" {
			plain, err = unpackZstd(raw, n)
		} else {
			plain, err = unpackBrotli(raw, n)
		}
		if err == nil && len(plain) != n {
			t.Errorf("%d bytes, want %d", len(plain), n)
		}
	})
}

func TestAlphabet(t *testing.T) {
	index := alphabetIndex()
	known := 0
	for c := range 256 {
		if index[c] != unknown {
			known++
		}
	}
	if known != alphabetSize || index['!'] != 0 || index['}'] != alphabetSize-1 || !slices.Equal(index[:2], []byte{unknown, unknown}) {
		t.Errorf("%d characters, ! is %d, } is %d", known, index['!'], index['}'])
	}
}
