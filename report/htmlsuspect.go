package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

const (
	// openCards are shown unfolded; see wholeSuspects.
	openCards = 3

	// shownWay is how many steps of a path a card shows.
	shownWay = 14

	// keptRows is how many classes of what it keeps a card shows.
	keptRows = 8
)

// suspectView is a card.
type suspectView struct {
	Rank            int
	Open            bool
	ID              heap.ID // 0 = not in the inspector
	Title           template.HTML
	Pattern         string
	Confidence      string
	Retained, Share string
	ShareWidth      float64 // per cent
	Counts, Sizes   *seriesView
	Exhausts        string
	Path            []stepView
	Keeps           []keptView
	KeepsMore       int
	KeepsTitle      string
	CreatedAt       *placeView
	AllocatedAt     *placeView
	Location        *placeView // of the code that owns it
	Explanation     string
	Advice          string
}

// seriesView is a value by snapshot.
type seriesView struct {
	Values []string
	Rate   string
	Change string
	Spark  *sparkView
}

// stepView is a step of a path, or a gap in one.
type stepView struct {
	Edge, Class, Place string
	ID                 heap.ID // 0 = not in the inspector
	Target             bool    // the suspect itself
	Gap                int     // steps that are left out here
}

// placeView is a place in the code.
type placeView struct {
	At, Function string
	Original     bool
}

// keptView is a class of what a suspect keeps.
type keptView struct {
	Class, Count, Size string
	Width              float64 // per cent
}

func (p *pageMaker) suspectViews() []suspectView {
	views := []suspectView{}
	for i, s := range p.suspects() {
		v := suspectView{
			Rank: s.Rank, Open: i < openCards, ID: p.idOr(s.Node, s.ID), Title: breakable(p.text(s.Title)), Pattern: kindText(&s),
			Confidence: share(s.Confidence),
			Retained:   size(s.Retained), Share: share(s.Share), ShareWidth: rounded(100 * clamp(s.Share)),
			Path: p.path(&s), CreatedAt: p.place(s.CreatedAt), AllocatedAt: p.place(s.AllocatedAt), Location: p.place(s.Location),
			Explanation: p.text(s.Explanation), Advice: p.text(s.Advice), KeepsMore: max(len(s.Keeps)-keptRows, 0), KeepsTitle: p.keepsTitle(),
		}
		v.Counts = series(s.Counts, grouped[int], signed[int], s.CountPerSecond, countRate)
		v.Sizes = series(s.Sizes, size, signedSize, s.GrowthPerSecond, sizeRate)
		if s.Exhausts > 0 {
			v.Exhausts = span(s.Exhausts)
		}
		v.Keeps = p.keeps(s.Keeps[:min(len(s.Keeps), keptRows)])
		views = append(views, v)
	}
	return views
}

func (p *pageMaker) place(at *leak.Place) *placeView {
	if at == nil {
		return nil
	}
	return &placeView{At: placeText(at), Function: p.name.function(at.Function), Original: at.Original}
}

// keeps lists what is kept, with bars relative to the biggest.
func (p *pageMaker) keeps(list []leak.Kept) []keptView {
	most := int64(1)
	for _, k := range list {
		most = max(most, k.Size)
	}
	return each(list, func(k leak.Kept) keptView {
		return keptView{
			Class: p.name.class(k.Class), Count: grouped(k.Count), Size: size(k.Size),
			Width: rounded(100 * clamp(float64(k.Size)/float64(most))),
		}
	})
}

// path is the chain from a root; of a long one the beginning, which names the
// module, and the end, which names the collection.
func (p *pageMaker) path(s *leak.Suspect) []stepView {
	var steps []stepView
	left := len(s.Path) - shownWay
	for i, step := range s.Path {
		if left > 1 && i >= shownWay/2 && i < shownWay/2+left {
			if i == shownWay/2 {
				steps = append(steps, stepView{Gap: left})
			}
			continue
		}
		steps = append(steps, stepView{
			Edge: p.step(p.name, step), Class: p.name.class(step.Class), Place: placeText(step.Place),
			ID: p.idOr(step.Node, step.ID), Target: i == len(s.Path)-1,
		})
	}
	return steps
}

// series is a value over the snapshots, nil when it is known of fewer than two.
func series[N ~int | ~int64](values []N, show, diff func(N) string, perSecond float64, rate func(float64) string) *seriesView {
	var known []N
	v := &seriesView{}
	for _, n := range values {
		text := "?"
		if n >= 0 {
			known, text = append(known, n), show(n)
		}
		v.Values = append(v.Values, text)
	}
	if len(known) < 2 {
		return nil
	}
	if len(v.Values) > shownTrend {
		v.Values = []string{v.Values[0], "…", v.Values[len(v.Values)-1]}
	}
	v.Change = diff(known[len(known)-1] - known[0])
	if perSecond != 0 {
		v.Rate = rate(perSecond)
	}
	v.Spark = spark(values)
	return v
}

func signedSize(n int64) string {
	if n > 0 {
		return "+" + size(n)
	}
	return size(n)
}

// sparkView is a small line, in units of its own box.
type sparkView struct {
	Line, Area string  // path data
	X, Y       float64 // of the last value
	Grows      bool
}

// growing is how many times the first value the last one must be for a line in
// the colour of growth: less is noise.
const growing = 1.01

// The box of a sparkline, and its margin for the dot at the end.
const (
	sparkWidth, sparkHeight = 72.0, 20.0
	sparkMargin             = 3.0
)

// sparkPoints is how many values a sparkline has: there are no more columns.
const sparkPoints = 36

// sparse leaves some of many values, the first and the last among them.
func sparse[N any](values []N) []N {
	if len(values) <= sparkPoints {
		return values
	}
	few := make([]N, sparkPoints)
	for i := range few {
		few[i] = values[i*(len(values)-1)/(sparkPoints-1)]
	}
	return few
}

// spark draws a series. The axis begins at zero, so that a small change looks
// small; negative values are unknown.
func spark[N ~int | ~int64](values []N) *sparkView {
	values = sparse(values)
	most := N(1)
	for _, v := range values {
		most = max(most, v)
	}
	if len(values) < 2 {
		return nil
	}
	var line strings.Builder
	s := &sparkView{}
	first, firstX := N(0), -1.0
	for i, v := range values {
		if v < 0 {
			continue
		}
		s.X = rounded(sparkMargin + (sparkWidth-2*sparkMargin)*float64(i)/float64(len(values)-1))
		s.Y = rounded(sparkHeight - sparkMargin - (sparkHeight-2*sparkMargin)*float64(v)/float64(most))
		word := "L"
		if firstX < 0 {
			word, first, firstX = "M", v, s.X
		}
		fmt.Fprintf(&line, "%s%g %g", word, s.X, s.Y)
		s.Grows = float64(v) > growing*float64(first)
	}
	if firstX < 0 {
		return nil
	}
	s.Line = line.String()
	s.Area = fmt.Sprintf("%sL%g %gL%g %gZ", s.Line, s.X, math.Round(sparkHeight), firstX, math.Round(sparkHeight))
	return s
}
