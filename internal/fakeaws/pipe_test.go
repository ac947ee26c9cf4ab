package fakeaws

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// TestBufferAgainstBytesBuffer runs random reads and writes on the ring and on a bytes.Buffer.
func TestBufferAgainstBytesBuffer(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 4))
		b, oracle := newBuffer(1+r.IntN(64)), bytes.Buffer{}
		for range 500 {
			if room := len(b.ring) - b.n; r.IntN(2) == 0 && room > 0 {
				p := noise(r.Uint64(), r.IntN(room+1))
				oracle.Write(p)
				if n, err := b.Write(p); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
				continue
			}
			if oracle.Len() == 0 {
				continue
			}
			got, want := make([]byte, 1+r.IntN(80)), make([]byte, 80)
			n, err := b.Read(got)
			m, _ := oracle.Read(want[:len(got)])
			if n != m || err != nil || !bytes.Equal(got[:n], want[:m]) {
				t.Fatalf("seed %d: read %x, %v; want %x", seed, got[:n], err, want[:m])
			}
		}
	}
}

func TestBufferBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuffer(4)
		wrote := make(chan error, 1)
		go func() {
			_, err := b.Write([]byte("0123456789"))
			wrote <- err
		}()
		synctest.Wait()
		if len(wrote) != 0 {
			t.Fatal("wrote more than fits")
		}
		got := make([]byte, 10)
		if _, err := io.ReadFull(b, got); err != nil || string(got) != "0123456789" {
			t.Errorf("%q, %v", got, err)
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		read := make(chan error, 1)
		go func() {
			_, err := b.Read(got)
			read <- err
		}()
		synctest.Wait()
		if len(read) != 0 {
			t.Fatal("read from an empty buffer")
		}
		_ = b.Close()
		if err := <-read; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}

func TestBufferClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuffer(4)
		wrote := make(chan error, 1)
		go func() {
			_, err := b.Write([]byte("01234567"))
			wrote <- err
		}()
		synctest.Wait()
		_ = b.Close()
		_ = b.Close()
		if err := <-wrote; !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		if got, err := io.ReadAll(b); string(got) != "0123" || err != nil {
			t.Errorf("%q, %v: what was written stays readable", got, err)
		}
	})
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"1.2.331.0", "1.2.331.0", 0},
		{"1.2.332.0", "1.2.331.0", 1},
		{"1.2.99.0", "1.2.331.0", -1},
		{"1.3", "1.2.331.0", 1},
		{"1.2", "1.2.0.0", 0},
		{"", "0.0.1", -1},
		{"x.2", "0.2", 0},
	} {
		if got := compareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
