package gate

import (
	"encoding/csv"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// measuredTable is what snapshots of real processes cost; TestForecastHolds of
// e2e writes it with FULL=1 MEASURED=….
const measuredTable = "../docs/measurements/capture-forecast.csv"

// measured is one row: a snapshot, and those of the same process before it.
type measured struct {
	shape  string
	vitals Vitals
	cost   Seen
	before []Seen
}

func readMeasured(t *testing.T) []measured {
	t.Helper()
	f, err := os.Open(measuredTable)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []measured
	for _, row := range rows[1:] {
		number := func(column string) int64 {
			n, err := strconv.ParseInt(row[slices.Index(rows[0], column)], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		m := measured{
			shape: row[slices.Index(rows[0], "shape")],
			vitals: Vitals{
				NodeMajor: int(number("node")), RSS: number("rss"), HeapUsed: number("heapUsed"), LargeObjects: number("largeObjects"), Collected: true,
				Census: &Census{
					Objects: number("objects"), Fields: number("fields"), Strings: number("strings"), NameBytes: number("nameBytes"),
					Elements: number("elements"), Dictionary: number("dictionary"), HashedValues: number("hashed"), HashedSlots: number("hashedSlots"),
				},
			},
			cost: Seen{
				Nodes: number("nodes"), FileBytes: number("fileBytes"), HeapUsed: number("heapUsed"), RSSBefore: number("rss"),
				RSSPeak: number("rssPeak"), RSSAfter: number("rssAfter"), Pause: time.Duration(number("pauseMs")) * time.Millisecond,
			},
		}
		if number("shot") > 1 {
			last := all[len(all)-1]
			m.before = append(slices.Clone(last.before), last.cost)
		}
		all = append(all, m)
	}
	if len(all) < 200 {
		t.Fatalf("only %d rows in %s", len(all), measuredTable)
	}
	return all
}

// knowledge is what a forecast may know of a measured process.
var knowledge = map[string]struct {
	know   func(*measured)
	later  bool // holds for later snapshots, else for the first
	within float64
	width  float64 // of the median range of the peak, high over low
}{
	"bytes":  {func(m *measured) { m.vitals.Census = nil }, false, bytesConfidence, 60},
	"census": {func(*measured) {}, false, censusConfidence, 1.6},
	"seen":   {func(m *measured) { m.vitals.Census = nil }, true, seenConfidence, 1.4},
	"seen without peak": {func(m *measured) {
		m.vitals.Census = nil
		m.before[0].RSSPeak = 0
	}, true, bytesConfidence, 6},
}

// TestForecastsOfWhatWasMeasured holds every kind of forecast against the table:
// the share of peaks within, never a tenth above, and no width beyond use.
func TestForecastsOfWhatWasMeasured(t *testing.T) {
	all := readMeasured(t)
	for name, k := range knowledge {
		t.Run(name, func(t *testing.T) {
			var widths []float64
			byShape := map[string][]float64{}
			n, within, files, pauses := 0, 0, 0, 0
			for _, m := range all {
				if k.later != (len(m.before) > 0) {
					continue
				}
				m.before = slices.Clone(m.before)
				k.know(&m)
				f := Predict(m.vitals, Disk, m.before)
				n++
				if f.Peak.Within(m.cost.RSSPeak) {
					within++
				} else {
					t.Logf("node %d %s %d MB: peak %d MB outside of %d…%d…%d", m.vitals.NodeMajor, m.shape, m.vitals.HeapUsed/1e6,
						m.cost.RSSPeak/1e6, f.Peak.Low/1e6, f.Peak.Likely/1e6, f.Peak.High/1e6)
				}
				if float64(m.cost.RSSPeak) > 1.1*float64(f.Peak.High) {
					t.Errorf("node %d %s %d MB: peak %d MB is more than a tenth above %d MB", m.vitals.NodeMajor, m.shape, m.vitals.HeapUsed/1e6,
						m.cost.RSSPeak/1e6, f.Peak.High/1e6)
				}
				if f.File.Within(m.cost.FileBytes) {
					files++
				} else {
					t.Logf("node %d %s %d MB: file %d MB outside of %d…%d", m.vitals.NodeMajor, m.shape, m.vitals.HeapUsed/1e6, m.cost.FileBytes/1e6, f.File.Low/1e6, f.File.High/1e6)
				}
				if f.Pause.Within(m.cost.Pause) {
					pauses++
				} else {
					t.Logf("node %d %s %d MB: pause %v outside of %v…%v", m.vitals.NodeMajor, m.shape, m.vitals.HeapUsed/1e6, m.cost.Pause, f.Pause.Low, f.Pause.High)
				}
				width := float64(f.Peak.High) / float64(f.Peak.Low)
				widths, byShape[m.shape] = append(widths, width), append(byShape[m.shape], width)
			}
			width := median(widths)
			for _, shape := range slices.Sorted(maps.Keys(byShape)) {
				t.Logf("%s: width %.2f of %d", shape, median(byShape[shape]), len(byShape[shape]))
			}
			share := func(k int) float64 { return float64(k) / float64(n) }
			t.Logf("%d snapshots: peak within in %.1f %%, file in %.1f %%, pause in %.1f %%; median width of the peak %.2f", n, 100*share(within), 100*share(files), 100*share(pauses), width)
			if share(within) < k.within || share(files) < 0.95 || share(pauses) < 0.9 {
				t.Errorf("too few are within")
			}
			if width > k.width {
				t.Errorf("median width %.2f, want at most %.2f", width, k.width)
			}
		})
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
