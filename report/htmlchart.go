package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// shownMoments bounds the points of the chart; a screen has no more columns.
	shownMoments = 360

	// chartHeight and chartTop are the bottom and the top of the plot, in pixels
	// of the drawing.
	chartHeight, chartTop = 232.0, 36.0

	// chartLeft and chartRight are where the axis of time begins and ends, in per
	// cent: the sizes of the grid have room before it.
	chartLeft, chartRight = 5.0, 99.0

	// farLimit is how many times the data a memory limit may be to be drawn: a
	// farther one would press the data flat.
	farLimit = 3

	// gridLines is about how many there are.
	gridLines = 4
)

// memoryView is the chart of memory over time.
type memoryView struct {
	Lines  []lineView
	Grid   []gridView
	Ticks  []tickView
	Shots  []tickView
	Limit  *gridView
	Far    string // the memory limit, if it is beyond the chart
	Timed  bool   // the axis is time
	Alt    string // the chart in words
	Bottom float64
	Top    float64
	Height float64
}

// lineView is a curve in a box of 1000 by 1000.
type lineView struct{ Name, Class, Path, Last string }

// gridView is a horizontal line: Y in pixels.
type gridView struct {
	Y    float64
	Text string
}

// tickView is a place on the axis of time: X in per cent.
type tickView struct {
	X      float64
	Text   string
	Anchor string // start, middle or end, so that no text leaves the chart
	Minor  bool   // not shown on small screens
}

// momentData is a point of the chart for the script; -1 = unknown.
type momentData struct {
	X        float64 `json:"x"` // per cent
	Text     string  `json:"t"`
	RSS      int64   `json:"r"`
	HeapUsed int64   `json:"h"`
	External int64   `json:"e"`
}

// memory is what is known at a time; values of 0 are unknown.
type memory struct {
	at    time.Time
	shot  int // number of the snapshot, 0 = none
	rss   int64
	heap  int64
	extra int64
}

// moments are the samples and the shots, in order; without times, the shots as
// they come.
func (p *pageMaker) moments() (list []memory, timed bool) {
	timed = true
	for i, s := range p.Diagnosis.Snapshots {
		shot := p.shot(i)
		m := memory{at: s.At, shot: i + 1, rss: shot.RSS, heap: shot.HeapUsed}
		if m.at.IsZero() {
			m.at = shot.At
		}
		if m.heap <= 0 {
			m.heap = s.Total
		}
		timed = timed && !m.at.IsZero()
		list = append(list, m)
	}
	if !timed {
		return list, false
	}
	for _, s := range p.Info.Samples {
		if !s.At.IsZero() {
			list = append(list, memory{at: s.At, rss: s.RSS, heap: s.HeapUsed, extra: s.External})
		}
	}
	slices.SortStableFunc(list, func(a, b memory) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(b.shot, a.shot)) })
	return thinned(list), true
}

// thinned leaves the highest of neighbours, and all shots.
func thinned(list []memory) []memory {
	if len(list) <= shownMoments {
		return list
	}
	per := (len(list) + shownMoments - 1) / shownMoments
	var kept []memory
	for part := range slices.Chunk(list, per) {
		best := slices.MaxFunc(part, func(a, b memory) int { return cmp.Compare(max(a.rss, a.heap), max(b.rss, b.heap)) })
		shots := slices.ContainsFunc(part, func(m memory) bool { return m.shot > 0 })
		for _, m := range part {
			if m.shot > 0 || !shots && m == best {
				kept = append(kept, m)
			}
		}
	}
	return kept
}

// memoryView draws the chart; it is nil when there are not two points.
func (p *pageMaker) memoryView() (*memoryView, []momentData) {
	list, timed := p.moments()
	if len(list) < 2 || timed && !list[len(list)-1].at.After(list[0].at) {
		return nil, []momentData{}
	}
	top := int64(1)
	for _, m := range list {
		top = max(top, m.rss, m.heap, m.extra)
	}
	limit := p.Info.MemoryLimit
	v := &memoryView{Timed: timed, Bottom: chartHeight, Top: chartTop, Height: chartHeight - chartTop}
	if limit > farLimit*top {
		v.Far = size(limit)
		limit = 0
	}
	step := gridStep(max(top, limit))
	most := math.Ceil(float64(max(top, limit))*1.04/step) * step
	y := func(n float64) float64 { return rounded(chartHeight - (chartHeight-chartTop)*n/most) }
	for at := 0.0; at <= most; at += step {
		v.Grid = append(v.Grid, gridView{y(at), trimmed(size(int64(at)))})
	}
	if limit > 0 {
		v.Limit = &gridView{y(float64(limit)), "memory limit " + size(limit)}
	}
	xs := positions(list, timed)
	for _, c := range []struct {
		name, class string
		of          func(memory) int64
	}{
		{"resident (rss)", "rss", func(m memory) int64 { return m.rss }},
		{"heap used", "used", func(m memory) int64 { return m.heap }},
		{"external", "external", func(m memory) int64 { return m.extra }},
	} {
		if path, last := curve(list, xs, most, c.of); path != "" {
			v.Lines = append(v.Lines, lineView{c.name, c.class, path, size(last)})
		}
	}
	data := v.mark(list, xs)
	v.Alt = v.words(list)
	return v, data
}

// positions are the places of the points on the axis, in per cent.
func positions(list []memory, timed bool) []float64 {
	xs := make([]float64, len(list))
	whole := list[len(list)-1].at.Sub(list[0].at)
	for i, m := range list {
		part := float64(i) / float64(len(list)-1)
		if timed {
			part = float64(m.at.Sub(list[0].at)) / float64(whole)
		}
		xs[i] = rounded(chartLeft + (chartRight-chartLeft)*part)
	}
	return xs
}

// curve is the path of a value in a box of 1000 by 1000, and its last value.
func curve(list []memory, xs []float64, most float64, of func(memory) int64) (string, int64) {
	var path strings.Builder
	last, points := int64(0), 0
	for i, m := range list {
		n := of(m)
		if n <= 0 {
			continue
		}
		word := "L"
		if points++; points == 1 {
			word = "M"
		}
		fmt.Fprintf(&path, "%s%g %g", word, rounded(10*xs[i]), rounded(1000-1000*float64(n)/most))
		last = n
	}
	if points < 2 {
		return "", 0
	}
	return path.String(), last
}

// mark adds shots and times, and returns the points for the script.
func (v *memoryView) mark(list []memory, xs []float64) []momentData {
	var data []momentData
	start := list[0].at
	lastText := math.Inf(-1)
	for i, m := range list {
		text := fmt.Sprintf("snapshot %d", m.shot)
		if v.Timed {
			text = m.at.UTC().Format("15:04:05 UTC")
		}
		if m.shot > 0 {
			tick := tickView{X: xs[i], Text: fmt.Sprintf("S%d", m.shot), Anchor: anchor(xs[i]), Minor: xs[i]-lastText < 4}
			if !tick.Minor {
				lastText = xs[i]
			}
			v.Shots = append(v.Shots, tick)
			if v.Timed {
				text += fmt.Sprintf(", snapshot %d", m.shot)
			}
		}
		data = append(data, momentData{X: xs[i], Text: text, RSS: known(m.rss), HeapUsed: known(m.heap), External: known(m.extra)})
	}
	if !v.Timed {
		return data
	}
	whole := list[len(list)-1].at.Sub(start)
	const ticks = 4
	for i := range ticks + 1 {
		x := chartLeft + (chartRight-chartLeft)*float64(i)/ticks
		at := start.Add(whole * time.Duration(i) / ticks)
		layout := "15:04:05"
		switch {
		case whole > 36*time.Hour:
			layout = "Jan 2 15:04"
		case whole > 10*time.Minute:
			layout = "15:04"
		}
		text := at.UTC().Format(layout)
		if i == ticks {
			text += " UTC"
		}
		v.Ticks = append(v.Ticks, tickView{X: rounded(x), Text: text, Anchor: anchor(x), Minor: i%2 == 1})
	}
	return data
}

func known(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}

func anchor(x float64) string {
	switch {
	case x < 8:
		return "start"
	case x > 96:
		return "end"
	}
	return "middle"
}

// gridStep is a round distance of grid lines.
func gridStep(top int64) float64 {
	raw := float64(top) / gridLines
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 2.5, 5, 10} {
		if factor*power >= raw {
			return factor * power
		}
	}
	return 10 * power
}

// trimmed takes ".0" off a size.
func trimmed(s string) string { return strings.Replace(s, ".0 ", " ", 1) }

// words tells the chart to who cannot see it.
func (v *memoryView) words(list []memory) string {
	first, last := list[0], list[len(list)-1]
	text := "Memory over time. "
	if first.rss > 0 && last.rss > 0 {
		text += fmt.Sprintf("Resident memory from %s to %s. ", size(first.rss), size(last.rss))
	}
	if first.heap > 0 && last.heap > 0 {
		text += fmt.Sprintf("Heap used from %s to %s. ", size(first.heap), size(last.heap))
	}
	if v.Limit != nil {
		text += "With the " + v.Limit.Text + "."
	}
	return strings.TrimSpace(text)
}
