package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestPolicyPartitions takes snapshots in the other partitions, of a task with an ARN
// of the old format too, in a cluster whose name has what separates names elsewhere,
// with nothing but the policy that the program prints there.
func TestPolicyPartitions(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 2)
	for _, c := range []struct{ region, id, flag string }{
		{"cn-north-1", taskID, ""},
		{"us-gov-west-1", taskID, ""},
		{"us-gov-east-1", "01234567-89ab-cdef-0123-456789abcdef", "--old-arns"},
	} {
		t.Run(c.region, func(t *testing.T) {
			const cluster = "blue_green-2"
			server, err := fakeaws.Start(fakeaws.Config{Region: c.region, Account: "444455556666"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			task := server.AddTask(fakeaws.Task{
				Cluster: cluster, Service: "api", ID: c.id, Exec: true, Tags: map[string]string{"ecsheap": "allowed"},
				Containers: []fakeaws.Container{{Name: "api", Essential: true, Command: []string{"node", "--inspect", "main.js"}, Ports: map[int]string{9229: node.Inspector}}},
			})
			w := &world{Server: server, task: task, node: node, dir: t.TempDir()}
			args := []string{"policy", "--cluster", cluster, "operator-snapshot"}
			if c.flag != "" {
				args = []string{"policy", "--cluster", cluster, c.flag, "operator-snapshot"}
			}
			policy := w.start(t, args...)
			policy.wantCode(t, 0)
			text := policy.stdout.String()
			holder{json.RawMessage(text)}.only(server)
			w.start(t, "snapshot", "--task", task, "--cluster", cluster, "--dir", "out").wantCode(t, 0)
			w.wantEnded(t, 1)

			partition := "arn:" + iampolicies.Partition(c.region) + ":"
			var questions []question
			for _, p := range w.asked() {
				if p.Resource != "*" && !strings.HasPrefix(p.Resource, partition) {
					t.Errorf("%s is asked of %s", p.Action, p.Resource)
				}
				questions = append(questions, p.ask(json.RawMessage(text)))
			}
			for i, v := range judgePolicies(t, questions) {
				if v.Decision != allowed {
					t.Errorf("%s on %s with %v: %s", questions[i].Action, questions[i].Resource, questions[i].Context, v.Decision)
				}
			}
		})
	}
}
