package cdp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// parsed is the event of a script as V8 writes it.
func parsed(id, url, sourceMap string) string {
	return fmt.Sprintf(`{"method":"Debugger.scriptParsed","params":{"scriptId":%q,"url":%s,"startLine":0,"endLine":9,"executionContextId":1,"hash":"ab","executionContextAuxData":{"isDefault":true},"isLiveEdit":false,"sourceMapURL":%s,"hasSourceURL":false,"isModule":false,"length":99,"scriptLanguage":"JavaScript"}}`,
		id, quote(url), quote(sourceMap))
}

func TestScripts(t *testing.T) {
	in := newInspector()
	in.answers["Debugger.enable"] = func(p *peer, f frame) {
		p.text(parsed("3", "node:internal/timers", ""))
		p.text(parsed("70", "file:///app/é.js", "é.js.map"))
		p.text(parsed("71", "", ""))
		p.text(parsed("72", "file:///app/inline.js", "data:application/json;base64,"+strings.Repeat("A", 100)))
		p.text(parsed("73", "file:///app/huge.js", "data:application/json;base64,"+strings.Repeat("A", maxMessage)))
		p.result(f, `{"debuggerId":"1.2"}`)
	}
	c := in.open(t)
	for range 2 {
		got, err := c.Scripts(t.Context())
		want := []Script{
			{"3", "node:internal/timers", ""}, {"70", "file:///app/é.js", "é.js.map"},
			{"72", "file:///app/inline.js", InlineSourceMap}, {"73", "file:///app/huge.js", InlineSourceMap},
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	// Pauses are forbidden before the debugger is enabled.
	want := []string{"Debugger.setSkipAllPauses", "Debugger.enable", "Debugger.disable"}
	if got := in.sent(); !slices.Equal(got, append(slices.Clone(want), want...)) {
		t.Errorf("sent %q", got)
	}
}

func TestScriptsErrors(t *testing.T) {
	in := newInspector()
	in.answers["Debugger.enable"] = func(p *peer, f frame) {
		p.text(fmt.Sprintf(`{"id":%d,"error":{"code":-32000,"message":"no debugger"}}`, f.ID))
	}
	c := in.open(t)
	if got, err := c.Scripts(t.Context()); err == nil || got != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := in.sent(); got[len(got)-1] != "Debugger.disable" {
		t.Errorf("sent %q", got)
	}
	in.answers["Debugger.enable"] = func(p *peer, f frame) {
		p.text(`{"method":"Debugger.scriptParsed","params":{"scriptId":7}}`)
		p.result(f, `{}`)
	}
	if got, err := c.Scripts(t.Context()); err == nil || !strings.Contains(err.Error(), "event of a script") {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := c.Err(); err != nil {
		t.Errorf("the connection ended: %v", err)
	}
}

// Who subscribes to the event gets it, unless a list is being made.
func TestScriptsSubscribed(t *testing.T) {
	in := newInspector()
	in.answers["X.y"] = func(p *peer, f frame) { p.text(parsed("1", "a", "")); p.result(f, `{}`) }
	c := in.open(t)
	events, cancel := c.Subscribe(scriptMethod)
	defer cancel()
	if err := c.Call(t.Context(), "X.y", nil, nil); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestCutURL(t *testing.T) {
	long := strings.Repeat("é", maxScriptURL)
	for _, odd := range []string{"", "x"} {
		got := cutURL(odd + long)
		if !utf8.ValidString(got) || len(got) > maxScriptURL+len("…") || !strings.HasPrefix(odd+long, strings.TrimSuffix(got, "…")) {
			t.Errorf("got %d bytes, ending in %q", len(got), got[len(got)-8:])
		}
	}
	if got := cutURL("file:///app.js"); got != "file:///app.js" {
		t.Errorf("got %q", got)
	}
}

// FuzzParseScript wants no panic, bounded strings, and the same script whatever
// inline source map it carries.
func FuzzParseScript(f *testing.F) {
	f.Add([]byte(parsed("1", "file:///a.js", "a.js.map")))
	f.Add([]byte(parsed("1", `"sourceMapURL":"data:`, "data:application/json;base64,AA==")))
	f.Add([]byte(parsed("1", "data:text/javascript,1", "")))
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := bytes.Clone(msg)
		s, err := parseScript(msg)
		if !bytes.Equal(msg, before) {
			t.Error("the message was changed")
		}
		if err == nil && (len(s.URL) > maxScriptURL+3 || len(s.SourceMapURL) > maxScriptURL+3) {
			t.Errorf("%d and %d bytes", len(s.URL), len(s.SourceMapURL))
		}
	})
}
