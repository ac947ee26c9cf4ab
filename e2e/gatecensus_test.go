package e2e

import (
	"context"
	"net"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// census has V8 count its objects over an inspector connection.
func census(ctx context.Context, conn *cdp.Conn) (gate.Census, error) {
	args, err := conn.TraceGarbage(ctx, gate.CensusCategory, gate.CensusEvent)
	if err != nil {
		return gate.Census{}, err
	}
	return gate.ParseCensus(args["live"])
}

// TestCensusCounts compares V8's count with the nodes of a snapshot of the same
// process, in every version, and what is left behind: nothing. A small heap has
// code in it that the next collection drops, hence the tolerance.
func TestCensusCounts(t *testing.T) {
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			node := nodetest.Start(t, nodetest.Options{
				Version: version, Script: nodetest.Shapes(), Args: []string{"mix", "10"}, Ready: nodetest.ShapesReady, Inspect: true,
			})
			before := node.State()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			conn, err := cdp.Dial(ctx, func(ctx context.Context) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "tcp", node.Inspector)
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			received := conn.Received()
			began := time.Now()
			c, err := census(ctx, conn)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d objects in %v and %d kB", c.Objects, time.Since(began).Round(time.Millisecond), (conn.Received()-received)/1000)
			again, err := census(ctx, conn)
			if err != nil || !near(again.Objects, c.Objects, 0.1) {
				t.Errorf("a second count gives %d objects after %d, %v", again.Objects, c.Objects, err)
			}
			var head nodeCount
			if err := conn.HeapSnapshot(ctx, &head, nil); err != nil {
				t.Fatal(err)
			}
			if !near(c.Objects, head.nodes, 0.1) {
				t.Errorf("%d objects, the snapshot has %d nodes", c.Objects, head.nodes)
			}
			_ = conn.Close()
			node.AwaitState(before)
		})
	}
}

// near tells whether two counts differ by no more than a part of the second.
func near(a, b int64, part float64) bool {
	d := float64(a - b)
	return max(d, -d) <= part*float64(b)
}

// nodeCount reads the number of nodes in the head of a snapshot.
type nodeCount struct {
	head  []byte
	nodes int64
}

var nodeCountField = regexp.MustCompile(`"node_count":(\d+),`)

// Write implements io.Writer.
func (n *nodeCount) Write(p []byte) (int, error) {
	const enough = 8 << 10 // the head has 2 kB
	if n.nodes == 0 && len(n.head) < enough {
		n.head = append(n.head, p...)
		if m := nodeCountField.FindSubmatch(n.head); m != nil {
			n.nodes, _ = strconv.ParseInt(string(m[1]), 10, 64) // digits
		}
	}
	return len(p), nil
}
