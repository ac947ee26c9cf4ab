package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// bigHeaps are snapshots of scripts/heap/generate.sh: a plain mix, and the shapes
// at which tools stumble.
func bigHeaps() []string {
	return []string{"mix-100", "list-2m", "map-1m", "closures-2m", "timers-1m", "mix-468"}
}

// TestBigHeapEqualsChrome compares every node, class, duplicate and path of
// snapshots of millions of nodes. It is for FULL=1: a file takes ten seconds to a
// minute and a half, all of them four minutes, and the largest 2.5 GB of memory.
func TestBigHeapEqualsChrome(t *testing.T) {
	if os.Getenv("FULL") != "1" {
		t.Skip("takes minutes and gigabytes: set FULL=1")
	}
	tools := os.Getenv("ECSHEAP_TOOLS")
	if tools == "" {
		tools = "../.tools"
	}
	for _, name := range bigHeaps() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(tools, "heaps", name+".heapsnapshot")
			if _, err := os.Stat(file); err != nil {
				nodetest.Missing(t, "no snapshot "+name, "run scripts/heap/generate.sh "+name)
			}
			chrome := askChrome(t, []string{file})
			chrome.compareNodes(t, 0)
			chrome.compareSummary(t, 0)
			chrome.compareAnswers(t, 0)
		})
	}
}
