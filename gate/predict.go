package gate

import (
	"fmt"
	"time"
)

// Predict forecasts the snapshot that would be taken now. seen are the earlier
// snapshots of the same process, oldest first.
//
// The less is known the wider are the ranges: from the bytes of the heap alone
// they span an order of magnitude, from V8's count of objects about a half each
// way, and after a snapshot of the same process a few percent.
func Predict(v Vitals, t Transfer, seen []Seen) Forecast {
	var f Forecast
	switch {
	case v.Census != nil:
		f = fromCensus(v, *v.Census)
	default:
		f = fromBytes(v)
	}
	if s, ok := usable(seen); ok {
		f = fromSeen(v, f, seen[0], s)
	}
	f.Transfer = t
	f.Pause = slowed(f.Pause, v.CPUs)
	f.Extra = carried(f, t)
	f.Peak = Range[int64]{v.RSS + f.Extra.Low, v.RSS + f.Extra.Likely, v.RSS + f.Extra.High}
	return f
}

// fromCensus adds up the costs of what V8 counted.
func fromCensus(v Vitals, n Census) Forecast {
	n = n.within(v.LargeObjects)
	c := costsOf(v.NodeMajor)
	index := n.indexes(v.NodeMajor)
	objects, texts := float64(n.Objects), float64(n.Strings)
	plain := func(fields float64) float64 {
		return baseBytes + c.object*objects + c.field*fields + c.text*texts + nameShare*float64(n.NameBytes)
	}
	file := func(fields float64) float64 {
		return c.file*objects + c.fileField*fields + fileNameShare*float64(n.NameBytes)
	}
	likely, most := n.references(), float64(n.Fields)
	pause := func(indexes int64) float64 {
		dictionary := min(float64(indexes), dictionaryShares.high*float64(n.Dictionary))
		return basePause.Seconds() + objects*c.objectTime.Seconds() + texts*c.textTime.Seconds() + float64(n.NameBytes)*nameTime.Seconds() +
			float64(indexes)*c.indexTime.Seconds() + dictionary*c.dictionaryTime.Seconds()
	}
	return Forecast{
		Extra: Range[int64]{
			Low:    inBytes(plainLow*plain(likely) + indexBytes*float64(index.Low)),
			Likely: inBytes(plain(likely) + indexBytes*float64(index.Likely)),
			High:   inBytes(plainHigh*plain(most) + indexBytes*float64(index.High)),
		},
		File:       Range[int64]{inBytes(fileLow * file(likely)), inBytes(file(likely)), inBytes(fileHigh * file(most))},
		Pause:      Range[time.Duration]{seconds(pauseLow * pause(index.Low)), seconds(pause(index.Likely)), seconds(pauseHigh * pause(index.High))},
		Confidence: censusConfidence, Sure: "good",
		Basis: fmt.Sprintf("from the %.2f million objects that V8 counted", objects/1e6),
	}
}

// The shares of measured snapshots whose peak was within its range; the test of
// the table holds them.
const (
	bytesConfidence  = 0.95
	censusConfidence = 0.97
	seenConfidence   = 0.97
)

// fromBytes knows nothing of the objects but how much they take.
func fromBytes(v Vitals) Forecast {
	c := costsOf(v.NodeMajor)
	large := float64(min(max(v.LargeObjects, 0), v.HeapUsed))
	small := float64(v.HeapUsed) - large
	high := bytesHigh
	if v.NodeMajor < 24 {
		high = bytesHigh22
	}
	pause := func(bytesEach, largeShare float64) float64 {
		indexes := large * largeShare / indexBytes
		return basePause.Seconds() + small/bytesEach*(c.objectTime+c.textTime/3).Seconds() + indexes*(c.indexTime+c.dictionaryTime).Seconds()
	}
	return Forecast{
		Extra: Range[int64]{
			Low:    inBytes(bytesLow*small + largeLow*large),
			Likely: inBytes(baseBytes + bytesLikely*small + largeLikely*large),
			High:   inBytes(2*baseBytes + high*small + largeHigh*large),
		},
		File: Range[int64]{inBytes(fileBytesLow * small), inBytes(fileBytesLikely * (small + large/2)), inBytes(fileBytesHigh * (small + large))},
		Pause: Range[time.Duration]{
			seconds(pauseLow * pause(objectBytesLow, largeLow)), seconds(pause(objectBytesLikely, largeLikely)),
			seconds(pauseHigh * pause(objectBytesHigh, largeHigh)),
		},
		Confidence: bytesConfidence, Sure: "rough",
		Basis: fmt.Sprintf("from the %s of the heap%s, whatever its objects are", size(v.HeapUsed), garbage(v)),
	}
}

// garbage says that the heap may hold some.
func garbage(v Vitals) string {
	if v.Collected {
		return ""
	}
	return ", garbage included"
}

// usable returns the last snapshot if it can be scaled.
func usable(seen []Seen) (Seen, bool) {
	if len(seen) == 0 {
		return Seen{}, false
	}
	first, last := seen[0], seen[len(seen)-1]
	return last, first.RSSBefore > 0 && first.HeapUsed > 0 && last.HeapUsed > 0
}

// How much a later snapshot differs from an earlier one of the same heap: the
// allocator keeps most of what it had, in pieces that do not fit as well.
const (
	seenLow, seenLikely, seenHigh = 0.92, 1.03, 1.15
	// growthRisk widens the range with the growth of the heap: what came since
	// may be of another shape.
	growthRisk = 0.5
	// seenPauseHigh is for other load at another time.
	seenPauseHigh = 1.8
	// The file of the same heap is nearly the same.
	seenFileLow, seenFileHigh = 0.97, 1.03
)

// fromSeen scales what the last snapshot cost by the growth of the heap; f is
// the forecast without it, which stands where a figure is not known.
func fromSeen(v Vitals, f Forecast, first, last Seen) Forecast {
	growth := float64(v.HeapUsed) / float64(last.HeapUsed)
	risk := growthRisk * max(growth-1, 1-growth)
	if last.RSSPeak > first.RSSBefore {
		f.Extra = besideLast(v, first, last, growth, risk)
		f.Confidence, f.Sure = seenConfidence, "close"
	} else {
		// What the process kept it uses again, how much of that is not known.
		kept := max(v.RSS-first.RSSBefore-(v.HeapUsed-first.HeapUsed), 0)
		f.Extra = Range[int64]{0, max(f.Extra.Likely-kept, 0), f.Extra.High}
	}
	if last.FileBytes > 0 {
		file := growth * float64(last.FileBytes)
		f.File = Range[int64]{inBytes(file * (seenFileLow - risk)), inBytes(file), inBytes(file * (seenFileHigh + risk))}
	}
	if last.Pause > 0 {
		pause := growth * last.Pause.Seconds()
		f.Pause = Range[time.Duration]{seconds(pause * (pauseLow - risk)), seconds(pause), seconds(pause * (seenPauseHigh + risk))}
	}
	f.Basis = fmt.Sprintf("from the last snapshot of this process, when its heap had %s (now %s)", size(last.HeapUsed), size(v.HeapUsed))
	return f
}

// besideLast is the memory on top of what the process has now. What a snapshot
// takes stays with the process, so the next peak is not on top of the last one
// but beside it.
func besideLast(v Vitals, first, last Seen, growth, risk float64) Range[int64] {
	base := float64(first.RSSBefore) + float64(last.HeapUsed-first.HeapUsed)
	cost := max(float64(last.RSSPeak)-base, 0) * growth
	at := func(factor float64) int64 {
		return inBytes(base + float64(v.HeapUsed-last.HeapUsed) + factor*cost - float64(v.RSS))
	}
	return Range[int64]{at(seenLow - risk), at(seenLikely), at(seenHigh + risk)}
}

// What the way out adds in the process (docs/measurements): pieces of the file
// being read and compressed, the compressed file with what is being made, or
// what a slow reader has not taken yet.
const (
	pullHigh   = 30e6
	memoryLow  = 0.1
	memoryMost = 1.1
	streamMost = 1.1
)

// carried adds what the transfer takes to the memory for the snapshot itself.
func carried(f Forecast, t Transfer) Range[int64] {
	r := f.Extra
	switch t {
	case Memory:
		r.Low += inBytes(memoryLow * float64(f.File.Low))
		r.Likely += inBytes((memoryLow + memoryMost) / 2 * float64(f.File.Likely))
		r.High += inBytes(memoryMost*float64(f.File.High)) + pullHigh
	case Stream:
		// Nothing waits when the reader is fast enough.
		r.Likely += inBytes(streamMost / 2 * float64(f.File.Likely))
		r.High += inBytes(streamMost * float64(f.File.High))
	default:
		r.High += pullHigh
	}
	return r
}

// slowed stretches a pause by a quota below one CPU: V8 makes a snapshot in one
// thread. (At a quarter of a CPU it took four times as long.)
func slowed(r Range[time.Duration], cpus float64) Range[time.Duration] {
	if cpus <= 0 || cpus >= 1 {
		return r
	}
	return Range[time.Duration]{stretch(r.Low, cpus), stretch(r.Likely, cpus), stretch(r.High, cpus)}
}

func stretch(d time.Duration, cpus float64) time.Duration { return seconds(d.Seconds() / cpus) }

// seconds is a duration that stays in bounds.
func seconds(s float64) time.Duration {
	return time.Duration(min(max(s, 0), longest.Seconds()) * float64(time.Second))
}

// inBytes is a size that stays in bounds.
func inBytes(n float64) int64 { return int64(min(max(n, 0), unlimited)) }

// longest is where a forecast stops counting: no process stands still for a day
// and lives.
const longest = 24 * time.Hour
