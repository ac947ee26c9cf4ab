package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// With the trace category CensusCategory V8 counts its objects in a full
// garbage collection: between NodeTracing.start with this category alone and
// NodeTracing.stop, HeapProfiler.collectGarbage makes an event CensusEvent,
// whose args.live is what [ParseCensus] reads. That takes a few hundred
// milliseconds for 100 MB, and no memory worth speaking of. Source: V8,
// MarkCompactCollector::RecordObjectStats.
const (
	CensusCategory = "disabled-by-default-v8.gc_stats"
	CensusEvent    = "V8.GC_Objects_Stats"
)

// Census is V8's count of the objects of a heap. A snapshot costs by their
// number, so a forecast from it is much closer than one from bytes.
type Census struct {
	Objects int64 // that live
	Fields  int64 // places for references that they have
	Strings int64 // of the objects
	// NameBytes is about how much of the texts of strings a snapshot copies.
	NameBytes int64
	// The largest table of each kind, in slots. For every index of a table in
	// use V8 makes a name of 1 kB, once for all tables together.
	Elements     int64 // of an array
	Dictionary   int64 // of an object that is a dictionary
	HashedValues int64 // of a Map or Set
	// HashedSlots are the slots of the tables of all Maps and Sets together: most
	// are numbers or free, but V8 counts them among Fields.
	HashedSlots int64
}

// ErrNoCensus says that a text is no statistics of V8's objects.
var ErrNoCensus = errors.New("no object statistics of V8")

const (
	// slotBytes is the size of one reference: Node.js is built without pointer
	// compression.
	slotBytes = 8

	// maxNameBytes is how much of a string a snapshot keeps, with the header
	// that the string has in the heap (V8, --heap-snapshot-string-limit).
	maxNameBytes = 1024 + 16
)

// objectStatistics is what V8 writes (ObjectStats::Dump).
type objectStatistics struct {
	Fields struct {
		Tagged int64 `json:"tagged_fields"` // bytes
	} `json:"field_data"`
	Buckets []int64                   `json:"bucket_sizes"` // upper ends; the last bucket has none
	Types   map[string]typeStatistics `json:"type_data"`
}

type typeStatistics struct {
	Overall   int64   `json:"overall"` // bytes
	Count     int64   `json:"count"`
	Histogram []int64 `json:"histogram"` // objects by Buckets
}

// ParseCensus reads args.live of a CensusEvent, which Node.js hands on as JSON
// or as a string with JSON in it. Errors wrap ErrNoCensus.
func ParseCensus(live []byte) (Census, error) {
	var text string
	if json.Unmarshal(live, &text) == nil {
		live = []byte(text)
	}
	var s objectStatistics
	if err := json.Unmarshal(live, &s); err != nil {
		return Census{}, fmt.Errorf("%w: %w", ErrNoCensus, err)
	}
	c := Census{Fields: s.Fields.Tagged / slotBytes}
	for name, t := range s.Types {
		if t.Count < 0 || t.Overall < 0 || t.Count > t.Overall {
			return Census{}, fmt.Errorf("%w: %s has %d objects of %d bytes", ErrNoCensus, name, t.Count, t.Overall)
		}
		c.Objects += t.Count
		c.add(name, t, s.Buckets)
	}
	if c.Objects <= 0 || c.Objects > unlimited || c.Fields < 0 {
		return Census{}, fmt.Errorf("%w: %d objects, %d fields", ErrNoCensus, c.Objects, c.Fields)
	}
	return c, nil
}

// add takes what else a type says than its count.
func (c *Census) add(name string, t typeStatistics, buckets []int64) {
	table := &c.Elements
	switch {
	case strings.Contains(name, "SCRIPT_SOURCE"):
		return // not among the names
	case strings.Contains(name, "STRING") && name != "NUMBER_STRING_CACHE_TYPE":
		c.Strings += t.Count
		c.NameBytes += nameBytes(t, buckets)
		return
	case holdsNoReferences(name):
		return
	case strings.Contains(name, "COLLECTION"), strings.Contains(name, "ORDERED"):
		table = &c.HashedValues
		c.HashedSlots += t.Overall / slotBytes
	case strings.Contains(name, "DICTIONARY"), strings.Contains(name, "HASH_TABLE"), strings.Contains(name, "STRING_TABLE"):
		table = &c.Dictionary
	}
	*table = max(*table, largest(t, buckets)/slotBytes)
}

// holdsNoReferences tells types of numbers, of code, and the odd ones that are
// large by the bytes they reserve (HOLE, a guard page of V8's own).
func holdsNoReferences(name string) bool {
	for _, part := range []string{"DOUBLE", "BYTE", "CODE", "NUMBER", "INSTRUCTION", "HOLE"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// nameBytes estimates what a snapshot copies of strings: all of a short one,
// the beginning of a long one. Within its bucket a string has the size at which
// all together come to what the type takes.
func nameBytes(t typeStatistics, buckets []int64) int64 {
	each := func(size func(lower, upper float64) float64) (sum float64) {
		lower := int64(0)
		for i := range min(len(buckets), len(t.Histogram)) {
			if n := t.Histogram[i]; n > 0 && n <= t.Count && lower <= buckets[i] {
				sum += float64(n) * size(float64(lower), float64(buckets[i]))
			}
			lower = buckets[i]
		}
		return sum
	}
	middle := each(func(lower, upper float64) float64 { return (lower + upper) / 2 })
	if middle <= 0 {
		return 0
	}
	scale := float64(t.Overall) / middle
	copied := each(func(lower, upper float64) float64 {
		return min(min(max(scale*(lower+upper)/2, lower), upper), maxNameBytes)
	})
	return min(int64(copied), t.Overall)
}

// largest is the most bytes that the largest object of a type can have: the end
// of its bucket, or, in the last bucket, what the others leave, here and in the
// buckets of smaller ones.
func largest(t typeStatistics, buckets []int64) int64 {
	for i := min(len(buckets), len(t.Histogram)) - 1; i >= 0; i-- {
		n := t.Histogram[i]
		if n <= 0 {
			continue
		}
		if i < len(buckets)-1 {
			return max(min(buckets[i], t.Overall), 0)
		}
		rest, smallest := t.Overall, int64(0)
		for j := range i {
			if count := t.Histogram[j]; count > 0 && count <= t.Count {
				rest -= count * smallest
			}
			smallest = buckets[j]
		}
		return min(max(rest-(n-1)*smallest, smallest), t.Overall)
	}
	return 0
}
