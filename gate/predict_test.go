package gate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// randomVitals are of any process, the impossible ones included.
func randomVitals(r *rand.Rand) Vitals {
	n := func() int64 { return int64(math.Exp(r.Float64() * 27)) } // up to 500 GB
	v := Vitals{
		NodeMajor: r.IntN(30), RSS: n(), HeapUsed: n(), LargeObjects: n(), MemoryLimit: n(), MemoryUsed: n(), DiskFree: n() - 1,
		CPUs: r.Float64() * 3, HeapSizeLimit: n(),
	}
	if r.IntN(2) == 0 {
		v.Census = &Census{Objects: n(), Fields: n(), Strings: n(), NameBytes: n(), Elements: n(), Dictionary: n(), HashedValues: n(), HashedSlots: n()}
	}
	return v
}

func randomSeen(r *rand.Rand) []Seen {
	n := func() int64 { return int64(math.Exp(r.Float64()*27)) - 1 }
	var seen []Seen
	for range r.IntN(3) {
		seen = append(seen, Seen{Nodes: n(), FileBytes: n(), HeapUsed: n(), RSSBefore: n(), RSSPeak: n(), RSSAfter: n(), Pause: time.Duration(n())})
	}
	return seen
}

var transfers = []Transfer{Disk, Memory, S3, Stream}

func TestRangesAreRanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		v, seen := randomVitals(r), randomSeen(r)
		f := Predict(v, transfers[r.IntN(len(transfers))], seen)
		for name, each := range map[string]Range[int64]{"extra": f.Extra, "peak": f.Peak, "file": f.File, "pause": {int64(f.Pause.Low), int64(f.Pause.Likely), int64(f.Pause.High)}} {
			if each.Low < 0 || each.Low > each.Likely || each.Likely > each.High {
				t.Fatalf("%s %+v of %+v, seen %+v", name, each, v, seen)
			}
		}
		if f.Peak.Low < v.RSS || f.Confidence <= 0 || f.Confidence >= 1 || f.Sure == "" || f.Basis == "" {
			t.Fatalf("forecast %+v of %+v", f, v)
		}
		d := Decide(f, Limits{Memory: []Bound{{"any", v.MemoryLimit, v.MemoryUsed}}, DiskFree: v.DiskFree, MaxPause: time.Second}, v)
		if len(d.Reasons) == 0 || d.Verdict != d.Reasons[0].Verdict || (d.Err() != nil) != (d.Verdict == Refuse) {
			t.Fatalf("decision %+v", d)
		}
	}
}

// TestMoreCostsMore lets one thing of a process grow: no end of any range falls.
func TestMoreCostsMore(t *testing.T) {
	grow := map[string]func(*Vitals){
		"heapUsed":   func(v *Vitals) { v.HeapUsed += v.HeapUsed/3 + 1000 },
		"objects":    func(v *Vitals) { v.Census.Objects += v.Census.Objects/3 + 10 },
		"fields":     func(v *Vitals) { v.Census.Fields += v.Census.Fields/3 + 10 },
		"nameBytes":  func(v *Vitals) { v.Census.NameBytes += v.Census.NameBytes/3 + 10 },
		"elements":   func(v *Vitals) { v.Census.Elements += v.Census.Elements/3 + 10 },
		"dictionary": func(v *Vitals) { v.Census.Dictionary += v.Census.Dictionary/3 + 10 },
		"hashed":     func(v *Vitals) { v.Census.HashedValues += v.Census.HashedValues/3 + 10 },
		"less CPU":   func(v *Vitals) { v.CPUs /= 2 },
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		v := randomVitals(r)
		if v.LargeObjects > v.HeapUsed {
			v.LargeObjects = v.HeapUsed / 2
		}
		before := Predict(v, Disk, nil)
		for name, more := range grow {
			w := v
			if v.Census != nil {
				c := *v.Census
				w.Census = &c
			} else if name != "heapUsed" && name != "less CPU" {
				continue
			}
			more(&w)
			if name == "less CPU" && v.CPUs == 0 {
				continue
			}
			after := Predict(w, Disk, nil)
			for what, pair := range map[string][2]Range[int64]{
				"extra": {before.Extra, after.Extra}, "file": {before.File, after.File},
				"pause": {Range[int64]{int64(before.Pause.Low), int64(before.Pause.Likely), int64(before.Pause.High)}, Range[int64]{int64(after.Pause.Low), int64(after.Pause.Likely), int64(after.Pause.High)}},
			} {
				if b, a := pair[0], pair[1]; a.Low < b.Low || a.Likely < b.Likely || a.High < b.High {
					t.Fatalf("more %s: %s %+v, then %+v, of %+v", name, what, b, a, v)
				}
			}
		}
	}
}

func TestLargeObjectsCostTheMost(t *testing.T) {
	small := Predict(Vitals{NodeMajor: 22, HeapUsed: 100e6}, Disk, nil)
	large := Predict(Vitals{NodeMajor: 22, HeapUsed: 100e6, LargeObjects: 40e6}, Disk, nil)
	if large.Extra.High < 2*small.Extra.High || large.Extra.Low > small.Extra.Low {
		t.Errorf("extra %+v without large objects, %+v with", small.Extra, large.Extra)
	}
}

// TestSeenNarrows has a process grow by a tenth after a first snapshot.
func TestSeenNarrows(t *testing.T) {
	first := Seen{FileBytes: 160e6, HeapUsed: 100e6, RSSBefore: 150e6, RSSPeak: 750e6, RSSAfter: 700e6, Pause: 3 * time.Second}
	now := Vitals{NodeMajor: 22, RSS: 710e6, HeapUsed: 110e6}
	rough, close := Predict(now, Disk, nil), Predict(now, Disk, []Seen{first})
	if close.Extra.High-close.Extra.Low > (rough.Extra.High-rough.Extra.Low)/4 {
		t.Errorf("extra %+v, before %+v", close.Extra, rough.Extra)
	}
	// The memory of the first is still there: 600 MB grew by a tenth, beside the heap.
	if want := int64(150e6 + 10e6 + 1.1*600e6); close.Peak.Low > want || close.Peak.High < want {
		t.Errorf("peak %+v, want %d in it", close.Peak, want)
	}
	if close.Pause.Likely != 3300*time.Millisecond || !close.File.Within(176e6) || close.Sure != "close" {
		t.Errorf("forecast %+v", close)
	}
	if unusable := Predict(now, Disk, []Seen{{HeapUsed: 5}}); unusable != rough {
		t.Errorf("empty figures give %+v, want %+v", unusable, rough)
	}
}

func TestTransfersDiffer(t *testing.T) {
	v := Vitals{NodeMajor: 24, RSS: 200e6, HeapUsed: 100e6, Census: &Census{Objects: 2e6, Fields: 5e6}}
	of := func(t Transfer) Forecast { return Predict(v, t, nil) }
	disk, memory, s3, stream := of(Disk), of(Memory), of(S3), of(Stream)
	if s3.Extra != disk.Extra || memory.Extra.Likely <= disk.Extra.Likely {
		t.Errorf("disk %+v, s3 %+v, memory %+v", disk.Extra, s3.Extra, memory.Extra)
	}
	if most := disk.Extra.High - pullHigh + int64(1.1*float64(disk.File.High)); stream.Extra.High < most-1e6 {
		t.Errorf("stream %+v, want at least %d", stream.Extra, most)
	}
	if stream.Extra.Low != disk.Extra.Low || stream.File != disk.File || stream.Pause != disk.Pause {
		t.Errorf("stream %+v, disk %+v", stream, disk)
	}
}

func TestQuotaStretchesThePause(t *testing.T) {
	v := Vitals{NodeMajor: 22, HeapUsed: 100e6}
	whole := Predict(v, Disk, nil).Pause
	for cpus, factor := range map[float64]time.Duration{0.25: 4, 0.5: 2, 1: 1, 4: 1, 0: 1, -1: 1} {
		v.CPUs = cpus
		if got := Predict(v, Disk, nil).Pause; got.Likely.Round(time.Millisecond) != (factor * whole.Likely).Round(time.Millisecond) {
			t.Errorf("%g CPUs: %v, want %d times %v", cpus, got.Likely, factor, whole.Likely)
		}
	}
}

func TestForecastJSON(t *testing.T) {
	f := Predict(Vitals{NodeMajor: 22, RSS: 1000, HeapUsed: 100e6}, Stream, nil)
	f.Pause = Range[time.Duration]{time.Second, 1500 * time.Millisecond, time.Minute}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"transfer":"stream"`, `"pauseMs":{"low":1000,"likely":1500,"high":60000}`, `"extra":{"low":`, `"sure":"rough"`, `"confidence":0.95`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if s := f.String(); !strings.Contains(s, "about 1.5s (1s to 1m0s)") || !strings.Contains(s, "rough forecast") {
		t.Errorf("String() = %s", s)
	}
}
