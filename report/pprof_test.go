package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/leak"
)

// parsed is a graph as a snapshot.
func parsed(t *testing.T, g *heaptest.Graph) *heap.Snapshot {
	t.Helper()
	s, err := heap.Parse(t.Context(), g.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sums are the values of a class.
type sums struct{ count, flat, cum int64 }

// totals adds up a profile as pprof does: a function of a stack counts once.
func totals(p *profile.Profile) map[string]sums {
	all := map[string]sums{}
	for _, s := range p.Sample {
		seen := map[string]bool{}
		for i, l := range s.Location {
			name := l.Line[0].Function.Name
			sum := all[name]
			if i == 0 {
				sum.count += s.Value[0]
				sum.flat += s.Value[1]
			}
			if !seen[name] {
				seen[name] = true
				sum.cum += s.Value[1]
			}
			all[name] = sum
		}
	}
	return all
}

// wild is a random heap with lists, loops, shared objects, two classes of one
// name, hidden parts and nodes without a size.
func wild(seed uint64, nodes int) *heaptest.Graph {
	r := rand.New(rand.NewPCG(seed, 2))
	g := heaptest.New(heaptest.Node24)
	classes := []string{"A", "B", "C", "D", "E", "ns::F (x)", ""}
	key := func(i int) string {
		if i == 0 {
			return heaptest.Root
		}
		return "n" + strconv.Itoa(i)
	}
	for i := 1; i < nodes; i++ {
		switch kind := r.IntN(10); {
		case kind == 0:
			g.Node(key(i), "array", "", int64(r.IntN(50)))
		case kind == 1:
			g.Node(key(i), "hidden", "system / Part", int64(r.IntN(9)))
		case kind == 2:
			g.Node(key(i), "object", "Placed", int64(r.IntN(40))).At(1+r.IntN(2), 10, 2)
		default:
			g.Node(key(i), "object", classes[r.IntN(len(classes))], int64(8*r.IntN(9)))
		}
	}
	for i := 1; i < nodes; i++ {
		from := r.IntN(i)
		if r.IntN(3) == 0 {
			from = max(0, i-1-r.IntN(3)) // a long chain
		}
		g.Edge(key(from), "property", "p", key(i))
		if r.IntN(4) == 0 {
			g.Edge(key(r.IntN(nodes)), "property", "q", key(i))
		}
	}
	return g
}

func TestPprofAgreesWithClasses(t *testing.T) {
	for seed := range uint64(30) {
		s := parsed(t, wild(seed, 300))
		r := New(Info{}, &leak.Diagnosis{}, s)
		p := r.profile()
		if err := p.CheckValid(); err != nil {
			t.Fatal(err)
		}
		got := totals(p)
		c := newChains(s)
		for i, name := range c.functionNames(r.namer()) {
			class := c.classes[i]
			want := sums{int64(class.Count), class.Shallow, class.Retained}
			if got[name] != want {
				t.Errorf("seed %d: %s is %+v, want %+v", seed, name, got[name], want)
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("seed %d: more in the profile: %v", seed, got)
		}
	}
}

// TestPprofIsBounded cuts chains: what is flat stays what it was.
func TestPprofIsBounded(t *testing.T) {
	s := parsed(t, wild(1, 3000))
	whole := newChains(s)
	whole.walk()
	flat := func(c *chains) map[uint32]sums {
		all := map[uint32]sums{}
		for _, s := range c.samples {
			sum := all[s.class]
			sum.count += s.count
			sum.flat += s.bytes
			all[s.class] = sum
		}
		return all
	}
	want := flat(whole)
	for _, limit := range []int{len(whole.samples), len(whole.samples) / 2, 20, 1} {
		c := newChains(s)
		c.walk()
		went := c.cut(limit)
		if (went == 0) != (limit == len(whole.samples)) {
			t.Errorf("limit %d: %d contexts went", limit, went)
		}
		if len(c.samples) > max(limit, len(c.classes)) {
			t.Errorf("limit %d: %d samples", limit, len(c.samples))
		}
		if got := flat(c); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %d: got %v, want %v", limit, got, want)
		}
	}
}

// TestPprofOfAList has a chain that is as deep as the heap has objects.
func TestPprofOfAList(t *testing.T) {
	const links = 200_000
	g := heaptest.New(heaptest.Node24)
	g.ExtraNative(77)
	last := heaptest.Root
	for i := range links {
		key := strconv.Itoa(i)
		g.Node(key, "object", []string{"Even", "Odd"}[i%2], 16)
		g.Edge(last, "property", "next", key)
		last = key
	}
	p := New(Info{}, &leak.Diagnosis{}, parsed(t, g)).profile()
	if len(p.Sample) > 4 {
		t.Errorf("%d samples", len(p.Sample))
	}
	got := totals(p)
	if want := (sums{links / 2, links * 8, links * 16}); got["Even"] != want {
		t.Errorf("got %+v, want %+v", got["Even"], want)
	}
	if want := (sums{0, 77, 77}); got[outsideGraph] != want {
		t.Errorf("got %+v, want %+v", got[outsideGraph], want)
	}
}

// TestPprofInPprof has the tool itself print the table of a summary.
func TestPprofInPprof(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		nodetest.Missing(t, "no go on PATH", "install Go, which has pprof")
	}
	s := parsed(t, wild(7, 2000))
	r := New(Info{Tool: "ecsheap 1.2.3"}, &leak.Diagnosis{Summary: "Leak: something grows."}, s)
	var b bytes.Buffer
	if err := r.Pprof(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "heap.pb.gz")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	pprof := func(args ...string) string {
		args = append(append([]string{"tool", "pprof"}, args...), file)
		out, err := exec.Command(tool, args...).Output()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if got := pprof("-comments"); !strings.Contains(got, "ecsheap 1.2.3\nLeak: something grows.\n") {
		t.Errorf("comments: %q", got)
	}
	got := map[string]sums{}
	for _, line := range strings.Split(pprof("-top", "-cum", "-unit=B", "-nodefraction=0", "-edgefraction=0", "-nodecount=100000"), "\n") {
		f := strings.Fields(line)
		if len(f) < 6 || !strings.HasSuffix(f[1], "%") {
			continue
		}
		_, name, _ := strings.Cut(line, f[4]+"  ") // the second share
		got[name] = sums{flat: bytesOf(t, f[0]), cum: bytesOf(t, f[3])}
	}
	c := newChains(s)
	for i, name := range c.functionNames(r.namer()) {
		if want := (sums{flat: c.classes[i].Shallow, cum: c.classes[i].Retained}); got[name] != want {
			t.Errorf("%s is %+v, want %+v", name, got[name], want)
		}
	}
}

func bytesOf(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSuffix(text, "B"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFunctionNames(t *testing.T) {
	at := func(script string, line int) *heap.Location {
		return &heap.Location{Script: script, ScriptID: 7, Line: line}
	}
	c := &chains{classes: []heap.Class{
		{Key: "1", Name: "Alone", Location: at("/srv/a.js", 1)},
		{Key: "2", Name: "Twice"},
		{Key: "3", Name: "Twice", Location: at("/srv/a.js", 4)},
		{Key: "4", Name: "Same", Location: at("/srv/a/x.js", 4)},
		{Key: "5", Name: "Same", Location: at("/srv/b/x.js", 4)},
		{Key: "6", Name: "Equal", Location: at("", 4)},
		{Key: "7", Name: "Equal", Location: at("", 4)},
		{Key: "8", Name: ""},
		{Key: "9", Name: "bad\x1b[2J"},
		{Key: "10", Name: "{id, a@b.c}"},
		{Key: "11", Name: "{id, d@e.f}"},
	}}
	want := []string{
		"Alone", "Twice", "Twice  a.js:5", "Same  /srv/a/x.js:5:1", "Same  /srv/b/x.js:5:1", "Equal  #6", "Equal  #7", "(no name)", `bad\x1b[2J`, "{id, [key]}  #10", "{id, [key]}  #11",
	}
	if got := c.functionNames(namer{}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkPprof(b *testing.B) {
	file := os.Getenv("ECSHEAP_BENCH_SNAPSHOT")
	if file == "" {
		b.Skip("ECSHEAP_BENCH_SNAPSHOT names no snapshot")
	}
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	s, err := heap.Parse(b.Context(), f, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c := newChains(s)
		c.walk()
		b.ReportMetric(float64(len(c.samples)), "stacks")
		b.ReportMetric(float64(len(c.contexts)), "contexts")
	}
}
