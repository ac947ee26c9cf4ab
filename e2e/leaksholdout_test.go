package e2e

import (
	"testing"

	"github.com/ecsheap/ecsheap/internal/leaktest"
)

// TestLeakHoldout is TestLeakCorpus with the second set of apps: with every third of them,
// unless FULL=1 or scripts/bench-leaks.sh asks for all.
func TestLeakHoldout(t *testing.T) {
	var apps []leaktest.App
	for i, app := range leaktest.Holdout() {
		if full() || i%3 == 0 {
			apps = append(apps, app)
		}
	}
	corpus(t, apps)
}
