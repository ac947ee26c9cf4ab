package cdp

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
)

func TestUnescape(t *testing.T) {
	tests := []struct{ in, want string }{
		{``, ``},
		{`plain`, `plain`},
		{`exactly8`, `exactly8`},
		{`{\"a\":[1,2,\n3]}`, "{\"a\":[1,2,\n3]}"},
		{`\"\\\/\b\f\n\r\t`, "\"\\/\b\f\n\r\t"},
		{`\u0041\u00e9\u00E9\u20ac\u0000`, "Aéé€\x00"},
		{`\ud83d\ude00 \uD83D\uDE00`, "😀 😀"},
		{`the snapshot's own escape: \\ud83d`, `the snapshot's own escape: \ud83d`},
		{`é€😀`, `é€😀`},
		{"not\xffUTF-8", "not\xffUTF-8"},
		{"\x7f del", "\x7f del"},
		// Lone surrogates keep their escape.
		{`\ud83d`, `\ud83d`},
		{`\ude00\ud83d`, `\ude00\ud83d`},
		{`\ud83dx\ude00`, `\ud83dx\ude00`},
		{`\ud83d\ud83d\ude00`, `\ud83d😀`},
		{`\n\n\n\ud83d\u0041`, "\n\n\n\\ud83dA"},
	}
	for _, tt := range tests {
		// Every position relative to the eight-byte words.
		for pad := range 9 {
			prefix := strings.Repeat("x", pad)
			got, rest, err := unescape([]byte(prefix + tt.in + `"}}`))
			if err != nil || string(got) != prefix+tt.want || string(rest) != "}}" {
				t.Errorf("unescape(%q) = %q, %v; want %q", prefix+tt.in, got, err, prefix+tt.want)
			}
		}
	}
}

func TestUnescapeErrors(t *testing.T) {
	tests := []struct {
		in   string
		want error
		at   string
	}{
		{``, errEnd, ""},
		{`a`, errEnd, ""},
		{"01234567\n\"", errControl, "byte 8"},
		{`abcdefgh\`, errEscape, "byte 8"},
		{`abc\"`, errEnd, ""},
		{`\x"`, errEscape, "byte 0"},
		{`\u12"`, errEscape, "byte 0"},
		{`\u12g4"`, errEscape, "byte 0"},
		{`\U0041"`, errEscape, "byte 0"},
	}
	for _, tt := range tests {
		_, _, err := unescape([]byte(tt.in))
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.at) {
			t.Errorf("unescape(%q): %v", tt.in, err)
		}
	}
}

func TestChunk(t *testing.T) {
	const head = `{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":"`
	tests := []struct {
		msg, text string
		ok        bool
		err       error
	}{
		{head + `a\nb"}}`, "a\nb", true, nil},
		{head + `"}}`, "", true, nil},
		{head + `a","more":[1]},"sessionId":"7"}`, "a", true, nil},
		{head + `a"}`, "", false, errTail},
		{head + `a"}}}`, "", false, errTail},
		{head + `a"b"}}`, "", false, errTail},
		{head + `a}}`, "", false, errEnd},
		{head, "", false, errEnd},
		{`{"method":"HeapProfiler.reportHeapSnapshotProgress","params":{"done":1}}`, "", false, nil},
		{`{"id":1,"result":{}}`, "", false, nil},
		{``, "", false, nil},
	}
	for _, tt := range tests {
		msg := []byte(tt.msg)
		text, ok, err := chunk(msg)
		if string(text) != tt.text || ok != tt.ok || !errors.Is(err, tt.err) {
			t.Errorf("chunk(%q) = %q, %v, %v", tt.msg, text, ok, err)
		}
		if !ok && err == nil && string(msg) != tt.msg {
			t.Errorf("chunk(%q) changed the message", tt.msg)
		}
	}
}

// slowUnescape is the oracle: the standard decoder. What lone surrogates become
// is our own decision, so it reports whether there are any.
func slowUnescape(body []byte) (text string, rest int, lone bool, err error) {
	quoted := append([]byte{'"'}, body...)
	d := json.NewDecoder(bytes.NewReader(quoted))
	if err := d.Decode(&text); err != nil {
		return "", 0, false, err
	}
	end := int(d.InputOffset())
	var strict string
	lone = jsonv2.Unmarshal(quoted[:end], &strict) != nil
	return text, len(quoted) - end, lone, nil
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{``, `abc`, `{\"snapshot\":{\"meta\"`, `\u00e9\ud83d\ude00`, `\ud83d`, `9457,24,1,0,0\n,2`, "\x01", `a"`, `\\\\\\\"`, `12345678\"12345678`, "\xff", `\u`} {
		f.Add([]byte(s))
		f.Add([]byte(s + `"}}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		want, wantRest, lone, wantErr := slowUnescape(body)
		got, rest, err := unescape(bytes.Clone(body))
		if (err == nil) != (wantErr == nil) || len(rest) != wantRest {
			t.Fatalf("%q: got rest %q, error %v; want %d, %v", body, rest, err, wantRest, wantErr)
		}
		if utf8.Valid(body) && !lone && string(got) != want {
			t.Fatalf("%q: got %q, want %q", body, got, want)
		}
	})
}

// FuzzChunkMessage compares the shortcut with the ordinary decoder on whole
// messages.
func FuzzChunkMessage(f *testing.F) {
	f.Add([]byte(`{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":"a\"b"}}`))
	f.Add([]byte(`{"params":{"chunk":"a"},"method":"HeapProfiler.addHeapSnapshotChunk"}`))
	f.Add([]byte(`{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":"a","x":"b"}}`))
	f.Add([]byte(`{"method":"HeapProfiler.reportHeapSnapshotProgress","params":{"done":1,"total":2,"finished":true}}`))
	f.Fuzz(func(t *testing.T, msg []byte) {
		var m struct {
			Params struct {
				Chunk string `json:"chunk"`
			} `json:"params"`
		}
		wantErr := jsonv2.Unmarshal(msg, &m)
		var out bytes.Buffer
		err := consume(bytes.Clone(msg), &out, func(int, int) {})
		if wantErr == nil && (err != nil || out.String() != m.Params.Chunk) {
			t.Fatalf("%q: got %q, %v; want %q", msg, out.String(), err, m.Params.Chunk)
		}
	})
}

func BenchmarkChunk(b *testing.B) {
	samples := map[string]string{
		"nodes-with-newlines": strings.Repeat("9,9457,24,1,0,0,0\n,3,12,34567,40,2,0,0\n,", 2600),
		"nodes-in-one-line":   strings.Repeat("9,9457,24,1,0,0,3,12,34567,40,2,0,", 38000),
		"strings":             strings.Repeat("\"aPropertyName\",\n\"/srv/app/node_modules/x/index.js\",\n", 1900),
	}
	for name, text := range samples {
		msg := []byte(string(chunkHead) + quote(text)[1:] + `}}`)
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, len(msg))
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, msg) // chunk spoils its input; costs a few per cent
				if _, ok, err := chunk(buf); !ok || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
