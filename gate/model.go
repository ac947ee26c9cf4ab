package gate

import "time"

// The figures of this file are fitted to the snapshots of
// docs/measurements/capture-forecast.csv: Node.js 18 to 26, nineteen shapes
// of heap from 15 to 250 MB. model_test.go holds the forecasts against that table.

// costs is what V8 takes of memory, of file and of time for the parts of a
// heap.
type costs struct {
	object, field, text float64 // bytes for an object, for a reference, for a string beside its characters
	file, fileField     float64 // bytes of file for an object and for a reference

	objectTime, textTime, indexTime time.Duration
	dictionaryTime                  time.Duration // for an index of a dictionary, on top
}

// costsOf returns the costs of a major version. Newer versions than those
// measured are taken for like the newest of them, and 14 for like 20.
func costsOf(major int) costs {
	const us = time.Microsecond
	switch {
	case major >= 24:
		return costs{object: 146, field: 33, text: 51, file: 45.5, fileField: 6.2, objectTime: us, textTime: 1400 * time.Nanosecond, indexTime: 2 * us}
	case major >= 22:
		return costs{object: 122, field: 40, text: 132, file: 46, fileField: 8.6, objectTime: 1600 * time.Nanosecond, textTime: 2 * us, indexTime: 2700 * time.Nanosecond}
	case major >= 15 && major < 20: // their table of names degenerates
		return costs{
			object: 219, field: 21, text: 58, file: 45, fileField: 8.7,
			objectTime: 1600 * time.Nanosecond, textTime: 2 * us, indexTime: 14 * us, dictionaryTime: 70 * us,
		}
	}
	return costs{
		object: 193, field: 27, text: 93, file: 46, fileField: 8.5,
		objectTime: 1600 * time.Nanosecond, textTime: 2 * us, indexTime: 2700 * time.Nanosecond, dictionaryTime: 5 * us,
	}
}

const (
	// baseBytes is what a snapshot of an empty process takes.
	baseBytes = 11e6

	// nameShare is memory for a byte of a copied name, fileNameShare file.
	nameShare, fileNameShare = 1.1, 0.94

	// basePause is that of an empty process, nameTime for a byte of a copied name.
	basePause, nameTime = 80 * time.Millisecond, 6 * time.Nanosecond

	// indexBytes is for the name of an index: V8 formats it into a buffer of
	// 1 kB and keeps that (StringsStorage::GetFormatted), with its entry in a
	// table.
	indexBytes = 1110

	// plainLow and plainHigh are how far the memory for everything but names of
	// indexes was from the fit. Most of that comes from V8's own tables, which grow
	// by doubling, and from memory outside of the heap, each piece of which is a
	// node of the snapshot and is not counted.
	plainLow, plainHigh = 0.83, 1.27

	// fileLow and fileHigh are the same for the file.
	fileLow, fileHigh = 0.80, 1.22

	// hashedHoles is the part of the slots of Maps and Sets with nothing to refer
	// to: numbers of V8's own, and free room. At worst it is none.
	hashedHoles = 0.6
)

// references is how many of the fields likely refer to something; Fields is the
// most.
func (c Census) references() float64 {
	return float64(c.Fields) - hashedHoles*float64(min(c.HashedSlots, c.Fields))
}

// shares are the parts of the slots of a table that have names: a table has
// free room to grow, and slots that hold no reference.
type shares struct{ low, likely, high float64 }

// The shares follow from how V8 lets tables grow: arrays by half, dictionaries
// of three slots an entry between a third and two thirds full, Maps between
// half full and full with two named slots of three and a half an entry, and
// from Node.js 26 on three.
var (
	elementShares    = shares{0.60, 0.95, 1.05}
	dictionaryShares = shares{0.28, 0.40, 0.70}
	hashedShares     = shares{0.26, 0.36, 0.60}
	hashedShares26   = shares{0.39, 0.51, 0.90}
)

// maxRegularBytes is up to where V8 has an object in an ordinary page; what is
// larger is in a space of large objects (v8 src/common/globals.h,
// kMaxRegularHeapObjectSize: a little less, by the size of pages).
const maxRegularBytes = 128 << 10

// within bounds the tables by the bytes that large objects have, 0 = unknown:
// where one type has one large table and many small ones, the histogram alone
// cannot tell how large it is.
func (c Census) within(large int64) Census {
	if large <= 0 {
		return c
	}
	most := max(large, maxRegularBytes) / slotBytes
	c.Elements, c.Dictionary, c.HashedValues = min(c.Elements, most), min(c.Dictionary, most), min(c.HashedValues, most)
	return c
}

// indexes is how many indexes get a name: those of the largest table, of which
// the others' are a part.
func (c Census) indexes(major int) Range[int64] {
	hashed := hashedShares
	if major >= 26 {
		hashed = hashedShares26
	}
	var r Range[int64]
	for _, t := range []struct {
		slots int64
		shares
	}{{c.Elements, elementShares}, {c.Dictionary, dictionaryShares}, {c.HashedValues, hashed}} {
		n := float64(t.slots)
		r.Low = max(r.Low, inBytes(n*t.low))
		r.Likely = max(r.Likely, inBytes(n*t.likely))
		r.High = max(r.High, inBytes(n*t.high))
	}
	return r
}

// Factors on bytes of heap where nothing is known of its objects: low is a heap
// of long texts, high one of the smallest objects, likely what services have.
const (
	bytesLow, bytesLikely  = 0.1, 6.0
	bytesHigh, bytesHigh22 = 9.0, 10.5 // from Node.js 24 on, and up to 22

	// Large objects are texts and numbers at best, tables of names at worst.
	largeLow, largeLikely, largeHigh = 0.0, 45.0, indexBytes / slotBytes

	fileBytesLow, fileBytesLikely, fileBytesHigh = 0.05, 1.6, 2.3

	// objectBytes is an object's size: of texts, of services, of the smallest.
	objectBytesLow, objectBytesLikely, objectBytesHigh = 2000, 50, 32
)

// How far a pause can be from the fit: other machines are slower or faster, and
// a busy one gives less than its CPU.
const pauseLow, pauseHigh = 0.4, 2.5
