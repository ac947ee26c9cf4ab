package cdp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

const (
	getProfile    = "HeapProfiler.getSamplingProfile"
	startSampling = "HeapProfiler.startSampling"
	stopSampling  = "HeapProfiler.stopSampling"
)

// sampler is an inspector that samples.
func sampler() *inspector {
	in := newInspector()
	in.answers[getProfile] = func(p *peer, f frame) {
		p.text(fmt.Sprintf(`{"id":%d,"error":{"code":-32000,"message":"V8 sampling heap profiler was not started."}}`, f.ID))
	}
	in.answers[stopSampling] = func(p *peer, f frame) { p.result(f, `{"profile":{"head":{"id":1},"samples":[]}}`) }
	return in
}

const sampledProfile = `{"head":{"id":1},"samples":[]}`

func TestSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := sampler()
		var params string
		in.answers[startSampling] = func(p *peer, f frame) { params = string(f.Params); p.result(f, `{}`) }
		c := openBubble(t, in)
		for want, opts := range map[string]SampleOptions{
			`{"samplingInterval":4096}`: {Interval: 4096},
			`{"samplingInterval":4096,"includeObjectsCollectedByMajorGC":true,"includeObjectsCollectedByMinorGC":true}`: {Interval: 4096, Collected: true},
			"": {}, // V8 takes its own default
		} {
			start := time.Now()
			got, err := c.Sample(t.Context(), time.Minute, opts)
			if err != nil || string(got) != sampledProfile || time.Since(start) != time.Minute || params != want {
				t.Errorf("%+v: %s, %v after %v, params %s", opts, got, err, time.Since(start), params)
			}
		}
		c.Close()
		in.wg.Wait()
	})
}

func TestSampleTaken(t *testing.T) {
	in := newInspector() // which gives a profile without having been asked to sample
	if _, err := in.open(t).Sample(t.Context(), time.Hour, SampleOptions{}); !errors.Is(err, ErrSampling) {
		t.Errorf("got %v", err)
	}
	if sent := in.sent(); slices.Contains(sent, startSampling) || slices.Contains(sent, stopSampling) {
		t.Errorf("sent %q", sent)
	}
}

// However it ends, the sampling is ended; the profile is waited for a little.
func TestSampleCutShort(t *testing.T) {
	reason := errors.New("enough")
	for _, tt := range []struct {
		name  string
		at    time.Duration // when ctx ends
		slow  string        // the command that takes time to be answered
		takes time.Duration
		got   string
		after time.Duration // when Sample returns
	}{
		{"while sampling", time.Minute, "", 0, sampledProfile, time.Minute},
		{"collecting garbage", time.Minute, stopSampling, profileGrace - time.Second, sampledProfile, time.Minute + profileGrace - time.Second},
		{"too slowly", time.Minute, stopSampling, profileGrace + time.Second, "", time.Minute + profileGrace},
		{"while fetching", time.Hour + time.Second, stopSampling, profileGrace, sampledProfile, time.Hour + profileGrace},
		{"while starting", time.Second, startSampling, 2 * time.Second, "", 2 * time.Second},
		{"before starting", time.Second, getProfile, 2 * time.Second, "", time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := sampler()
				if tt.slow != "" {
					answer := in.answers[tt.slow]
					in.answers[tt.slow] = func(p *peer, f frame) {
						time.Sleep(tt.takes)
						if answer == nil {
							p.result(f, `{}`)
							return
						}
						answer(p, f)
					}
				}
				c := openBubble(t, in)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(tt.at, func() { cancel(reason) })
				start := time.Now()
				got, err := c.Sample(ctx, time.Hour, SampleOptions{})
				if string(got) != tt.got || !errors.Is(err, reason) || time.Since(start) != tt.after {
					t.Errorf("got %s, %v after %v, want %v", got, err, time.Since(start), tt.after)
				}
				c.Close()
				in.wg.Wait()
				if sent := in.sent(); slices.Contains(sent, startSampling) != slices.Contains(sent, stopSampling) {
					t.Errorf("sent %q", sent)
				}
			})
		})
	}
}

func TestTrackAllocations(t *testing.T) {
	in := newInspector()
	c := in.open(t)
	for _, on := range []bool{false, true, false, false, true} {
		if err := c.TrackAllocations(t.Context(), on); err != nil {
			t.Error(err)
		}
	}
	const enable, start, disable = "HeapProfiler.enable", "HeapProfiler.startTrackingHeapObjects", "HeapProfiler.disable"
	c.Close() // ends it, too
	if sent := in.sent(); !slices.Equal(sent, []string{enable, start, disable, enable, start, disable}) {
		t.Errorf("sent %q", sent)
	}
}

func TestCollectGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers["HeapProfiler.collectGarbage"] = func(p *peer, f frame) { time.Sleep(5 * time.Minute); p.result(f, `{}`) }
		c := openBubble(t, in)
		if err := c.CollectGarbage(t.Context()); err != nil {
			t.Error(err)
		}
		in.answers["HeapProfiler.collectGarbage"] = frozen(&c)
		wantSilence(t, c, c.CollectGarbage(t.Context()), "HeapProfiler.collectGarbage", stallLimit)
		c.Close()
		in.wg.Wait()
	})
}
