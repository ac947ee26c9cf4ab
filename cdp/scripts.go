package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/debugger"
)

const (
	// maxScripts bounds what Scripts returns. A large service has some thousands
	// of modules; more than this many come from code that is made at run time.
	maxScripts = 50_000

	// maxScriptURL is where a URL is cut. That of a module imported from a data:
	// URL is the module itself.
	maxScriptURL = 4 << 10

	// InlineSourceMap is the SourceMapURL of a script that carries its source map
	// within itself: megabytes in base64, which are not kept.
	InlineSourceMap = "inline"
)

// Script is a script that the process has loaded.
type Script struct {
	ID           string // V8's id of it, as in the locations of a heap snapshot: "42"
	URL          string // such as "file:///app/server.js", "node:internal/timers"; cut after 4 KB
	SourceMapURL string // as the script names it, often relative to URL; InlineSourceMap; "" = none
}

// The event of a script, and what it begins with, as V8 writes it (all of
// Node.js 14 to 26).
const scriptMethod = "Debugger.scriptParsed"

var (
	scriptName   = []byte(`{"method":"` + scriptMethod + `"`)
	inlineMap    = []byte(`"sourceMapURL":"data:`)
	inlineMapEnd = []byte(`"sourceMapURL":"` + InlineSourceMap + `"}}`)
)

// scriptList collects the events of scripts. The Conn's mu guards it.
type scriptList struct {
	list []Script
	err  error
}

// Scripts lists the scripts of the process that have a URL. It takes about
// 50 ms, in which the process is hardly held up.
//
// V8 tells of its scripts only when its debugger is enabled, and then a debugger
// statement would stop the process. So pauses are forbidden before, the debugger
// is disabled again right after, and the commands are sent in one go, so that it
// is disabled even if the connection is lost meanwhile.
//
// It fails if another call of Scripts is under way.
func (c *Conn) Scripts(ctx context.Context) ([]Script, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("listing scripts: %w", context.Cause(ctx))
	}
	scripts := &scriptList{}
	if !c.collectScripts(scripts) {
		return nil, errors.New("listing scripts: another list is being made")
	}
	defer c.collectScripts(nil)
	defer c.expect(debugger.CommandEnable)()
	enable, disable, err := c.glanceAtScripts(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	enabled := c.wait(ctx, enable, nil)
	if err := c.wait(ctx, disable, nil); err != nil {
		return nil, err
	}
	if enabled != nil {
		return nil, enabled
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return scripts.list, scripts.err
}

// glanceAtScripts enables and disables the debugger.
func (c *Conn) glanceAtScripts(ctx context.Context) (enable, disable *call, err error) {
	ctx, cancel := context.WithTimeout(ctx, politeLimit)
	defer cancel()
	// V8 keeps the flag while its debugger is disabled, until the next disable
	// (v8 src/inspector/v8-debugger-agent-impl.cc).
	skip, err := c.send(ctx, debugger.CommandSetSkipAllPauses, debugger.SetSkipAllPausesParams{Skip: true}, nil)
	if err != nil {
		return nil, nil, err
	}
	c.forget(skip)
	if enable, err = c.send(ctx, debugger.CommandEnable, nil, nil); err != nil {
		return nil, nil, err
	}
	if disable, err = c.send(ctx, debugger.CommandDisable, nil, nil); err != nil {
		c.forget(enable)
		return nil, nil, err
	}
	return enable, disable, nil
}

// collectScripts has the reader put the scripts into s. It returns false if it
// puts them into another list already. nil ends it.
func (c *Conn) collectScripts(s *scriptList) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != nil && c.scripts != nil {
		return false
	}
	c.scripts = s
	return true
}

// noteScript takes the event of a script. It reports false if msg is none, or
// if nobody asked Scripts for it.
func (c *Conn) noteScript(msg []byte) bool {
	if !bytes.HasPrefix(msg, scriptName) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.scripts
	if s == nil {
		return false
	}
	script, err := parseScript(msg)
	switch {
	case err != nil:
		s.err = err
	case script.URL != "" && len(s.list) < maxScripts:
		s.list = append(s.list, script)
	}
	return true
}

// parseScript decodes the event of a script.
func parseScript(msg []byte) (Script, error) {
	// An inline source map is the bulk of a message, which may even have been cut
	// off within it. Inside of a JSON string the quotation marks would be escaped,
	// so this is the field itself; nothing after it matters.
	if i := bytes.Index(msg, inlineMap); i >= 0 {
		msg = append(bytes.Clone(msg[:i]), inlineMapEnd...)
	}
	var m struct {
		Params struct {
			ScriptID     string `json:"scriptId"`
			URL          string `json:"url"`
			SourceMapURL string `json:"sourceMapURL"`
		} `json:"params"`
	}
	if err := jsonv2.Unmarshal(msg, &m, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return Script{}, fmt.Errorf("decoding the event of a script: %w", err)
	}
	return Script{ID: m.Params.ScriptID, URL: cutURL(m.Params.URL), SourceMapURL: cutURL(m.Params.SourceMapURL)}, nil
}

// cutURL shortens a URL that is too long to be kept.
func cutURL(url string) string {
	if len(url) <= maxScriptURL {
		return url
	}
	end := maxScriptURL
	for end > 0 && !utf8.RuneStart(url[end]) {
		end--
	}
	return strings.Clone(url[:end]) + "…"
}

// dropRest receives and drops what is left of a message that is too long to be
// kept: that of a script with a huge inline source map. It reports whether it
// is one.
func (c *Conn) dropRest(head []byte, rest io.Reader) (bool, error) {
	if !bytes.HasPrefix(head, scriptName) || !bytes.Contains(head, inlineMap) {
		return false, nil
	}
	_, err := io.Copy(io.Discard, rest)
	return true, err
}
