package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// ssmClient is another program's way to Systems Manager.
func (w *world) ssmClient() *awsssm.Client {
	return awsssm.New(awsssm.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(w.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
}

// startSession starts a session to the only container as another program would, and
// returns its id.
func (w *world) startSession(t *testing.T, reason string) string {
	t.Helper()
	out, err := w.ssmClient().StartSession(t.Context(), &awsssm.StartSessionInput{
		Target: aws.String(w.Sessions()[0].Target), DocumentName: aws.String("AWS-StartPortForwardingSession"), Reason: aws.String(reason),
		Parameters: map[string][]string{"portNumber": {"9229"}, "localPortNumber": {"0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.SessionId)
}

// left are the ids of the sessions that are open.
func (w *world) left() (open []string) {
	for _, s := range w.Sessions() {
		if s.EndedAt.IsZero() {
			open = append(open, s.ID)
		}
	}
	return open
}

// TestStaleSession has each command end what a killed one left open, in one line.
func TestStaleSession(t *testing.T) {
	commands := map[string][]string{
		"tunnel":   {"tunnel", "--local-port", "0", "--exec", "true"},
		"snapshot": {"snapshot", "--dir", "out", "--no-analyze"},
		"profile":  {"profile", "--dir", "out", "--duration", "1s"},
	}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
			w := newWorld(t, fakeaws.Config{}, node)
			killed := w.forward(t)
			if err := killed.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			killed.wantCode(t, -1)
			next := w.start(t, append(args[:1:1], append([]string{"--cluster", "prod", "--task", taskID}, args[1:]...)...)...)
			next.wantCode(t, 0)
			want := fmt.Sprintf("ecsheap: ended session %s, which an earlier ecsheap (pid %d) had left open\n", w.Sessions()[0].ID, killed.Process.Pid)
			if text := next.stderr.String(); strings.Count(text, want) != 1 || strings.Contains(text, "the container has another session") {
				t.Errorf("want once %son stderr:\n%s", want, text)
			}
			w.wantEnded(t, 2)
			w.wantGranted(t, "../iam-policies/operator-snapshot.json")
		})
	}
}

// TestEndedSession starts right after a run that has ended its session, which AWS lists
// a little longer: nothing was left open, and nothing of the kind is said.
func TestEndedSession(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	w := newWorld(t, fakeaws.Config{}, node)
	w.ListLate(2 * time.Second)
	for run := range 3 {
		r := w.start(t, "tunnel", "--cluster", "prod", "--task", taskID, "--local-port", "0", "--exec", "true")
		r.wantCode(t, 0)
		if text := r.stderr.String(); strings.Contains(text, "left open") || strings.Contains(text, "still has session") {
			t.Errorf("run %d:\n%s", run, text)
		}
	}
	w.wantEnded(t, 3)
}

// wantGranted checks that a policy allows all that AWS saw. What GetCallerIdentity tells
// needs no permission and cannot be denied.
func (w *world) wantGranted(t *testing.T, policies ...string) {
	t.Helper()
	granted := map[string]bool{"sts:GetCallerIdentity": true}
	for _, policy := range policies {
		for action := range grantedActions(t, policy) {
			granted[action] = true
		}
	}
	for _, call := range w.Calls() {
		if !granted[call.Action] {
			t.Errorf("%s is used but not granted", call.Action)
		}
	}
}

// TestLiveSessions leaves alone, and names, whatever may be alive: another ecsheap here,
// one on another machine, and one of which only its pid is known. The place of a killed
// one becomes free though the container had two sessions.
func TestLiveSessions(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	w := newWorld(t, fakeaws.Config{}, node)
	live, killed := w.forward(t), w.forward(t)
	if err := killed.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.wantCode(t, -1)
	const nobody = 1 << 30 // above every kernel's highest pid
	next := w.start(t, "tunnel", "--cluster", "prod", "--task", taskID, "--local-port", "0", "--exec", "true")
	next.wantCode(t, 0)
	first := w.Sessions()[0].ID
	if text := next.stderr.String(); !strings.Contains(text, "the container has another session: "+first) || !strings.Contains(text, "ended session "+w.Sessions()[1].ID) {
		t.Errorf("stderr:\n%s", text)
	}
	if got := w.left(); !slices.Equal(got, []string{first}) {
		t.Errorf("open: %v, want %s", got, first)
	}
	for _, reason := range []string{
		fmt.Sprintf("ecsheap tunnel on mars, pid %d, mark 0123456789ab-1", nobody),
		fmt.Sprintf("ecsheap tunnel on %s, pid %d, mark 0123456789ab-1", host, nobody),
		fmt.Sprintf("ecsheap tunnel on %s, pid %d", host, nobody),
	} {
		other := w.startSession(t, reason)
		full := w.start(t, "tunnel", "--cluster", "prod", "--task", taskID, "--local-port", "0", "--exec", "true")
		full.wantCode(t, 3)
		full.wantError(t, "has 2 sessions already", other, reason)
		if got := w.left(); !slices.Equal(got, []string{first, other}) {
			t.Errorf("open: %v, want %s and %s", got, first, other)
		}
		w.end(t, other)
	}
	live.stop(t)
}

// end ends a session as its own program would.
func (w *world) end(t *testing.T, id string) {
	t.Helper()
	if _, err := w.ssmClient().TerminateSession(t.Context(), &awsssm.TerminateSessionInput{SessionId: aws.String(id)}); err != nil {
		t.Fatal(err)
	}
}
