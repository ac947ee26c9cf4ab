package main

import (
	"os"
	"time"
	"unicode/utf8"
)

// key is what was pressed: a character, or one of the keys below, which are
// outside of Unicode.
type key rune

const (
	keyUp key = utf8.MaxRune + 1 + iota
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyEnter
	keyBackspace
	keyClear
	keyEscape
	keyInterrupt
	keyOther // that means nothing here
)

// maxSequence is longer than the escape sequence of any key.
const maxSequence = 16

// sequences are those of xterm and of the Linux console in both cursor modes, after
// the escape character (ctlseqs.txt of xterm, "PC-Style Function Keys").
var sequences = map[string]key{
	"[A": keyUp, "OA": keyUp, "[B": keyDown, "OB": keyDown,
	"[5~": keyPageUp, "[6~": keyPageDown,
	"[H": keyHome, "OH": keyHome, "[1~": keyHome, "[7~": keyHome,
	"[F": keyEnd, "OF": keyEnd, "[4~": keyEnd, "[8~": keyEnd,
}

// controls are the characters that are keys by themselves.
var controls = map[byte]key{
	'\r': keyEnter, '\n': keyEnter, 0x7f: keyBackspace, 0x08: keyBackspace, 0x15: keyClear, 0x17: keyClear,
	0x10: keyUp, 0x0e: keyDown, 0x03: keyInterrupt, 0x04: keyInterrupt, 0x1c: keyInterrupt,
}

// readKey takes the first key off what a terminal has sent. n is 0 when more must
// come to tell: half a character, or half a sequence, which an escape on its own
// looks like too.
func readKey(b []byte) (k key, n int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] == 0x1b:
		return readSequence(b)
	case b[0] < ' ' || b[0] == 0x7f:
		if k, ok := controls[b[0]]; ok {
			return k, 1
		}
		return keyOther, 1
	case !utf8.FullRune(b):
		return 0, 0
	}
	r, size := utf8.DecodeRune(b)
	if r == utf8.RuneError {
		return keyOther, size
	}
	return key(r), size
}

// readSequence reads ESC [ parameters final, ESC O final, and with one more escape
// before it what Alt does to a key.
func readSequence(b []byte) (key, int) {
	if len(b) == 1 {
		return 0, 0
	}
	switch b[1] {
	case 'O':
		if len(b) == 2 {
			return 0, 0
		}
		return named(b[1:3]), 3
	case '[':
		for i := 2; i < len(b) && i < maxSequence; i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return named(b[1 : i+1]), i + 1
			}
		}
		if len(b) < maxSequence {
			return 0, 0
		}
		return keyOther, maxSequence
	case 0x1b:
		return keyEscape, 1
	}
	return keyOther, 2 // Alt with a character
}

func named(sequence []byte) key {
	if k, ok := sequences[string(sequence)]; ok {
		return k
	}
	return keyOther
}

// escapeDelay tells the escape key from the beginning of another key's sequence,
// the rest of which comes at once, or over a slow line a little later.
const escapeDelay = 100 * time.Millisecond

// keyboard reads what is typed, and only as long as somebody waits for it: what
// comes after the answer is for others.
type keyboard struct {
	got   chan typed
	want  chan struct{}
	held  []byte           // half a key
	alone <-chan time.Time // when no more of it will come
}

type typed struct {
	bytes []byte
	err   error
}

func newKeyboard(in *os.File) *keyboard {
	k := &keyboard{got: make(chan typed, 1), want: make(chan struct{}, 1)}
	go func() {
		buf := make([]byte, 256)
		for range k.want {
			n, err := in.Read(buf)
			k.got <- typed{append([]byte(nil), buf[:n]...), err}
			if err != nil {
				return
			}
		}
	}()
	k.more()
	return k
}

// close ends the reading, at the latest with the next key.
func (k *keyboard) close() { close(k.want) }

// more has the next keys read.
func (k *keyboard) more() { k.want <- struct{}{} }

// take returns the keys in what was read.
func (k *keyboard) take(b []byte) []key {
	k.held = append(k.held, b...)
	var keys []key
	for {
		pressed, n := readKey(k.held)
		if n == 0 {
			break
		}
		keys, k.held = append(keys, pressed), k.held[n:]
	}
	k.alone = nil
	if len(k.held) > 0 {
		k.alone = time.After(escapeDelay)
	}
	return keys
}

// takeRest returns the key that half a key is when no more of it comes.
func (k *keyboard) takeRest() []key {
	pressed := keyOther
	if len(k.held) == 1 && k.held[0] == 0x1b {
		pressed = keyEscape
	}
	k.held, k.alone = nil, nil
	return []key{pressed}
}
