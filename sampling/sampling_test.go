package sampling

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// text is the profile of a tree such as "main 1 (push! 2)": functions with their
// own bytes; those with a "!" are V8's, those
// with an "@" are of Node.js. Node n gets the id n, in file order.
func text(t testing.TB, tree string) string {
	t.Helper()
	tokens := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(tree))
	var b strings.Builder
	next, first := 2, true
	b.WriteString(`{"head":{"callFrame":{"functionName":"(root)","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},"selfSize":0,"id":1,"children":[`)
	for i := 0; i < len(tokens); i++ {
		switch tokens[i] {
		case "(":
			first = true
			continue
		case ")":
			b.WriteString("]}")
			first = false
			continue
		}
		if !first {
			b.WriteString(",")
		}
		name, builtin := strings.CutSuffix(tokens[i], "!")
		name, nodes := strings.CutSuffix(name, "@")
		frame := fmt.Sprintf(`{"functionName":%q,"scriptId":"7","url":"file:///app/my%%20%s.js","lineNumber":%d,"columnNumber":4}`, name, name, len(name)*10)
		if nodes {
			frame = fmt.Sprintf(`{"functionName":%q,"scriptId":"3","url":"node:%s","lineNumber":1,"columnNumber":4}`, name, name)
		}
		if builtin {
			frame = fmt.Sprintf(`{"functionName":%q,"scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1}`, name)
		}
		fmt.Fprintf(&b, `{"callFrame":%s,"selfSize":%s,"id":%d,"children":[`, frame, tokens[i+1], next)
		next, first = next+1, false
		if i++; i+1 == len(tokens) || tokens[i+1] != "(" {
			b.WriteString("]}")
		}
	}
	return b.String() + `]},"samples":[{"size":100,"nodeId":2,"ordinal":1},{"size":100,"nodeId":2,"ordinal":2}]}`
}

func mustParse(t testing.TB, s string) *Profile {
	t.Helper()
	p, err := Parse(strings.NewReader(s))
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return p
}

func TestParse(t *testing.T) {
	p := mustParse(t, text(t, "main 200 (push! 5)"))
	want := &Profile{
		Head: &Node{ID: 1, Frame: Frame{FunctionName: "(root)", ScriptID: "0", LineNumber: -1, ColumnNumber: -1}, Children: []*Node{{
			ID: 2, SelfSize: 200, Frame: Frame{FunctionName: "main", ScriptID: "7", URL: "file:///app/my%20main.js", LineNumber: 40, ColumnNumber: 4},
			Children: []*Node{{ID: 3, SelfSize: 5, Frame: Frame{FunctionName: "push", ScriptID: "0", LineNumber: -1, ColumnNumber: -1}, Children: []*Node{}}},
		}}},
		Samples: []Sample{{100, 2, 1}, {100, 2, 2}},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v", p)
	}
	if got := p.TotalBytes(); got != 205 {
		t.Errorf("total %d", got)
	}
}

// V8 sends such profiles.
func TestParseOrphans(t *testing.T) {
	p := mustParse(t, strings.Replace(text(t, "main 200"), `"nodeId":2`, `"nodeId":3`, 1))
	if !reflect.DeepEqual(p.Samples, []Sample{{100, 2, 2}}) {
		t.Errorf("got %+v", p.Samples)
	}
}

func TestParseErrors(t *testing.T) {
	good := text(t, "main 200")
	for name, tt := range map[string]struct{ text, problem string }{
		"empty":           {"", "empty"},
		"cut off":         {good[:len(good)-5], "in the middle"},
		"no JSON":         {"snapshot", "malformed"},
		"another type":    {strings.Replace(good, `"id":2`, `"id":"2"`, 1), "malformed"},
		"a CPU profile":   {`{"nodes":[],"startTime":1,"endTime":2}`, "no head"},
		"null":            {"null", "no head"},
		"more":            {good + " {}", "follows"},
		"rubbish after":   {good + " ]", "follows"},
		"null child":      {`{"head":{"id":1,"children":[null]}}`, "null"},
		"twice an id":     {strings.Replace(good, `"id":2`, `"id":1`, 1), "two nodes"},
		"negative":        {strings.Replace(good, `"selfSize":200`, `"selfSize":-200`, 1), "-200"},
		"broken size":     {strings.Replace(good, `"selfSize":200`, `"selfSize":0.5`, 1), "0.5"},
		"huge":            {strings.Replace(good, `"selfSize":200`, `"selfSize":1e300`, 1), "1e+300"},
		"huge together":   {text(t, "a 9007199254740992 b 9007199254740992"), "total"},
		"negative sample": {strings.Replace(good, `"size":100`, `"size":-1`, 1), "-1"},
		"too deep":        {strings.Repeat(`{"head":{"children":[`, 6000), "malformed"},
	} {
		_, err := Parse(strings.NewReader(tt.text))
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("disk on fire")
	if _, err := Parse(iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.As(err, new(*FormatError)) {
		t.Errorf("a reader that fails: %v", err)
	}
	for limit, tooLong := range map[int]bool{len(good): false, len(good) - 1: true, len(good) / 2: true} {
		_, err := parse(strings.NewReader(good), int64(limit))
		if got := err != nil && strings.Contains(err.Error(), "more than 256 MB"); got != tooLong {
			t.Errorf("%d bytes of which %d may be read: %v", len(good), limit, err)
		}
	}
}

// FuzzParse wants every profile that Parse takes to add up, in every form.
func FuzzParse(f *testing.F) {
	for _, tree := range []string{"", "main 200", "a 1 (b 2 (a 3 (b! 4)) c! 5) d 6", "(GC)! 7"} {
		f.Add([]byte(text(f, tree)))
	}
	f.Add([]byte(`{"head":{"callFrame":{"functionName":"(root)","url":"x"},"selfSize":3,"id":1},"samples":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		total := p.TotalBytes()
		for _, sites := range [][]Site{p.Functions(), p.Sites()} {
			var self int64
			for _, s := range sites {
				if self += s.SelfBytes; s.TotalBytes < s.SelfBytes || s.TotalBytes > total {
					t.Errorf("%+v of %d bytes", s, total)
				}
			}
			if root := p.Head; self != total && !(root.Frame.isRoot() || anyRoot(root)) {
				t.Errorf("%d bytes in sites, %d in all", self, total)
			}
		}
		converted := p.Pprof(PprofOptions{})
		if err := converted.CheckValid(); err != nil {
			t.Error(err)
		}
		var space, count int64
		for _, s := range converted.Sample {
			count, space = count+s.Value[0], space+s.Value[1]
		}
		if space != total || count != int64(len(p.Samples)) {
			t.Errorf("pprof has %d bytes in %d samples, not %d in %d", space, count, total, len(p.Samples))
		}
	})
}

// anyRoot tells whether a node with the name of the root is anywhere: such
// nodes count for no site.
func anyRoot(n *Node) bool {
	for each := range n.all() {
		if each.Frame.isRoot() {
			return true
		}
	}
	return false
}
