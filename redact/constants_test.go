package redact

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// tableChain is a snapshot in which bytecode comes last, and each of its tables of constants
// refers to the one before it in the file: the worst order for whoever goes through all
// references again and again. The first table has the constant.
func tableChain(tables int) *heaptest.Graph {
	g := heaptest.New(heaptest.Node22)
	g.Node("app", "object", "App", 64)
	g.Node("value", "string", "secret value", 24)
	g.Node("constant", "string", "visibleAtTheEnd", 24)
	g.Edge(heaptest.Root, "element", "1", "app")
	g.Edge("app", "property", "visibleAtTheEnd", "value")
	before := "constant"
	for i := range tables {
		key := fmt.Sprint("pool", i)
		g.Node(key, "code", "(constant pool)", 64)
		g.Edge(key, "internal", "0", before)
		before = key
	}
	g.Node("bytecode", "code", "system / BytecodeArray", 64)
	g.Edge("bytecode", "internal", "4", before)
	g.Node("shared", "code", "App", 32)
	g.Edge("shared", "internal", "function_data", "bytecode")
	g.Edge("app", "internal", "shared", "shared")
	return g
}

// TestConstantsBehindTables finds a constant behind many tables, in the writer and in the
// proof: neither would let the name stay without the other.
func TestConstantsBehindTables(t *testing.T) {
	out, _ := redacted(t, tableChain(300).Bytes(t), Options{})
	if !slices.Contains(read(t, out).Strings, "visibleAtTheEnd") || bytes.Contains(out, []byte("secret value")) {
		t.Errorf("the copy is %s", out)
	}
}

// TestConstantsFollowOnce counts what both follow: one step a reference, whatever the order.
func TestConstantsFollowOnce(t *testing.T) {
	const (
		text, pool, bytecode = 0, 1, 2 // kinds and names
		tables               = 5000
	)
	texts := &table{}
	for _, s := range []string{"text", "(constant pool)", "system / BytecodeArray", "0"} {
		texts.add([]byte(s))
	}
	h := &header{nodes: make([]string, 1), nodeTypes: []string{"string", "code", "code"}}
	p := &prover{h: h, roles: make([]role, 4), wanted: map[uint32]bool{pool: true, bytecode: true}, isBytecode: map[uint32]bool{bytecode: true}}
	v := newEvidence(h)
	for n := range uint32(tables + 2) {
		kind := uint32(pool)
		switch n {
		case 0:
			kind = text
		case tables + 1:
			kind = bytecode
		}
		p.kinds, p.names = append(p.kinds, uint8(kind)), append(p.names, kind)
		if err := v.node(uint8(kind), kind, 1, 0); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			p.tables = append(p.tables, [2]uint32{n, n - 1}, [2]uint32{n, n - 1}) // and one of them twice
			v.code = append(v.code, codeEdge{n, n - 1, 3}, codeEdge{n, n - 1, noName})
		}
	}
	if followed := p.constants(); followed != 2*(tables+1) || p.roles[text] != roleConstant {
		t.Errorf("the proof follows %d references, of %d; the text is %b", followed, 2*(tables+1), p.roles[text])
	}
	named := func(n uint32) string { return string(texts.raw(uint64(v.nodes.name.at(uint64(n))))) }
	if followed := v.constants(texts, named, map[uint32]bool{tables + 1: true}); followed != 2*(tables+1) || v.places.at(text)&inConstant == 0 {
		t.Errorf("the writer follows %d references, of %d; the text is %b", followed, 2*(tables+1), v.places.at(text))
	}
}

// TestNamesOfSeveralWords keeps a name of several words where it is a constant of compiled
// code, as those of events are, and none that is made of data.
func TestNamesOfSeveralWords(t *testing.T) {
	g := service()
	for i, test := range []struct {
		name     string
		constant bool
	}{
		{"order:created", true}, {"http.request-done", true}, {"zqsession:zqtoken", false}, {"zqorder.zqbob", false},
		{"zqroot:zqpassword@zqhost", true}, {"zqkey:0123456789abcdef", true},
	} {
		g.Edge("app", "property", test.name, "value")
		if key := fmt.Sprint("several ", i); test.constant {
			g.Node(key, "string", test.name, 24)
			g.Edge("pool", "internal", fmt.Sprint(7+i), key)
		}
	}
	in := g.Bytes(t)
	out, _ := redacted(t, in, Options{})
	checkSame(t, in, out)
	strings := read(t, out).Strings
	for _, name := range []string{"order:created", "http.request-done"} {
		if !slices.Contains(strings, name) {
			t.Errorf("%q is gone", name)
		}
	}
	if planted := regexp.MustCompile(`zq(session|token|order|bob|root|password|host|key)`); planted.Match(out) {
		t.Errorf("%q is there", planted.Find(out))
	}
}
