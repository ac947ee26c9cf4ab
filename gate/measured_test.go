package gate

import "testing"

// TestDecisionsOnWhatWasMeasured gives every measured snapshot more and less room
// than it took. Where it does not fit, the gate lets none go without a warning;
// where there is room, it refuses few.
func TestDecisionsOnWhatWasMeasured(t *testing.T) {
	for _, tt := range []struct {
		room        float64 // of what the snapshot took
		most        float64 // share that may be refused
		least       float64 // share that must be
		mayPassByGo bool
	}{
		{room: 0.5, least: 0.98, most: 1},
		{room: 0.9, least: 0.6, most: 1},
		{room: 1.1, most: 0.5, mayPassByGo: true},
		{room: 1.3, most: 0.12, mayPassByGo: true},
		{room: 1.6, most: 0.02, mayPassByGo: true},
	} {
		n, verdicts := 0, map[Verdict]int{}
		for _, m := range readMeasured(t) {
			if len(m.before) > 0 {
				continue
			}
			room := int64(tt.room * float64(m.cost.RSSPeak-m.vitals.RSS))
			d := Decide(Predict(m.vitals, Disk, nil), Limits{DiskFree: unlimited, Memory: []Bound{{Name: "the container", Limit: m.vitals.RSS + room, Used: m.vitals.RSS}}}, Vitals{})
			n++
			verdicts[d.Verdict]++
		}
		refused := float64(verdicts[Refuse]) / float64(n)
		t.Logf("with %.1f times the room: %.0f %% refused, %d of %d went without a word", tt.room, 100*refused, verdicts[Go], n)
		if refused < tt.least || refused > tt.most || !tt.mayPassByGo && verdicts[Go] > 0 {
			t.Errorf("with %.1f times the room: %v of %d", tt.room, verdicts, n)
		}
	}
}
