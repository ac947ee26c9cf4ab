package heap

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxParsers bounds the goroutines that parse numbers: more of them wait for the
// reader.
const maxParsers = 4

// segment is a stretch of whole records.
type segment struct {
	buf   []byte // whole records from start to end, padBytes more behind
	start int
	end   int
	base  int64 // offset of buf[0]
	first int   // ordinal of its first record
	n     int   // records
	owned bool  // buf is free when this is parsed
}

// stretch is a part of a segment that is being parsed.
type stretch struct {
	pos, end int // what is left of it
	first    int // ordinal of the next record
	n        int // records left
}

// read reads the next record.
func (c *stretch) read(buf []byte, vals []uint64) (ok bool) {
	c.pos, ok = record(buf, c.pos, c.end, vals)
	c.first++
	c.n--
	return ok
}

// each calls f for each record, which has to read it. Its error is that of the first
// record that has one.
//
// What takes the processor longest is to find out where a number ends, and so where the
// next one starts. Two halves are read in turns, so that it has one to go on with while
// it waits for the other.
func (g *segment) each(fields int, f func(*stretch) error) error {
	middle, n := wholeRecords(g.buf, g.start, (g.start+g.end)/2, fields)
	a := stretch{pos: g.start, end: middle, first: g.first, n: n}
	b := stretch{pos: middle, end: g.end, first: g.first + n, n: g.n - n}
	var late error
	for a.n > 0 || b.n > 0 {
		if a.n > 0 {
			if err := f(&a); err != nil {
				return err
			}
		}
		if b.n > 0 {
			if late = f(&b); late != nil {
				b.n = 0
			}
		}
	}
	return late
}

// unknownCount is the count of a section of which the header says nothing.
const unknownCount = -1

// section is an array of numbers that is being read.
type section struct {
	name   string
	fields int
	count  int // records that the header promises, or unknownCount
	// room makes room for records up to the ordinal. No parse runs meanwhile.
	room func(upTo int)
	// parse puts the records of a segment in their place. Several run at once.
	parse func(segment) error
}

// pending are the segments that wait for a parser or are with one.
type pending struct {
	work    chan segment
	buffers chan []byte // for the reader
	spare   int         // how many more may be made
	busy    sync.WaitGroup
	failed  atomic.Bool
	mu      sync.Mutex
	err     error // of the first segment that has one
	at      int64 // its place
}

// fail keeps the error that comes first in the input.
func (p *pending) fail(seg segment, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := seg.base + int64(seg.start); p.err == nil || at < p.at {
		p.err, p.at = err, at
	}
	p.failed.Store(true)
}

// records reads an array of numbers, several goroutines at a time, and returns the
// number of its records. The input is cut at record boundaries by counting commas.
func (in *input) records(sec section) (int, error) {
	if err := in.expect('['); err != nil {
		return 0, err
	}
	p := &pending{work: make(chan segment), buffers: make(chan []byte, maxParsers+2)}
	parsers := min(runtime.GOMAXPROCS(0), maxParsers)
	var done sync.WaitGroup
	for range parsers {
		done.Go(func() {
			for seg := range p.work {
				if err := sec.parse(seg); err != nil {
					p.fail(seg, err)
				}
				if seg.owned {
					p.buffers <- seg.buf
				}
				p.busy.Done()
			}
		})
	}
	p.spare = parsers + 1
	n, err := in.cut(sec, p)
	close(p.work)
	done.Wait()
	if p.err != nil {
		return n, p.err
	}
	return n, err
}

// cut hands out the array segment by segment.
func (in *input) cut(sec section, p *pending) (records int, err error) {
	room := 0
	for {
		seg := segment{buf: in.buf, start: in.pos, base: in.base, first: records}
		rest := in.buf[in.pos:in.end]
		closing := bytes.IndexByte(rest, ']')
		if closing >= 0 {
			seg.end = in.pos + closing
			if seg.n, err = in.last(sec, rest[:closing], records); err != nil {
				return records, err
			}
		} else {
			seg.end, seg.n = wholeRecords(in.buf, in.pos, in.end, sec.fields)
			seg.owned = true
		}
		if sec.count != unknownCount && records+seg.n > sec.count {
			in.pos += afterCommas(rest, (sec.count-records)*sec.fields)
			return records, in.want("no more " + sec.name + " than the header says")
		}
		records += seg.n
		if records > room {
			p.busy.Wait()
			room = roomFor(records, sec.count)
			sec.room(room)
		}
		if p.failed.Load() {
			return records, nil
		}
		in.pos = seg.end
		if closing >= 0 {
			in.pos++
			p.hand(seg)
			p.busy.Wait()
			return records, nil
		}
		if err := in.nextBlock(sec, p, seg); err != nil {
			return records, err
		}
	}
}

// hand gives the segment to a parser.
func (p *pending) hand(seg segment) {
	if seg.n > 0 {
		p.busy.Add(1)
		p.work <- seg
	}
}

// buffer returns a free buffer, as soon as there is one.
func (p *pending) buffer() []byte {
	select {
	case b := <-p.buffers:
		return b
	default:
	}
	if p.spare > 0 {
		p.spare--
		return make([]byte, blockBytes+padBytes)
	}
	return <-p.buffers
}

// nextBlock gives the segment away and reads on in another buffer.
func (in *input) nextBlock(sec section, p *pending, seg segment) error {
	if seg.n == 0 {
		ok, err := in.more()
		if err == nil && !ok {
			err = in.want("a number or the end of the " + sec.name)
			if in.eof {
				in.pos = in.end
				err = in.want("the end of the " + sec.name)
			}
		}
		return err
	}
	next := p.buffer()
	p.hand(seg)
	ok, err := in.moveTo(next) // nobody but us takes the old buffer for another use
	if err == nil && !ok && in.eof {
		in.pos = in.end
		err = in.want("the end of the " + sec.name)
	}
	return err
}

// last returns how many records the end of an array holds.
func (in *input) last(sec section, rest []byte, before int) (int, error) {
	commas := bytes.Count(rest, []byte{','})
	if before == 0 && len(bytes.TrimSpace(rest)) == 0 {
		return 0, nil
	}
	if (commas+1)%sec.fields != 0 {
		in.pos += len(rest)
		return 0, in.want("a whole record of " + sec.name)
	}
	return (commas + 1) / sec.fields, nil
}

// wholeRecords returns how many records of b[start:end] are complete with the comma
// behind them, and where the last of them ends.
func wholeRecords(b []byte, start, end, fields int) (cut, n int) {
	commas := bytes.Count(b[start:end], []byte{','})
	cut = end
	for range commas%fields + 1 {
		cut = start + bytes.LastIndexByte(b[start:cut], ',')
	}
	if commas < fields {
		return start, 0
	}
	return cut + 1, commas / fields
}

// afterCommas returns the place behind the nth comma, or the one where the last record
// ends.
func afterCommas(b []byte, n int) int {
	pos := 0
	for ; n > 0; n-- {
		i := bytes.IndexByte(b[pos:], ',')
		if i < 0 {
			return len(b)
		}
		pos += i + 1
	}
	return pos
}

const (
	// firstRoom is how many records get room before any has been seen.
	firstRoom = 1 << 16
	// roomFactor is how much more room there is than has been filled. The header's
	// count alone is no reason to allocate, and each step costs a copy. Room that is
	// not filled stays virtual.
	roomFactor = 16
	// manyRecords have taken megabytes of input, so that its count is believed more.
	manyRecords    = 1 << 20
	manyRoomFactor = 64
)

// roomFor returns for how many records to make room when there are n.
func roomFor(n, count int) int {
	room := max(firstRoom, min(n*roomFactor, manyRecords))
	if n >= manyRecords {
		room = n * manyRoomFactor
	}
	if count != unknownCount {
		room = min(room, count)
	}
	return max(room, n)
}
