package leak

import (
	"math"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	at := func(minutes ...int) clock {
		var times []time.Time
		for _, m := range minutes {
			times = append(times, start.Add(time.Duration(m)*time.Minute))
		}
		return newClock(times)
	}
	tests := []struct {
		name   string
		clock  clock
		growth []int64
		from   int
		score  float64
		steady float64
		pace   float64
	}{
		{"even", at(0, 10, 20), []int64{100, 100}, 0, 100, 1, 1},
		{"longer second interval", at(0, 10, 30), []int64{100, 200}, 0, 150, 1, 1},
		{"uneven", at(0, 10, 20), []int64{100, 400}, 0, 50, 0.25, 4},
		{"slowing", at(0, 10, 20), []int64{400, 100}, 0, 50, 0.25, 0.25},
		{"shrinking", at(0, 10, 20), []int64{400, -100}, 0, 0, 0, -0.25},
		{"one of five spared", at(0, 10, 20, 30, 40, 50), []int64{100, 0, 100, 100, 100}, 0, 100, 1, 2},
		{"later start", at(0, 10, 20, 30), []int64{0, 100, 100}, 1, 100, 1, 1},
		{"no times", clock{seconds: []float64{1, 1}}, []int64{100, 100}, 0, 100, 1, 1},
		{"nothing", at(0, 10), nil, 0, 0, 0, 0},
	}
	for _, test := range tests {
		got := test.clock.judge(test.growth, test.from)
		for _, x := range []struct {
			what      string
			got, want float64
		}{{"score", got.score, test.score}, {"steady", got.steady, test.steady}, {"pace", got.pace, test.pace}} {
			if math.Abs(x.got-x.want) > 1e-9*max(1, math.Abs(x.want)) {
				t.Errorf("%s: %s %f, want %f", test.name, x.what, x.got, x.want)
			}
		}
	}
}

func TestClock(t *testing.T) {
	for _, times := range [][]time.Time{{start, {}}, {start, start}, {start.Add(time.Hour), start}} {
		if c := newClock(times); c.known || c.seconds[0] != 1 {
			t.Errorf("%v: %+v", times, c)
		}
	}
}
