package guest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// packed is a piece of a snapshot as the target answers it.
type packed struct {
	N     int    `json:"n"`     // plain bytes
	Codec string `json:"codec"` // "zstd" or "brotli"
	Size  int    `json:"size"`  // compressed bytes
	CRC   uint32 `json:"crc"`   // CRC-32 (IEEE) of the compressed bytes
	Data  string `json:"data"`  // the compressed bytes as text
}

// open returns the n plain bytes of the piece at offset, or a *CorruptError.
func (p packed) open(offset int64, n int) ([]byte, error) {
	plain, err := p.unpack(n)
	if err != nil {
		return nil, &CorruptError{Offset: offset, What: err.Error()}
	}
	return plain, nil
}

func (p packed) unpack(n int) ([]byte, error) {
	if p.N != n {
		return nil, fmt.Errorf("%d bytes instead of %d", p.N, n)
	}
	raw, err := decodeText(p.Data, p.Size)
	if err != nil {
		return nil, err
	}
	if sum := crc32.ChecksumIEEE(raw); sum != p.CRC {
		return nil, fmt.Errorf("checksum %08x instead of %08x", sum, p.CRC)
	}
	switch p.Codec {
	case "zstd":
		return unpackZstd(raw, n)
	case "brotli":
		return unpackBrotli(raw, n)
	}
	return nil, fmt.Errorf("unknown codec %q", p.Codec)
}

// unpackZstd decompresses what must be n bytes. What claims to be more is
// refused before memory is made for it.
func unpackZstd(raw []byte, n int) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	defer d.Close()
	plain, err := d.DecodeAll(raw, make([]byte, 0, n))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	if len(plain) != n {
		return nil, fmt.Errorf("zstd: %d bytes instead of %d", len(plain), n)
	}
	return plain, nil
}

// unpackBrotli decompresses what must be n bytes.
func unpackBrotli(raw []byte, n int) ([]byte, error) {
	r := brotli.NewReader(bytes.NewReader(raw))
	plain := make([]byte, n)
	if _, err := io.ReadFull(r, plain); err != nil {
		return nil, fmt.Errorf("brotli: %w", err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("brotli: more than %d bytes", n)
	}
	return plain, nil
}

// alphabet are the characters that the target writes bytes with: the first 91
// from "!" on without those that JSON escapes, the quote and the backslash. Two
// stand for 13 bits, lowest first (the idea is that of basE91, its one packing
// of 13 or 14 bits is not).
const (
	alphabetSize = 91
	pairBits     = 13
)

// unknown marks what is not in the alphabet.
const unknown = 0xff

// alphabetIndex returns the value of each character.
func alphabetIndex() *[256]byte {
	var index [256]byte
	for i := range index {
		index[i] = unknown
	}
	value := byte(0)
	for c := byte('!'); value < alphabetSize; c++ {
		if c == '"' || c == '\\' {
			continue
		}
		index[c] = value
		value++
	}
	return &index
}

var errAlphabet = errors.New("a character that does not belong there")

// decodeText turns the target's text into size bytes.
func decodeText(text string, size int) ([]byte, error) {
	// Compared without multiplying: size is foreign.
	if size < 0 || len(text)%2 != 0 || size != len(text)/2*pairBits/8 && size != (len(text)/2*pairBits-(pairBits-1)+7)/8 {
		return nil, fmt.Errorf("%d characters for %d bytes", len(text), size)
	}
	index := alphabetIndex()
	out := make([]byte, 0, size+1)
	bits, have := uint32(0), 0
	for i := 0; i < len(text); i += 2 {
		low, high := index[text[i]], index[text[i+1]]
		if low == unknown || high == unknown {
			return nil, errAlphabet
		}
		value := uint32(low) + alphabetSize*uint32(high)
		if value >= 1<<pairBits {
			return nil, errAlphabet
		}
		bits |= value << have
		for have += pairBits; have >= 8; have -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	if len(out) < size {
		return nil, fmt.Errorf("%d characters for %d bytes", len(text), size)
	}
	return out[:size], nil
}
