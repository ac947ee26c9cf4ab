package main

import (
	"testing"

	"github.com/ecsheap/ecsheap/ecs"
)

// TestCheckExits goes through the catalogue: at its worst, and only then, a finding that
// blocks ends check with exit code 3, and names itself; nothing else does.
func TestCheckExits(t *testing.T) {
	blocks := 0
	for _, rule := range ecs.Rules() {
		for _, level := range []ecs.Level{ecs.OK, ecs.Info, ecs.Warn, ecs.Danger, ecs.Block} {
			want := codeOK
			if level == ecs.Block {
				want = codeBlocked
			}
			err := blocked([]ecs.Finding{{ID: "img.version", Level: ecs.Info, Got: "x"}, {ID: rule.ID, Level: level, Got: "what is"}})
			got := codeOK
			if err != nil {
				got = exitCode(err)
			}
			if got != want {
				t.Errorf("%s at level %s: exit code %d, want %d", rule.ID, level, got, want)
			}
			if err != nil && err.Error() != "a capture cannot work: what is ("+rule.ID+")" {
				t.Errorf("%s: %v", rule.ID, err)
			}
		}
		if rule.Worst == ecs.Block {
			blocks++
		}
	}
	if blocks < 10 {
		t.Errorf("only %d rules can block", blocks)
	}
}
