package e2e

import (
	"testing"

	"github.com/ecsheap/ecsheap/internal/leaktest"
)

// TestLeakHoldout is TestLeakCorpus with the second set of apps.
func TestLeakHoldout(t *testing.T) {
	corpus(t, leaktest.Holdout())
}
