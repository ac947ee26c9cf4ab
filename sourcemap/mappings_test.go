package sourcemap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gosourcemap "github.com/go-sourcemap/sourcemap"
	"github.com/google/go-cmp/cmp"
)

// placed is a segment and its generated line.
type placed struct {
	line int
	segment
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// vlq writes a number.
func vlq(b *strings.Builder, v int32) {
	u := uint32(v) << 1
	if v < 0 {
		u = uint32(-v)<<1 | 1
	}
	for ; u >= 1<<digitBits; u >>= digitBits {
		b.WriteByte(digits[u&(1<<digitBits-1)|1<<digitBits])
	}
	b.WriteByte(digits[u])
}

// encode writes mappings, sorted by line.
func encode(all []placed) string {
	var b strings.Builder
	var last segment
	line, first := 0, true
	for _, p := range all {
		for ; line < p.line; line++ {
			b.WriteByte(';')
			last.column, first = 0, true
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		vlq(&b, p.column-last.column)
		last.column = p.column
		if p.source == none {
			continue
		}
		vlq(&b, p.source-last.source)
		vlq(&b, p.segment.line-last.line)
		vlq(&b, p.originalColumn-last.originalColumn)
		last.source, last.line, last.originalColumn = p.source, p.segment.line, p.originalColumn
		if p.name != none {
			vlq(&b, p.name-last.name)
			last.name = p.name
		}
	}
	return b.String()
}

const (
	randomLines   = 12
	randomColumns = 40
	randomNames   = 5
)

// random returns mappings sorted by line and column, with gaps and ties.
func random(r *rand.Rand, sources int) []placed {
	var all []placed
	for range r.IntN(60) {
		p := placed{r.IntN(randomLines), segment{int32(r.IntN(randomColumns)), none, 0, 0, none}}
		if r.IntN(5) > 0 {
			p.source, p.segment.line, p.originalColumn = int32(r.IntN(sources)), int32(r.IntN(90)), int32(r.IntN(90))
			if r.IntN(2) > 0 {
				p.name = int32(r.IntN(randomNames))
			}
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b placed) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return int(a.column - b.column)
	})
	return all
}

// slowFind is find, without any cleverness.
func slowFind(all []placed, line, column int) (best segment, ok bool) {
	for _, p := range all {
		if p.line == line && int(p.column) <= column && !(ok && int(best.column) == column) {
			best, ok = p.segment, true
		}
	}
	return best, ok
}

func sourceNames(n int, prefix string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, i, ".ts")
	}
	return names
}

func object(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFindRandom(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		all := random(r, 3)
		m, err := parse([]byte(object(t, map[string]any{
			"version": 3, "sources": sourceNames(3, "s"), "names": sourceNames(randomNames, "n"), "mappings": encode(all),
		})))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for line := range randomLines + 1 {
			for column := range randomColumns + 1 {
				got, ok := m.find(line, column)
				want, wantOK := slowFind(all, line, column)
				if got != want || ok != wantOK {
					t.Fatalf("seed %d, %d:%d: got %+v, %v, want %+v, %v", seed, line, column, got, ok, want, wantOK)
				}
			}
		}
	}
}

// TestSectionsRandom puts maps behind each other, each of which says more than it may:
// a section ends where the next one starts.
func TestSectionsRandom(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		var flat []placed
		var sections []any
		at := position{}
		for i := range int32(1 + r.IntN(4)) {
			next := position{at.line + int64(r.IntN(5)), int64(r.IntN(randomColumns))}
			if !at.less(next) {
				next = position{at.line, at.column + 1}
			}
			own := random(r, 2)
			sections = append(sections, map[string]any{
				"offset": map[string]any{"line": at.line, "column": at.column},
				"map": map[string]any{
					"version": 3, "sources": sourceNames(2, fmt.Sprint(i, "-")), "names": sourceNames(randomNames, "n"), "mappings": encode(own),
				},
			})
			flat = slices.DeleteFunc(flat, func(p placed) bool {
				return !position{int64(p.line), int64(p.column)}.less(at)
			})
			for _, p := range own {
				if p.line == 0 {
					p.column += int32(at.column)
				}
				p.line += int(at.line)
				if p.source != none {
					p.source += 2 * i
					if p.name != none {
						p.name += randomNames * i
					}
				}
				flat = append(flat, p)
			}
			at = next
		}
		m, err := parse([]byte(object(t, map[string]any{"version": 3, "sections": sections})))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for line := range 2 * randomLines {
			for column := range 2 * randomColumns {
				got, ok := m.find(line, column)
				want, wantOK := slowFind(flat, line, column)
				if got != want || ok != wantOK {
					t.Fatalf("seed %d, %d:%d: got %+v, %v, want %+v, %v", seed, line, column, got, ok, want, wantOK)
				}
			}
		}
	}
}

// TestFindUnsorted reads a line whose segments go back, as the format allows.
func TestFindUnsorted(t *testing.T) {
	m, err := parse([]byte(`{"version":3,"sources":["a"],"mappings":"UAAA,LACA"}`)) // column 10, then 5
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[int]int32{5: 1, 9: 1, 10: 0, 50: 0} {
		if s, ok := m.find(0, column); !ok || s.line != want {
			t.Errorf("column %d: %+v, %v, want line %d", column, s, ok, want)
		}
	}
}

// TestFindAgreesWithOthers compares real maps with what another reader says of each
// place that a segment covers: where none does, that one answers with a neighbour.
func TestFindAgreesWithOthers(t *testing.T) {
	files, err := filepath.Glob("testdata/throttler/*/*.js.map")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d maps, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		other, err := gosourcemap.Parse("", data)
		if err != nil {
			t.Fatal(err)
		}
		script, err := os.ReadFile(strings.TrimSuffix(file, mapSuffix))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line, text := range strings.Split(string(script), "\n") {
			for column := range len(text) + 1 {
				s, ok := m.find(line, column)
				if !ok || s.source == none {
					continue
				}
				found++
				got := []any{m.sources[s.source], "", int(s.line) + 1, int(s.originalColumn)}
				if s.name != none {
					got[1] = m.names[s.name]
				}
				source, name, l, c, ok := other.Source(line+1, column)
				if diff := cmp.Diff([]any{source, name, l, c}, got); diff != "" || !ok {
					t.Fatalf("%s:%d:%d (-other +ours): %s", file, line+1, column+1, diff)
				}
			}
		}
		if found < len(script)/4 {
			t.Errorf("%s: %d places of %d bytes", file, found, len(script))
		}
	}
}

func TestParseErrors(t *testing.T) {
	one := func(mappings string) string {
		return `{"version":3,"sources":["a"],"names":["b"],"mappings":"` + mappings + `"}`
	}
	section := func(line, column int, rest string) string {
		return fmt.Sprintf(`{"offset":{"line":%d,"column":%d},%s}`, line, column, rest)
	}
	index := func(sections ...string) string {
		return `{"version":3,"sections":[` + strings.Join(sections, ",") + `]}`
	}
	tests := []struct{ name, text, want string }{
		{"empty", "", "reading JSON"},
		{"HTML", "<!doctype html>", "reading JSON"},
		{"guard alone", ")]}'", "reading JSON"},
		{"old version", `{"version":2}`, "version 2"},
		{"no version", `{"sources":[]}`, "version 0"},
		{"sources of another kind", `{"version":3,"sources":"a"}`, "reading JSON"},
		{"no digit", one("AAA!"), "the byte 0x21"},
		{"cut number", one("AAAg"), "without an end"},
		{"cut number before another", one("AAAg,A"), "without an end"},
		{"endless number", one("gggggggggA"), "more than 32 bits"},
		{"two numbers", one("AA"), "a segment of 2 numbers"},
		{"six numbers", one("AAAAAA"), "more than five"},
		{"source below zero", one("ADAA"), "the value -1"},
		{"column below zero", one("A,D"), "the value -1"},
		{"source out of range", one("ACAA"), "source 1 of 1"},
		{"name out of range", one("AAAAC"), "name 1 of 1"},
		{"line", one("A;;A!"), "line 3"},
		{"far section", index(section(1<<40, 0, `"map":`+one(""))), "more than 16777216 lines"},
		{"section far to the right", index(section(0, 1<<40, `"map":`+one("AAAA"))), "a column that is too big"},
		{"section out of order", index(section(3, 0, `"map":`+one("")), section(3, 0, `"map":`+one(""))), "not in order"},
		{"section before all", index(section(-1, 0, `"map":`+one(""))), "not in order"},
		{"section elsewhere", index(section(0, 0, `"url":"a.map"`)), "elsewhere"},
		{"section without a map", index(section(0, 0, `"map":null`)), "without a map"},
		{"nested sections", index(section(0, 0, `"map":`+index())), "without a map of its own"},
		{"broken section", index(section(0, 0, `"map":`+one("!"))), "0x21"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestTooManySegments starts where a map of 32 MB has led.
func TestTooManySegments(t *testing.T) {
	d := decoder{text: "A", until: endless, out: &mappings{segments: make([]segment, maxSegments, maxSegments+1)}}
	if err := d.decode(); err == nil || !strings.Contains(err.Error(), "more than 16777216 segments") {
		t.Errorf("got %v", err)
	}
}

func TestParseTolerates(t *testing.T) {
	for name, text := range map[string]string{
		"guard": ")]}'\n" + `{"version":3,"sources":["a"],"mappings":"AAAA"}`,
		"root":  `{"version":3,"sourceRoot":"","sources":["a"],"mappings":"AAAA"}`,
		"name":  `{"version":3,"sources":["a"],"names":[7],"mappings":"AAAAA"}`,
		"comma": `{"version":3,"sources":["a"],"mappings":",AAAA,,"}`,
	} {
		m, err := parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if s, ok := m.find(0, 0); !ok || m.sources[s.source] != "a" {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"version":3,"sources":["a",null],"names":["b"],"mappings":"AAAA,CCAAA;;D"}`)
	f.Add(`{"version":3,"sections":[{"offset":{"line":0,"column":3},"map":{"version":3,"sources":["a"],"mappings":"AAAA"}}]}`)
	f.Add(`{"version":3,"sections":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse([]byte(text))
		if err != nil {
			return
		}
		for line := range min(len(m.ends)+1, 50) {
			for column := range 50 {
				s, ok := m.find(line, column)
				if !ok {
					continue
				}
				if int(s.column) > column || int(s.source) >= len(m.sources) || int(s.name) >= len(m.names) || s.line < 0 || s.originalColumn < 0 {
					t.Errorf("%d:%d: %+v", line, column, s)
				}
			}
		}
	})
}
