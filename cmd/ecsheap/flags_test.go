package main

import (
	"testing"
	"time"
)

func TestValidInspector(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:9229": true, "localhost:1": true, "[::1]:9229": true, "web.internal:65535": true,
		"": false, "nowhere": false, ":9229": false, "127.0.0.1:": false, "127.0.0.1:notaport": false, "127.0.0.1:0": false,
		"127.0.0.1:65536": false, "127.0.0.1:-1": false, "::1:9229": false, "http://127.0.0.1:9229": false, "a b:1": false, "a/b:1": false,
	} {
		if err := validInspector(address); (err == nil) != want || err != nil && exitCode(err) != codeUsage {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestValidSeries(t *testing.T) {
	tests := []struct {
		count    int
		interval time.Duration
		want     bool
	}{{1, 0, true}, {3, time.Minute, true}, {0, time.Minute, false}, {-1, time.Minute, false}, {1, -time.Second, false}}
	for _, tt := range tests {
		if err := validSeries(tt.count, tt.interval); (err == nil) != tt.want || err != nil && exitCode(err) != codeUsage {
			t.Errorf("%d every %s: %v", tt.count, tt.interval, err)
		}
	}
}
