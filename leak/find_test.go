package leak

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ecsheap/ecsheap/heap"
)

// each is how many elements come in an interval.
const each = 100

// scene is a way in which a heap develops, and what is to be said of it.
type scene struct {
	name    string
	build   func(s *shot)
	verdict Verdict
	title   string // of the first suspect, "" = any or none
	pattern Pattern
	counts  []int
}

var scenes = []scene{
	{"a map that grows", func(s *shot) {
		s.hold("vars", "store", "store", "RateStore", 40)
		s.collect("store", "hits", "hits", "Map", numbers(0, s.k*each), s.object("hit", "Hit"))
	}, Leaking, "RateStore.hits (Map)", UnboundedCache, []int{100, 200, 300}},
	{"a set in a variable", func(s *shot) {
		s.collect("vars", "seen", "seen", "Set", numbers(0, s.k*each), s.object("id", "Id"))
	}, Leaking, "seen in server.js (Set)", UnboundedCache, []int{100, 200, 300}},
	{"a global array", func(s *shot) {
		s.array("global", "errors", "errors", numbers(0, s.k*each), s.object("error", "AppError"))
	}, Leaking, "global.errors (Array)", UnboundedArray, []int{100, 200, 300}},
	{"a map made after the first snapshot", func(s *shot) {
		if s.k > 1 {
			s.collect("vars", "late", "late", "Map", numbers(0, (s.k-1)*each), s.object("entry", "Entry"))
		}
	}, Leaking, "late in server.js (Map)", UnboundedCache, []int{-1, 100, 200}},
	{"listeners", func(s *shot) {
		s.hold("vars", "bus", "bus", "Bus", 40)
		s.hold("bus", "_events", "events", "Object", 40)
		s.array("events", "tick", "ticks", numbers(0, s.k*each), func(i int) string {
			key := fmt.Sprint("listener", i)
			s.node(key, "closure", "onTick", 64).At(7, 40, 4)
			s.node(key+" vars", "object", "system / Context", 400)
			s.Edge(key, "internal", "context", key+" vars")
			return key
		})
	}, Leaking, `Bus listeners of "tick" (Array)`, ListenerLeak, []int{100, 200, 300}},
	{"timers that a timers list holds as well", func(s *shot) {
		make := s.object("timer", "Timeout")
		s.collect("vars", "timers", "timers", "Map", numbers(0, s.k*each), make)
		s.hold("vars", "list", "list", "TimersList", 40)
		for i := range s.k * each {
			key := fmt.Sprint("timer", i)
			s.Edge("list", "property", fmt.Sprint("_idle", i%2), key)
		}
	}, Leaking, "timers in server.js (Map)", TimerLeak, []int{100, 200, 300}},
	{"a set of what is also in a WeakMap", func(s *shot) {
		make := s.object("conn", "Conn")
		s.hold("global", "contexts", "contexts", "WeakMap", 32)
		s.node("pairs", "array", "", 64)
		s.Edge("contexts", "internal", "table", "pairs")
		for _, i := range numbers(0, s.k*each*6/5) {
			s.Edge("pairs", "internal", fmt.Sprintf("%d / part of key (Key @%d) -> value (Conn @%d) pair in WeakMap (table @1)", i, i, i), make(i))
		}
		s.collect("vars", "active", "active", "Set", numbers(0, s.k*each), func(i int) string { return fmt.Sprint("conn", i) })
	}, Leaking, "active in server.js (Set)", UnboundedCache, []int{100, 200, 300}},
	{"collections of tenants", func(s *shot) {
		s.collect("vars", "tenants", "tenants", "Map", numbers(0, 20), func(i int) string {
			key := fmt.Sprint("tenant", i)
			s.node(key, "object", "Tenant", 40)
			s.array(key, "events", key+" events", numbers(0, s.k*5), s.object(key+" event", "Event"))
			return key
		})
	}, Leaking, "events (Array) of 20 Tenant in tenants in server.js", UnboundedArray, []int{100, 200, 300}},
	{"a list with new links behind", func(s *shot) {
		s.hold("vars", "queue", "queue", "Queue", 40)
		s.links("queue", numbers(0, s.k*each))
	}, Leaking, "Queue.head (chain of Link)", LinkedList, []int{100, 200, 300}},
	{"a list with new links in front", func(s *shot) {
		s.hold("vars", "queue", "queue", "Queue", 40)
		all := numbers(0, s.k*each)
		slices.Reverse(all)
		s.links("queue", all)
	}, Leaking, "Queue.head (chain of Link)", LinkedList, []int{100, 200, 300}},
	{"a string that is made anew, longer", func(s *shot) {
		s.hold("vars", "log", "log", "Log", 40)
		key := fmt.Sprint("text", s.k)
		s.node(key, "string", "GET /", int64(s.k)*40_000)
		s.Edge("log", "property", "pending", key)
	}, Leaking, "Log.pending ((string))", StringConcatenation, nil},
	{"an array of numbers", func(s *shot) {
		s.hold("vars", "latencies", "latencies", "Array", int64(s.k)*40_000)
	}, Leaking, "latencies in server.js (Array)", UnboundedArray, nil},
	{"state that is replaced as a whole", func(s *shot) {
		state := fmt.Sprint("state", s.k)
		s.hold("vars", "state", state, "Object", 40)
		s.array(state, "items", fmt.Sprint("items", s.k), numbers(0, s.k*each), s.object("item", "Item"))
	}, Leaking, "state.items in server.js (Array)", OtherPattern, nil},
	{"two leaks", func(s *shot) {
		s.collect("vars", "a", "a", "Map", numbers(0, s.k*each*2), s.object("a", "A"))
		s.collect("vars", "b", "b", "Map", numbers(0, s.k*each), s.object("b", "B"))
	}, Leaking, "a in server.js (Map)", UnboundedCache, []int{200, 400, 600}},
	{"things under way beside what is never taken out", func(s *shot) {
		kept := numbers(0, s.k*each)
		s.collect("vars", "open", "open", "Map", append(kept, numbers(s.k*10_000, s.k*10_000+each/2)...), s.object("call", "Call"))
	}, Leaking, "open in server.js (Map)", UnboundedCache, []int{150, 250, 350}},

	{"a cache that is full", func(s *shot) {
		s.collect("vars", "cache", "cache", "Map", numbers(s.k*each, s.k*each+300), s.object("page", "Page"))
	}, Stable, "", "", nil},
	{"a cache whose elements are all replaced", func(s *shot) {
		s.collect("vars", "cache", "cache", "Map", numbers(s.k*1000, s.k*1000+300+s.k), s.object("page", "Page"))
	}, Stable, "", "", nil},
	{"a table that fills up", func(s *shot) {
		s.collect("vars", "table", "table", "Map", numbers(0, []int{0, 100, 300, 400}[s.k]), s.object("word", "Word"))
	}, Growing, "table in server.js (Map)", UnboundedCache, []int{100, 300, 400}},
	{"a cache that grows while its elements are replaced", func(s *shot) {
		s.collect("vars", "cache", "cache", "Map", numbers(s.k*each, s.k*160+300), s.object("page", "Page"))
	}, Growing, "cache in server.js (Map)", UnboundedCache, []int{360, 420, 480}},
	{"a journal that has been cut", func(s *shot) {
		s.hold("vars", "journal", "journal", "Journal", 40)
		key, from, to := "first entries", 0, 400
		if s.k > 1 {
			key, from, to = "later entries", 400, 400+(s.k-1)*each
		}
		s.array("journal", "entries", key, numbers(from, to), s.object("entry", "Entry"))
	}, Growing, "Journal.entries (Array)", UnboundedArray, []int{-1, 100, 200}},
	{"a burst that drains", func(s *shot) {
		s.collect("vars", "jobs", "jobs", "Map", numbers(0, []int{0, 10, 500, 10}[s.k]), s.object("job", "Job"))
	}, Stable, "", "", nil},
	{"more and more requests under way", func(s *shot) {
		s.collect("vars", "open", "open", "Set", numbers(s.k*1000, s.k*1000+s.k*each), s.object("request", "Request"))
	}, Stable, "", "", nil},
	{"code that gets hot", func(s *shot) {
		for i := range s.k * each {
			key := fmt.Sprint("code", i)
			s.node(key, "code", "(code)", 1000)
			s.Edge("main", "internal", fmt.Sprint("code", i), key)
		}
	}, Stable, "", "", nil},
	{"fields that are filled when they are first needed", func(s *shot) {
		s.hold("vars", "service", "service", "Rates", 80)
		for i := range s.k {
			key := fmt.Sprint("region", i)
			s.hold("service", fmt.Sprint("region", string(rune('a'+i))), key, "Region", 100)
			s.array(key, "rows", key+" rows", numbers(0, each), s.object(key+" row", "Row"))
		}
	}, Growing, "service in server.js (Rates)", OtherPattern, nil},
	{"a cache with a limit that is not reached", func(s *shot) {
		s.hold("vars", "cache", "cache", "Lru", 80)
		s.shape("cache", "max", "entries")
		s.collect("cache", "entries", "entries", "Map", numbers(0, s.k*each), s.object("page", "Page"))
	}, Growing, "Lru.entries (Map)", UnboundedCache, []int{100, 200, 300}},
	{"a cache whose limit is undefined", func(s *shot) {
		s.hold("vars", "cache", "cache", "Lru", 80)
		s.shape("cache", "max", "entries")
		s.node("undefined", "hidden", "undefined", 0)
		s.Edge("cache", "property", "max", "undefined")
		s.collect("cache", "entries", "entries", "Map", numbers(0, s.k*each), s.object("page", "Page"))
	}, Leaking, "Lru.entries (Map)", UnboundedCache, []int{100, 200, 300}},
	{"a cache whose limit is Infinity", func(s *shot) {
		s.hold("vars", "cache", "cache", "Lru", 80)
		s.shape("cache", "max", "entries")
		s.node("infinity", "number", "heap number", 16)
		s.Edge("cache", "hidden", "0", "infinity")
		s.collect("cache", "entries", "entries", "Map", numbers(0, s.k*each), s.object("page", "Page"))
	}, Leaking, "Lru.entries (Map)", UnboundedCache, []int{100, 200, 300}},
	{"a cache with a limit that can be read", func(s *shot) { s.limited("1000") }, Growing, "Lru.entries (Map)", UnboundedCache, []int{100, 200, 300}},
	{"a cache with a limit of 0", func(s *shot) { s.limited("0") }, Leaking, "Lru.entries (Map)", UnboundedCache, []int{100, 200, 300}},
	{"a cache with a limit beyond all memory", func(s *shot) { s.limited("67108864") }, Leaking, "Lru.entries (Map)", UnboundedCache, []int{100, 200, 300}},
	{"modules that are loaded late", func(s *shot) {
		s.collect("vars", "modules", "modules", "Map", numbers(0, s.k*30), s.object("module", "Module"))
	}, Growing, "modules in server.js (Map)", ModulesLoaded, []int{30, 60, 90}},
	{"modules with names that are made up", func(s *shot) {
		s.collect("vars", "modules", "modules", "Map", numbers(0, s.k*each), s.object("module", "Module"))
	}, Leaking, "modules in server.js (Map)", ModulesLoaded, []int{100, 200, 300}},
	{"connections that are open", func(s *shot) { s.connections(true) }, Growing, "clients in server.js (Set)", OpenSockets, []int{100, 200, 300}},
	{"connections that have closed", func(s *shot) { s.connections(false) }, Leaking, "clients in server.js (Set)", OpenSockets, []int{100, 200, 300}},
	{"a class whose name a minifier has cut", func(s *shot) {
		s.hold("vars", "quotes", "quotes", "u", 40)
		s.collect("quotes", "#t", "entries", "Map", numbers(0, s.k*each), s.object("page", "Page"))
	}, Leaking, "quotes.#t in server.js (Map)", UnboundedCache, []int{100, 200, 300}},
	{"an application with many methods", func(s *shot) {
		s.hold("vars", "app", "app", "Object", 40)
		s.node("slots", "array", "", 800)
		s.Edge("app", "internal", "properties", "slots")
		for i := range minProperties {
			name := fmt.Sprint("method", string(rune('a'+i)))
			s.node(name, "closure", name, 64)
			s.Edge("app", "property", name, name)
		}
		s.hold("app", "audit", "audit", "Object", 40)
		s.array("audit", "trail", "trail", numbers(0, s.k*each), s.object("row", "Row"))
	}, Leaking, "app.audit.trail in server.js (Array)", UnboundedArray, []int{100, 200, 300}},
	{"signals that follow another one", func(s *shot) {
		s.collect("vars", "signals", "signals", "Set", numbers(0, s.k*each), s.object("signal", "AbortSignal"))
	}, Leaking, "signals in server.js (Set)", ListenerLeak, []int{100, 200, 300}},
}

// limited adds a cache with a limit, in a snapshot that has the values of numbers.
func (s *shot) limited(limit string) {
	s.hold("vars", "cache", "cache", "Lru", 80)
	s.node("limit", "number", "smi number", 0)
	s.node("digits", "string", limit, 0)
	s.Edge("cache", "property", "max", "limit")
	s.Edge("limit", "internal", "value", "digits")
	s.collect("cache", "entries", "entries", "Map", numbers(0, s.k*each), s.object("page", "Page"))
}

// connections adds a set of sockets, open or closed.
func (s *shot) connections(open bool) {
	s.node("null", "hidden", "system / Oddball", 0)
	make := s.object("socket", "WebSocket")
	s.collect("vars", "clients", "clients", "Set", numbers(0, s.k*each), func(i int) string {
		key := make(i)
		s.hold(key, "_socket", key+" tcp", "Socket", 300)
		if open {
			s.hold(key+" tcp", "_handle", key+" handle", "TCP", 40)
		} else {
			s.Edge(key+" tcp", "property", "_handle", "null")
		}
		return key
	})
}

// links adds a list of links, each with the next one in "next".
func (s *shot) links(owner string, order []int) {
	edge := "head"
	for _, i := range order {
		key := fmt.Sprint("link", i)
		s.hold(owner, edge, key, "Link", 400)
		owner, edge = key, "next"
	}
}

// shape gives an object the names of its properties, as V8 keeps them.
func (s *shot) shape(object string, names ...string) {
	s.node(object+" map", "object shape", "system / Map", 80)
	s.Edge(object, "internal", "map", object+" map")
	s.node(object+" descriptors", "object shape", "system / DescriptorArray", 80)
	s.Edge(object+" map", "internal", "descriptors", object+" descriptors")
	for i, name := range names {
		s.node(object+" "+name, "string", name, 16)
		s.Edge(object+" descriptors", "internal", fmt.Sprint(3*i), object+" "+name)
	}
}

func TestFind(t *testing.T) {
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) { sc.check(t) })
	}
}

// check compares what is said of three snapshots with what is to be said.
func (sc scene) check(t *testing.T) {
	t.Helper()
	d := diagnose(t, 3, Options{}, sc.build)
	if d.Verdict != sc.verdict || d.Method != Survivors {
		t.Errorf("verdict %q by %q, want %q: %s %+v", d.Verdict, d.Method, sc.verdict, d.Reason, d.Suspects)
	}
	if sc.title == "" {
		return
	}
	if len(d.Suspects) == 0 {
		t.Fatal("no suspects")
	}
	s := d.Suspects[0]
	if s.Title != sc.title || s.Pattern != sc.pattern || s.Rank != 1 {
		t.Errorf("suspect %d %q, %q, want %q, %q", s.Rank, s.Title, s.Pattern, sc.title, sc.pattern)
	}
	if sc.counts != nil && !slices.Equal(s.Counts, sc.counts) {
		t.Errorf("counts %v, want %v", s.Counts, sc.counts)
	}
	if s.Explanation == "" || s.Advice == "" || len(s.Path) == 0 {
		t.Errorf("not all is told: %+v", s)
	}
}

// TestSameObjectsAreNamedOnce has objects that two collections hold.
func TestSameObjectsAreNamedOnce(t *testing.T) {
	for _, name := range []string{"a set of what is also in a WeakMap", "timers that a timers list holds as well"} {
		i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == name })
		if d := diagnose(t, 3, Options{}, scenes[i].build); len(d.Suspects) != 1 {
			t.Errorf("%s: suspects %+v", name, d.Suspects)
		}
	}
}

func TestTwoLeaksAreBothNamed(t *testing.T) {
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == "two leaks" })
	d := diagnose(t, 3, Options{}, scenes[i].build)
	var titles []string
	for _, s := range d.Suspects {
		titles = append(titles, s.Title)
	}
	if !slices.Equal(titles, []string{"a in server.js (Map)", "b in server.js (Map)"}) {
		t.Errorf("suspects %q", titles)
	}
	if !strings.HasSuffix(d.Summary, " Another one: b in server.js (Map).") {
		t.Errorf("summary %q", d.Summary)
	}
}

// leaking is the first scene.
func leaking() func(*shot) { return scenes[0].build }

// TestSeries looks at series of other lengths.
func TestSeries(t *testing.T) {
	tests := []struct {
		shots   int
		method  Method
		verdict Verdict
	}{{1, Accumulation, Insufficient}, {2, Comparison, Growing}, {4, Survivors, Leaking}, {5, Survivors, Leaking}}
	for _, test := range tests {
		d := diagnose(t, test.shots, Options{}, leaking())
		if d.Method != test.method || d.Verdict != test.verdict || len(d.Snapshots) != test.shots {
			t.Errorf("%d snapshots: %q by %q of %d", test.shots, d.Verdict, d.Method, len(d.Snapshots))
		}
		if len(d.Suspects) == 0 || d.Suspects[0].Title != "RateStore.hits (Map)" || len(d.Suspects[0].Counts) != test.shots {
			t.Errorf("%d snapshots: suspects %+v", test.shots, d.Suspects)
		}
	}
}

// edges are the steps of a path as they are shown.
func edges(path []Step) string {
	var all []string
	for _, step := range path {
		all = append(all, step.Edge)
	}
	return strings.Join(all, " > ")
}

// TestPathLeavesOutTables checks that what V8 keeps elements in is not in a path.
func TestPathLeavesOutTables(t *testing.T) {
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == "collections of tenants" })
	s := diagnose(t, 3, Options{}, scenes[i].build).Suspects[0]
	if got := edges(s.Path); got != "global.main > (context) > context.tenants > [entry] > events" {
		t.Errorf("path %q", got)
	}
}

func TestWhatIsSaid(t *testing.T) {
	d := diagnose(t, 3, Options{MemoryLimit: 10_000_000}, leaking())
	s := d.Suspects[0]
	if want := "Leak: RateStore.hits holds 300 Hit objects, +100 per 10 min, "; !strings.HasPrefix(d.Summary, want) {
		t.Errorf("summary %q", d.Summary)
	}
	if s.CountDelta != 200 || s.CountPerSecond < 0.16 || s.CountPerSecond > 0.17 || s.GrowthPerSecond < 80 || s.GrowthPerSecond > 100 {
		t.Errorf("%d more, %f objects and %f bytes per second", s.CountDelta, s.CountPerSecond, s.GrowthPerSecond)
	}
	if s.Exhausts < 24*time.Hour || s.Exhausts > 40*time.Hour {
		t.Errorf("exhausts the limit after %v", s.Exhausts)
	}
	if got := edges(s.Path); got != "global.main > (context) > context.store > hits" {
		t.Errorf("path %q", got)
	}
	if k := s.Keeps[0]; k.Class != "(string)" || k.Count != 200 || k.Size != 60_000 {
		t.Errorf("keeps %+v", s.Keeps)
	}
	if s.Location == nil || s.Location.File != "/app/server.js" || s.Location.Line != 1 {
		t.Errorf("code at %+v", s.Location)
	}
}

// TestSameInputSameOutput runs each scene two times.
func TestSameInputSameOutput(t *testing.T) {
	for _, sc := range scenes {
		a, b := diagnose(t, 3, Options{}, sc.build), diagnose(t, 3, Options{}, sc.build)
		if diff := cmp.Diff(a, b, cmpopts.IgnoreUnexported(Suspect{})); diff != "" {
			t.Errorf("%s: %s", sc.name, diff)
		}
	}
}

func TestCancelled(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	s := (&world{ids: map[string]uint64{}, last: firstID}).take(t, 1, leaking())
	if _, err := Observe(ctx, s, Moment{}, nil); !errors.Is(err, reason) {
		t.Errorf("observing: %v", err)
	}
	if _, err := Find(ctx, nil, s, Moment{}, Options{}); !errors.Is(err, reason) {
		t.Errorf("finding: %v", err)
	}
}

// TestNothingIsNil holds the promise of Diagnosis for a heap with nothing in it.
func TestNothingIsNil(t *testing.T) {
	d := diagnose(t, 1, Options{}, func(*shot) {})
	if d.Suspects == nil || d.Classes == nil || d.Between == nil || d.Notes == nil || d.Snapshots == nil {
		t.Errorf("%+v", d)
	}
	for _, s := range diagnose(t, 3, Options{}, leaking()).Suspects {
		if s.Path == nil || s.Keeps == nil || s.Samples == nil || s.Counts == nil || s.Sizes == nil {
			t.Errorf("%+v", s)
		}
	}
}

func TestResolve(t *testing.T) {
	resolve := func(l heap.Location) Place {
		return Place{File: "src/server.ts", Line: l.Line + 10, Column: 1, Original: true}
	}
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == "listeners" })
	s := diagnose(t, 3, Options{Resolve: resolve}, scenes[i].build).Suspects[0]
	if want := (Place{File: "src/server.ts", Line: 50, Column: 1, Function: "onTick", Original: true}); s.CreatedAt == nil || *s.CreatedAt != want {
		t.Errorf("created at %+v, want %+v", s.CreatedAt, want)
	}
}
