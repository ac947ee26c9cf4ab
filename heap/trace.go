package heap

import (
	"fmt"
	"math"
	"slices"
)

// Frame is a function on the stack of an allocation. Its place is that of the function,
// not of the call in it.
type Frame struct {
	Function string // name, "" = anonymous
	// Location is where the function starts. Line and Column are -1 when V8 does not
	// know them, as of functions that no script has.
	Location
}

// String returns what JavaScript writes of a frame: function (script:line:column), or the
// function alone where V8 knows no place.
func (f Frame) String() string {
	name := f.Function
	if name == "" {
		name = "(anonymous)"
	}
	if f.Line < 0 {
		return name
	}
	return name + " (" + f.Location.String() + ")"
}

// Allocation returns the stack by which the object was allocated, innermost function
// first. It is nil when that is unknown: of all objects in a snapshot of a process that
// does not track its allocations, and of those that are older than the tracking
// (HeapProfiler.startTrackingHeapObjects with trackAllocations). V8 keeps 64 functions
// of a stack.
func (s *Snapshot) Allocation(n Node) []Frame {
	if int(n) >= len(s.traces.of) {
		return nil
	}
	var frames []Frame
	t := &s.traces
	for i := t.find(s.traces.of[n]); i != noTrace && t.parents[i] != noTrace; i = t.parents[i] {
		f := t.functions[t.function[i]]
		frames = append(frames, Frame{
			Function: s.text.string(textID(f.name)),
			Location: Location{
				ScriptID: int(f.script), Script: s.text.string(textID(f.scriptName)),
				Line: int(f.line) - 1, Column: int(f.column) - 1,
			},
		})
	}
	return frames
}

// noTrace is the parent of the root of the tree, and what is found where nothing is.
const noTrace = math.MaxUint32

// traces are the stacks of allocations: a tree with a function at each node. Stacks
// that start alike share nodes. V8 writes it in AllocationTracker's terms
// (v8/src/profiler/allocation-tracker.h).
type traces struct {
	of []uint32 // id of the tree's node by which a node of the heap was allocated, 0 = unknown

	ids       []uint32 // ascending from complete on
	parents   []uint32 // index of the parent, or noTrace
	function  []uint32 // index in functions
	functions []tracedFunction
}

// tracedFunction is a function on a stack.
type tracedFunction struct {
	name, scriptName uint32 // textID
	script           uint32 // id
	line, column     uint32 // count from 1, 0 = unknown
}

// find returns the index of the tree's node with the id, or noTrace.
func (t *traces) find(id uint32) uint32 {
	if i, ok := slices.BinarySearch(t.ids, id); ok {
		return uint32(i)
	}
	return noTrace
}

// functionFields are the fields of a record of trace_function_infos that we read.
var functionFields = [...]string{"name", "script_name", "script_id", "line", "column"}

// traceFunctions reads the section "trace_function_infos". It has some thousand
// records, so that one goroutine is enough.
func (p *parser) traceFunctions() error {
	lay := p.h.functions
	if !p.h.tracked {
		return p.skip()
	}
	var at [len(functionFields)]int
	for i, name := range functionFields {
		at[i] = lay.at[name]
	}
	vals := make([]uint32, lay.fields)
	return p.list(func() error {
		if _, err := p.peek(); err != nil {
			return err
		}
		start := p.offset()
		for i := range vals {
			if i > 0 {
				if err := p.expect(','); err != nil {
					return err
				}
			}
			var err error
			if vals[i], err = p.number32(); err != nil {
				return err
			}
		}
		f := tracedFunction{vals[at[0]], vals[at[1]], vals[at[2]], vals[at[3]], vals[at[4]]}
		p.functionNames.add(uint64(max(f.name, f.scriptName)), start)
		p.s.traces.functions = append(p.s.traces.functions, f)
		return nil
	})
}

// list reads an array whose elements item reads.
func (in *input) list(item func() error) error {
	if err := in.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		done, err := in.closed(first)
		if done || err != nil {
			return err
		}
		if err := item(); err != nil {
			return err
		}
	}
}

// closed reads the end of an array, if it is there, or else the comma before another
// element than the first.
func (in *input) closed(first bool) (bool, error) {
	c, err := in.peek()
	if err != nil {
		return false, err
	}
	if c == ']' && in.pos < in.end {
		in.pos++
		return true, nil
	}
	if first {
		return false, nil
	}
	return false, in.expect(',')
}

// number32 reads a number of 32 bits, and white space before it.
func (in *input) number32() (uint32, error) {
	if _, err := in.peek(); err != nil {
		return 0, err
	}
	v := uint64(0)
	for digits := 0; ; digits++ {
		var c byte
		if in.pos == in.end {
			ok, err := in.more()
			if err != nil {
				return 0, err
			}
			if ok {
				c = in.buf[in.pos]
			}
		} else {
			c = in.buf[in.pos]
		}
		if c-'0' > 9 {
			if digits == 0 {
				return 0, in.want("a number")
			}
			return uint32(v), nil
		}
		if v = v*10 + uint64(c-'0'); v > math.MaxUint32 {
			return 0, in.want("a number of 32 bits")
		}
		in.pos++
	}
}

// treeReader reads the section "trace_tree": an array of one node, whose last number is
// followed by the array of its children, as flat as the first one. It does not recurse,
// whatever the depth.
type treeReader struct {
	*parser
	fields, children int // numbers of a node with its array, and which of them that is
	vals             []uint32
	parent           uint32 // whose children are being read
}

// traceTree reads the section of that name.
func (p *parser) traceTree() error {
	if !p.h.tracked {
		return p.skip()
	}
	lay := p.h.traceNodes
	r := treeReader{
		parser: p, fields: lay.fields, children: lay.at["children"], vals: make([]uint32, lay.fields), parent: noTrace,
	}
	if err := p.expect('['); err != nil {
		return err
	}
	for first := true; ; {
		closed, err := p.closed(first)
		if err != nil {
			return err
		}
		if !closed {
			if err := r.enter(); err != nil {
				return err
			}
			first = true
			continue
		}
		if r.parent == noTrace {
			return nil
		}
		if err := r.leave(); err != nil {
			return err
		}
		first = false
	}
}

// enter reads a node up to the start of its children.
func (r *treeReader) enter() error {
	if _, err := r.peek(); err != nil {
		return err
	}
	t, start := &r.s.traces, r.offset()
	for i := range r.children {
		var err error
		if r.vals[i], err = r.number32(); err != nil {
			return err
		}
		if err := r.expect(','); err != nil {
			return err
		}
	}
	if r.parent == noTrace && len(t.parents) > 0 {
		return &SyntaxError{Offset: start, Want: "one tree of allocations", Got: "another"}
	}
	id, function := r.vals[r.h.traceNodes.at["id"]], r.vals[r.h.traceNodes.at["function_info_index"]]
	r.functionIndexes.add(uint64(function), start)
	t.ids, t.parents, t.function = append(t.ids, id), append(t.parents, r.parent), append(t.function, function)
	r.parent = uint32(len(t.parents) - 1)
	return r.expect('[')
}

// leave reads what follows the children of a node.
func (r *treeReader) leave() error {
	for range r.fields - r.children - 1 {
		if err := r.expect(','); err != nil {
			return err
		}
		if _, err := r.number32(); err != nil {
			return err
		}
	}
	r.parent = r.s.traces.parents[r.parent]
	return nil
}

// completeTraces checks what refers from one section to another, and sorts the tree by
// id for find.
func (p *parser) completeTraces() error {
	t := &p.s.traces
	if n := len(t.functions); p.functionIndexes.seen && p.functionIndexes.value >= uint64(n) {
		return &SyntaxError{
			Offset: p.functionIndexes.offset,
			Want:   fmt.Sprintf("the index of one of %d functions", n), Got: fmt.Sprint(p.functionIndexes.value),
		}
	}
	order := make([]uint32, len(t.ids))
	for i := range order {
		order[i] = uint32(i)
	}
	order = radixSort(order, func(i uint32) uint32 { return t.ids[i] })
	moved := make([]uint32, len(order)) // where each has gone
	for to, from := range order {
		moved[from] = uint32(to)
	}
	sorted := traces{of: t.of, functions: t.functions}
	for i, from := range order {
		if i > 0 && t.ids[from] == sorted.ids[i-1] {
			return &SyntaxError{
				Offset: p.seen["trace_tree"], Want: "nodes of the tree with ids of their own", Got: fmt.Sprint(t.ids[from], " twice"),
			}
		}
		parent := t.parents[from]
		if parent != noTrace {
			parent = moved[parent]
		}
		sorted.ids = append(sorted.ids, t.ids[from])
		sorted.parents = append(sorted.parents, parent)
		sorted.function = append(sorted.function, t.function[from])
	}
	p.s.traces = sorted
	return nil
}
