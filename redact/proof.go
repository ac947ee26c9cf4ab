package redact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// The proof reads the finished copy with a reader of its own, and knows neither the places,
// nor the rule, nor the pseudonyms. It shares with the writer the header as it was parsed
// (and so the layout of the columns), the table of the original's strings, the list of V8's
// and Node.js's names, and the names of compiled code and its tables: a mistake in those is
// in both. It knows the sums of the original's graph, and asks of the copy:
//
//   - the nodes are the same numbers, and so are the types, names and targets of the edges;
//   - there is no text but in the strings;
//   - each string is as long as it was;
//   - no word of the original, four or more letters and digits in a row, is anywhere in the
//     strings, unless the copy itself shows that it is one of code: V8 has it as the name
//     of a function, a variable or a script, as a constant of compiled code or as a word of
//     its own, or it is in the list of V8's and Node.js's names;
//   - no other string of more than three characters is what it was.

// sums stand for the numbers of a graph.
type sums struct{ nodes, edges sum }

type sum uint64

func (s *sum) add(v uint64) { *s = (*s^sum(v))*0x9e3779b97f4a7c15 + 1 }

// role says who may have named a string.
type role uint8

const (
	roleEngine   role = 1 << iota // the engine, in a place of its own
	roleNative                    // the engine or what it is embedded in
	roleCode                      // a function or a script
	roleVariable                  // a variable
	roleConstant                  // a constant of compiled code
)

// prover reads a copy.
type prover struct {
	*scanner
	h     *header
	was   *table
	sums  sums
	roles []role // by string

	kinds      []uint8 // of the nodes
	names      []uint32
	counts     []uint32
	wanted     map[uint32]bool // the names that bytecode and its tables have
	isBytecode map[uint32]bool // the same, of bytecode alone
	tables     [][2]uint32     // references between those, and to strings
	code       lexicon         // words that may stay
	words      wordTable       // of the copy, which are not known to be of code
	equals     []uint64        // strings that are what they were
}

// prove reads the copy. It returns how many strings of more than three characters of the
// original are not in it.
func prove(ctx context.Context, file *os.File, h *header, want sums, was *table) (uint64, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("reading redacted snapshot: %w", err)
	}
	p := &prover{
		scanner: newScanner(ctx, file), h: h, was: was, roles: make([]role, was.len()), code: newLexicon(),
		wanted: map[uint32]bool{}, isBytecode: map[uint32]bool{},
	}
	for _, word := range append(engineTexts(), "symbol", "part", "value", "pair", "WeakMap", "table", "WebAssembly") {
		p.permit([]byte(word))
	}
	for i := range was.len() {
		switch name := string(was.raw(i)); {
		case name == bytecodeArray:
			p.isBytecode[uint32(i)] = true
			p.wanted[uint32(i)] = true
		case isConstants(name):
			p.wanted[uint32(i)] = true
		}
	}
	var problem *ProofError
	if err := p.document(); errors.As(err, &problem) {
		return 0, err
	} else if err != nil {
		return 0, fmt.Errorf("reading redacted snapshot: %w", err)
	}
	if p.sums != want {
		return 0, &ProofError{What: "the graph has changed"}
	}
	return p.judge()
}

// document reads the sections.
func (p *prover) document() error {
	if err := p.want('{'); err != nil {
		return err
	}
	for {
		name, err := p.plain()
		if err != nil {
			return err
		}
		if err := p.want(':'); err != nil {
			return err
		}
		switch name {
		case "snapshot":
			err = p.header()
		case "nodes":
			err = p.nodes()
		case "edges":
			err = p.edges()
		case "trace_function_infos":
			err = p.traces()
		case "strings":
			err = p.strings()
		default:
			err = p.numbersOnly()
		}
		if err != nil {
			return err
		}
		switch c, err := p.next(); {
		case err != nil:
			return err
		case c == '}':
			return nil
		case c != ',':
			return &ProofError{What: "it is no JSON object"}
		}
	}
}

func (p *prover) nodes() error {
	kindAt, nameAt, countAt := slices.Index(p.h.nodes, "type"), slices.Index(p.h.nodes, "name"), slices.Index(p.h.nodes, "edge_count")
	var roles []role
	for _, t := range p.h.nodeTypes {
		switch t {
		case "hidden", "array", "number", "synthetic", "object shape", "wasm object":
			roles = append(roles, roleEngine)
		case "native":
			roles = append(roles, roleNative)
		case "closure", "code":
			roles = append(roles, roleCode)
		default:
			roles = append(roles, 0)
		}
	}
	p.kinds, p.names, p.counts = make([]uint8, 0, p.h.numNodes), make([]uint32, 0, p.h.numNodes), make([]uint32, 0, p.h.numNodes)
	return p.records(len(p.h.nodes), func(vals []uint64) error {
		for _, v := range vals {
			p.sums.nodes.add(v)
		}
		kind, name := vals[kindAt], vals[nameAt]
		if kind >= uint64(len(roles)) || name >= uint64(len(p.roles)) {
			return &ProofError{What: "a node has another type or name"}
		}
		p.kinds, p.names, p.counts = append(p.kinds, uint8(kind)), append(p.names, uint32(name)), append(p.counts, uint32(vals[countAt]))
		p.roles[name] |= roles[kind]
		return nil
	})
}

func (p *prover) edges() error {
	kindAt, nameAt, toAt := slices.Index(p.h.edges, "type"), slices.Index(p.h.edges, "name_or_index"), slices.Index(p.h.edges, "to_node")
	isString := make([]bool, len(p.h.nodeTypes))
	for i, t := range p.h.nodeTypes {
		isString[i] = strings.HasSuffix(t, "string")
	}
	source, left := 0, uint32(0)
	fields := uint64(len(p.h.nodes))
	return p.records(len(p.h.edges), func(vals []uint64) error {
		for left == 0 {
			if source == len(p.counts) {
				return &ProofError{What: "an edge has no source"}
			}
			left = p.counts[source]
			source++
		}
		left--
		kind, name, to := vals[kindAt], vals[nameAt], vals[toAt]
		if kind >= uint64(len(p.h.edgeTypes)) || to/fields >= uint64(len(p.kinds)) {
			return &ProofError{What: "an edge has another type or target"}
		}
		p.sums.edges.add(kind)
		p.sums.edges.add(to)
		inner := false
		switch p.h.edgeTypes[kind] {
		case "context":
			p.sums.edges.add(name)
			p.roles[min(name, uint64(len(p.roles)-1))] |= roleVariable
		case "internal", "weak", "shortcut":
			p.sums.edges.add(name)
			p.roles[min(name, uint64(len(p.roles)-1))] |= roleEngine
			inner = true
		case "property":
			p.sums.edges.add(name)
		case "hidden":
			inner = true
		}
		if inner && p.wanted[p.names[source-1]] {
			target := to / fields
			if isString[p.kinds[target]] || p.wanted[p.names[target]] {
				p.tables = append(p.tables, [2]uint32{uint32(source - 1), uint32(target)})
			}
		}
		return nil
	})
}

// traces reads the functions that allocations are traced to.
func (p *prover) traces() error {
	if len(p.h.traces) == 0 {
		return p.numbersOnly()
	}
	return p.records(len(p.h.traces), func(vals []uint64) error {
		for i, field := range p.h.traces {
			if (field == "name" || field == "script_name") && vals[i] < uint64(len(p.roles)) {
				p.roles[vals[i]] |= roleCode
			}
		}
		return nil
	})
}

// constants gives the constants of compiled code their role: what is reached from bytecode
// through its tables. It returns how many references it has followed, none of them twice,
// whatever order a hostile file has them in.
func (p *prover) constants() (followed int) {
	var open []uint32 // nodes whose references are yet to be followed
	for i, t := range p.tables {
		if source := t[0]; p.isBytecode[p.names[source]] && (i == 0 || p.tables[i-1][0] != source) {
			open = append(open, source)
		}
	}
	reached := newBits(uint64(len(p.names)))
	for len(open) > 0 {
		source := open[len(open)-1]
		open = open[:len(open)-1]
		// The references are in the order of the nodes that have them, as in the file.
		at, _ := slices.BinarySearchFunc(p.tables, source, func(t [2]uint32, source uint32) int { return cmp.Compare(t[0], source) })
		for ; at < len(p.tables) && p.tables[at][0] == source; at++ {
			followed++
			target := p.tables[at][1]
			if reached.has(uint64(target)) {
				continue
			}
			reached.add(uint64(target))
			name := p.names[target]
			if !p.wanted[name] || strings.HasSuffix(p.h.nodeTypes[p.kinds[target]], "string") {
				p.roles[name] |= roleConstant
			}
			if !p.isBytecode[name] { // bytecode has had its turn
				open = append(open, target)
			}
		}
	}
	return followed
}
