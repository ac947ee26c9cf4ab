package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/leak"
)

func TestNamesOfEdges(t *testing.T) {
	for _, test := range []struct {
		kind       heap.EdgeType
		name, want string
	}{
		{heap.PropertyEdge, "timeoutIds", "timeoutIds"},
		{heap.PropertyEdge, "__proto__", "__proto__"},
		{heap.PropertyEdge, "#hidden", "#hidden"},
		{heap.PropertyEdge, "<symbol kHandle>", "<symbol kHandle>"},
		{heap.PropertyEdge, "<symbol a b c>", maskedKey},
		{heap.PropertyEdge, "bob@example.com", maskedKey},
		{heap.PropertyEdge, "bob.smith", maskedKey},
		{heap.PropertyEdge, "[12345]", maskedKey},
		{heap.PropertyEdge, "4111111111111111", maskedKey},
		{heap.PropertyEdge, strings.Repeat("a", maxCodeName+1), maskedKey},
		{heap.ElementEdge, "17", "17"},
		{heap.InternalEdge, "elements", "elements"},
		{heap.InternalEdge, `2 / part of key (Object @7) -> value (my secret @9) pair in WeakMap (table @11)`, "(pair of a WeakMap)"},
		{heap.ContextEdge, "cache", "cache"},
	} {
		if got := (namer{}).edge(test.kind, test.name); got != test.want {
			t.Errorf("%v edge %q is shown as %q, want %q", test.kind, test.name, got, test.want)
		}
		if got := (namer{open: true}).edge(test.kind, test.name); got != test.name {
			t.Errorf("with strings, %v edge %q is shown as %q", test.kind, test.name, got)
		}
	}
}

func TestNamesOfClasses(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"Order", "Order"},
		{"system / Context", "system / Context"},
		{hostile, hostile},
		{"{}", "{}"},
		{"{id, name}", "{id, name}"},
		{"{id, bob@example.com}", "{id, [key]}"},
		{`{"a, {b}", id, c d}`, "{[key], id}"},
		{`{"a \", b", id}`, "{[key], id}"},
		{"{id, …, z}", "{id, …, z}"},
		{`{"`, "{[key]}"},
	} {
		if got := (namer{}).class(test.name); got != test.want {
			t.Errorf("class %q is shown as %q, want %q", test.name, got, test.want)
		}
	}
}

func TestNamesOfFunctions(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"", ""},
		{"onRequest", "onRequest"},
		{"get size", "get size"},
		{"bound onRequest", "bound onRequest"},
		{"Server.<anonymous>", "Server.<anonymous>"},
		{"[Symbol.iterator]", "[Symbol.iterator]"},
		{"bob@example.com", maskedKey},
		{"GET /users/17", maskedKey},
	} {
		if got := (namer{}).function(test.name); got != test.want {
			t.Errorf("function %q is shown as %q, want %q", test.name, got, test.want)
		}
	}
}

// FuzzClassNames looks for a property that gets past the mask, and for names
// that are cut in the middle of a character.
func FuzzClassNames(f *testing.F) {
	for _, seed := range []string{"{id}", `{"a, b", c}`, "{…}", "{", `{"\`, "ä", hostile, "{bob@example.com}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := namer{}.class(name)
		if len(got) > maxName+len("…") {
			t.Errorf("class %q is shown in %d bytes", name, len(got))
		}
		if utf8.ValidString(name) && !utf8.ValidString(got) {
			t.Errorf("class %q is shown as %q", name, got)
		}
		if strings.HasPrefix(name, "{") && strings.Contains(strings.Trim(got, "{}"), "@") {
			t.Errorf("class %q is shown as %q", name, got)
		}
	})
}

func TestBreakableEscapesAndKeepsTheText(t *testing.T) {
	for _, text := range []string{"", "a", "src/fooBar.ts:41. Next", hostile, "ä.Ö/ß", "ThrottlerStorageService.timeoutIds"} {
		got := string(breakable(text))
		if strings.ReplaceAll(got, "<wbr>", "") != escaped(text) {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := string(breakable("at /srv/a.js of ./b. C")); got != "at /srv/<wbr>a.<wbr>js of ./<wbr>b. C" {
		t.Errorf("got %q", got)
	}
	if got := string(breakable("a.timeoutIds")); got != "a.<wbr>timeout<wbr>Ids" {
		t.Errorf("got %q", got)
	}
}

func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(text)
}

func TestScrubberTakesKeysOutOfSentences(t *testing.T) {
	for _, test := range []struct{ edge, sentence, want string }{
		{"global.bob@example.com", "global.bob@example.com (Map) grows", "global.[key] (Map) grows"},
		{`["bob@example.com"]`, `sessions["bob@example.com"] (Map)`, "sessions[key] (Map)"},
		{`global.["a b"]`, `global["a b"] (Map)`, "global[key] (Map)"},
		{"sessions", "sessions grow", "sessions grow"},
		{"x y", "x y", "[key]"},
		{"-", "a-b", "a-b"}, // too short to be told from the sentence
		{`["u:bob"]`, `Bus listeners of "u:bob" (Array)`, `Bus listeners of "[key]" (Array)`},
	} {
		d := &leak.Diagnosis{Suspects: []leak.Suspect{{Path: []leak.Step{{Edge: test.edge, Type: heap.PropertyEdge}}}}}
		r := New(Info{}, d, nil)
		if got := r.scrubber(namer{}).Replace(test.sentence); got != test.want {
			t.Errorf("with the edge %q, %q became %q, want %q", test.edge, test.sentence, got, test.want)
		}
		if got := r.scrubber(namer{open: true}).Replace(test.sentence); got != test.sentence {
			t.Errorf("with strings, %q became %q", test.sentence, got)
		}
	}
}

// TestScrubberLeavesTheSentence masks keys and classes that are English words, too, and only
// where they are names.
func TestScrubberLeavesTheSentence(t *testing.T) {
	d := &leak.Diagnosis{
		Suspects: []leak.Suspect{{
			Title: `Bus listeners of "never" (Array)`, Class: "{holds, each, id}",
			Path: []leak.Step{{Edge: "global.holds", Type: heap.PropertyEdge}, {Edge: ".growth", Type: heap.PropertyEdge}, {Edge: `["a-1 b"]`, Type: heap.PropertyEdge}},
		}},
		Classes: []leak.Growth{{Class: "Alice"}, {Class: "{never}"}, {Class: "Map"}},
	}
	r := New(Info{}, d, nil)
	r.IsCode = func(name string) bool {
		return name == "global" || name == "Bus" || name == "Map" || name == "Array" || name == "service"
	}
	for sentence, want := range map[string]string{
		"Leak: global.holds holds 5 {holds, each, id}, growth of each.": "Leak: global.[key] holds 5 {[key], id}, growth of each.",
		"never removed, as holdsters hold; global.holds.growth (Map)":   "never removed, as holdsters hold; global.[key].[key] (Map)",
		`Bus listeners of "never" (Array) never end`:                    `Bus listeners of "[key]" (Array) never end`,
		"kept by /srv/app/a.growth.js:3":                                "kept by /srv/app/a.growth.js:3",
		`more of Alice (+3), {never} (+2), {id, "a-1 b", "x, {y"} (+1)`: "more of [class] (+3), {[key]} (+2), {id, [key]} (+1)",
	} {
		if got := r.scrubber(r.namer()).Replace(sentence); got != want {
			t.Errorf("%q\nbecame %q\nwant   %q", sentence, got, want)
		}
	}
}

// TestNamesOfSeveralWords shows those that are constants of code as a whole, and no others.
func TestNamesOfSeveralWords(t *testing.T) {
	for _, test := range []struct{ event, title, want string }{
		{"user:created", `Bus listeners of "user:created" (Array)`, `Bus listeners of "user:created" (Array)`},
		{"http.request", `Bus listeners of "http.request" (Array)`, `Bus listeners of "http.request" (Array)`},
		{"user:bob", `Bus listeners of "user:bob" (Array)`, `Bus listeners of "[key]" (Array)`},
		{"user.bob", `Bus listeners of "user.bob" (Array)`, `Bus listeners of "[key]" (Array)`},
	} {
		edge := `["` + test.event + `"]`
		d := &leak.Diagnosis{Suspects: []leak.Suspect{{Title: test.title, Path: []leak.Step{{Edge: edge, Type: heap.PropertyEdge}}}}}
		r := New(Info{}, d, nil)
		r.IsCode = func(name string) bool { return name == "user" || name == "bob" || name == "Bus" || name == "Array" }
		r.IsConstant = func(name string) bool { return name == "user:created" || name == "http.request" }
		if got := r.scrubber(r.namer()).Replace(test.title); got != test.want {
			t.Errorf("%q became %q, want %q", test.title, got, test.want)
		}
		shown := r.edgeName(d.Suspects[0].Path[0]) == edge
		if want := test.title == test.want; shown != want {
			t.Errorf("the edge %q: shown %t, want %t", edge, shown, want)
		}
		r.IsCode, r.IsConstant = nil, nil // nobody knows the names of the code
		if got := r.scrubber(r.namer()).Replace(test.title); strings.Contains(got, test.event) {
			t.Errorf("%q became %q with no code to judge by", test.title, got)
		}
	}
}

// TestKeysOfMaps shows no key of an object that is used as a map, be it as innocent as
// a name, but the methods of a prototype and the fields of an object.
func TestKeysOfMaps(t *testing.T) {
	g := heaptest.New(heaptest.Node22)
	g.Node("store", "object", "Object", 40)
	g.Node("prototype", "object", "Object", 40)
	g.Edge(heaptest.Root, "property", "store", "store")
	g.Edge(heaptest.Root, "property", "prototype", "prototype")
	for i := range 20 {
		key := string(rune('a'+i)) + "lice"
		g.Node(key, "object", "Session", 40)
		g.Node(key+"()", "closure", key, 40)
		g.Edge("store", "property", key, key)
		g.Edge("prototype", "property", key, key+"()")
	}
	s, err := heap.Parse(t.Context(), g.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for open, want := range map[bool]int{false: 20, true: 0} {
		m, masked := (&Report{last: s, WithStrings: open}).namer(), 0
		for n := range heap.Node(s.NumNodes()) {
			for r := range s.Out(n) {
				if m.ref(r) == maskedKey {
					masked++
				}
			}
		}
		if masked != want {
			t.Errorf("with strings %v, %d names are masked, want %d", open, masked, want)
		}
	}
}

func TestLooksRandom(t *testing.T) {
	for name, want := range map[string]bool{
		"timeoutIds": false, "sha256Base64": false, "connectionsCheckingInterval": false, "x-forwarded-for": false, "MAX_LISTENERS": false, "utf8": false,
		"ThrottlerStorageService": false, "isHTTPSOnly2": false, "NODE_OPTIONS2": false,
		"AKIAIOSFODNN7EXAMPLE": true, "whsec_MfKQrLpTzXbVcWnSd": true, "s8f3k2j9x0q": true, "MFRGG2DFMZTWQ2LK": true, "aZbYcXdWeVfUgThS": true,
	} {
		if got := looksRandom(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
