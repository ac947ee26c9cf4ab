package guest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target answers expressions as a process with guest.js does. The real one is
// tested in e2e.
type target struct {
	size  int64  // of a piece
	plain []byte // the snapshot
	codec string

	// read changes the answer to "read", nil = as it should be.
	read func(ctx context.Context, offset int64, p *packed) error
	// hangs is a method that is never answered.
	hangs string
	// answers are those to other methods, as JSON of a reply.
	answers map[string]string

	mu          sync.Mutex
	asked       []string // methods, in order
	args        []string // of each
	expressions []string
}

var callExpression = regexp.MustCompile(`(?s)g\.call\("([^"]*)", "([a-z]+)", (.*)\) : `)

func (f *target) evaluate(ctx context.Context, expression string, out any) error {
	method, args := "install", ""
	if m := callExpression.FindStringSubmatch(expression); m != nil {
		method, args = m[2], m[3]
	}
	f.mu.Lock()
	f.asked = append(f.asked, method)
	f.args = append(f.args, args)
	f.expressions = append(f.expressions, expression)
	f.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	answer, ok := f.answers[method]
	switch {
	case method == f.hangs:
		<-ctx.Done()
		return fmt.Errorf("evaluating: %w", context.Cause(ctx))
	case ok:
	case method == "install" || method == "hello":
		answer = fmt.Sprintf(`{"value":{"range":%d}}`, f.size)
	case method == "read":
		p, err := f.piece(ctx, args)
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(map[string]any{"value": p})
		if err != nil {
			return err
		}
		answer = string(encoded)
	default:
		answer = `{"value":{}}`
	}
	return json.Unmarshal([]byte(answer), out)
}

func (f *target) piece(ctx context.Context, args string) (packed, error) {
	var a struct{ ID, Offset, Length int64 }
	if err := json.Unmarshal([]byte(args), &a); err != nil {
		return packed{}, err
	}
	n := min(a.Length, f.size-a.Offset%f.size, int64(len(f.plain))-a.Offset)
	if a.Offset < 0 || n <= 0 {
		return packed{}, fmt.Errorf("no piece at %d", a.Offset)
	}
	p := pack(f.codec, f.plain[a.Offset:a.Offset+n])
	if f.read != nil {
		if err := f.read(ctx, a.Offset, &p); err != nil {
			return packed{}, err
		}
	}
	return p, nil
}

// pack is what guest.js does with a piece.
func pack(codec string, plain []byte) packed {
	var raw []byte
	switch codec {
	case "brotli":
		var buf bytes.Buffer
		w := brotli.NewWriterLevel(&buf, 2)
		if _, err := w.Write(plain); err != nil {
			panic(err)
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		raw = buf.Bytes()
	default:
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		raw = w.EncodeAll(plain, nil)
		if err := w.Close(); err != nil {
			panic(err)
		}
	}
	return packed{N: len(plain), Codec: codec, Size: len(raw), CRC: crc32.ChecksumIEEE(raw), Data: encodeText(raw)}
}

// encodeText is the slow and obvious counterpart of decodeText: one bit at a time.
func encodeText(raw []byte) string {
	const alphabet = "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}"
	var s strings.Builder
	value, have := 0, 0
	put := func() {
		s.WriteByte(alphabet[value%91])
		s.WriteByte(alphabet[value/91])
		value, have = 0, 0
	}
	for i := range 8 * len(raw) {
		value |= int(raw[i/8]>>(i%8)&1) << have
		if have++; have == 13 {
			put()
		}
	}
	if have > 0 {
		put()
	}
	return s.String()
}

// install gives a Guest on the target, with pieces of its size.
func (f *target) install(t *testing.T) *Guest {
	t.Helper()
	if f.codec == "" {
		f.codec = "zstd"
	}
	g, err := Install(t.Context(), f.evaluate, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// sampleText is n bytes that compress somewhat.
func sampleText(n int) []byte {
	var buf bytes.Buffer
	for i := 0; buf.Len() < n; i++ {
		fmt.Fprintf(&buf, "%d,%d,%x,\n", i%7, i, i*i*2654435761)
	}
	return buf.Bytes()[:n]
}
