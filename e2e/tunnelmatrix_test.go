package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/tunnel"
)

// tunnelRTT is the round trip between client and agent in the fault matrix.
const tunnelRTT = 50 * time.Millisecond

// tunnelFault is something that a tunnel must live through. It runs beside a
// transfer until ctx ends; the first trouble comes when the transfer is under way.
type tunnelFault struct {
	name string
	run  func(ctx context.Context, w *tunnelWorld, session string)
	gone bool // the session does not survive it: a clear error is what is wanted
}

// clearWithin is how soon the loss of a session must be told.
const clearWithin = 30 * time.Second

// want checks what became of a transfer.
func (f tunnelFault) want(t *testing.T, got outcome) {
	t.Helper()
	var lost *tunnel.LostError
	switch {
	case got.hung:
		t.Errorf("hangs after %s", got.took)
	case f.gone && (!errors.As(got.err, &lost) || got.took-firstFault > clearWithin):
		t.Errorf("after %s: %v", got.took, got.err)
	case !f.gone && got.err != nil:
		t.Errorf("after %s: %v", got.took, got.err)
	}
}

var tunnelFaults = []tunnelFault{
	{name: "none", run: func(context.Context, *tunnelWorld, string) {}},
	{name: "client socket killed", run: every(2*time.Second, func(w *tunnelWorld, s string, _ int) { w.KillClientSocket(s) })},
	{name: "agent socket killed", run: every(2*time.Second, func(w *tunnelWorld, s string, _ int) { w.KillAgentSocket(s) })},
	{name: "both, alternating", run: every(2*time.Second, func(w *tunnelWorld, s string, n int) {
		if n%2 == 0 {
			w.KillClientSocket(s)
		} else {
			w.KillAgentSocket(s)
		}
	})},
	{name: "0.1 % dropped", run: network(fakeaws.NetworkFaults{Drop: 0.001})},
	{name: "1 % dropped", run: network(fakeaws.NetworkFaults{Drop: 0.01})},
	{name: "1 % reordered", run: network(fakeaws.NetworkFaults{Reorder: 0.01})},
	{name: "1 % duplicated", run: network(fakeaws.NetworkFaults{Duplicate: 0.01})},
	{name: "Bye every 4 s", run: every(4*time.Second, func(w *tunnelWorld, s string, _ int) { w.Bye(s) })},
	{name: "token expired", run: once(func(w *tunnelWorld, s string) { w.ExpireTokens(s, 2); w.KillClientSocket(s) })},
	{name: "black-out", run: once(func(w *tunnelWorld, s string) { w.BlackOut(s, w.blackOut) })},
	{name: "200 ms jitter", run: func(ctx context.Context, w *tunnelWorld, s string) {
		every(20*time.Millisecond, func(w *tunnelWorld, _ string, _ int) {
			w.Network(fakeaws.NetworkFaults{Delay: rand.N(200 * time.Millisecond)})
		})(ctx, w, s)
	}},
	{name: "session gone", gone: true, run: once(func(w *tunnelWorld, s string) { w.RefuseResume(s); w.KillClientSocket(s) })},
}

// firstFault is when the trouble begins: the transfer takes longer.
const firstFault = 500 * time.Millisecond

// every has fault happen again and again.
func every(pause time.Duration, fault func(w *tunnelWorld, session string, n int)) func(context.Context, *tunnelWorld, string) {
	return func(ctx context.Context, w *tunnelWorld, session string) {
		wait := firstFault
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			fault(w, session, n)
			wait = pause
		}
	}
}

// once has fault happen once.
func once(fault func(w *tunnelWorld, session string)) func(context.Context, *tunnelWorld, string) {
	return func(ctx context.Context, w *tunnelWorld, session string) {
		select {
		case <-ctx.Done():
		case <-time.After(firstFault):
			fault(w, session)
		}
	}
}

func network(faults fakeaws.NetworkFaults) func(context.Context, *tunnelWorld, string) {
	return func(_ context.Context, w *tunnelWorld, _ string) {
		faults.Seed = rand.Uint64()
		w.Network(faults)
	}
}

// tunnelWorld is a fake AWS whose container has a peer of transfer on port 9229.
type tunnelWorld struct {
	*fakeaws.Server
	client   *awsssm.Client
	target   string
	blackOut time.Duration
	size     int64 // bytes in each direction
}

func newTunnelWorld(t testing.TB, cfg fakeaws.Config, size int64) *tunnelWorld {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _ = transfer(c, size, 1, 2) }()
		}
	}()
	server.AddTask(fakeaws.Task{Cluster: "prod", ID: taskID, Exec: true, Containers: []fakeaws.Container{{
		Name: "api", RuntimeID: taskID + "-1", Ports: map[int]string{9229: listener.Addr().String()},
	}}})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &tunnelWorld{
		Server: server, target: "ecs:prod_" + taskID + "_" + taskID + "-1", size: size, blackOut: 3 * time.Second,
		client: awsssm.New(awsssm.Options{
			Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), HTTPClient: &http.Client{Transport: transport},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		}),
	}
}

var errDiffers = errors.New("the bytes differ")

// transfer sends size bytes of one random stream and receives as many of another,
// both at once; then each side tells the other the hash of what it got.
func transfer(c io.ReadWriter, size int64, send, receive byte) error {
	source := func(seed byte) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size) }
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(c, source(send), make([]byte, 16<<10))
		sent <- err
	}()
	got, want, ours := sha256.New(), sha256.New(), sha256.New()
	if _, err := io.CopyN(got, c, size); err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	if err := <-sent; err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	_, _ = io.Copy(want, source(receive))
	_, _ = io.Copy(ours, source(send))
	if _, err := c.Write(got.Sum(nil)); err != nil {
		return fmt.Errorf("sending the hash: %w", err)
	}
	theirs := make([]byte, sha256.Size)
	if _, err := io.ReadFull(c, theirs); err != nil {
		return fmt.Errorf("receiving the hash: %w", err)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) || !bytes.Equal(theirs, ours.Sum(nil)) {
		return errDiffers
	}
	return nil
}

// outcome is what became of a transfer.
type outcome struct {
	err  error // nil: complete and identical
	hung bool
	died bool // the child process ended
	took time.Duration
}

// through transfers over conn while a fault goes on, for no longer than limit.
func (w *tunnelWorld) through(t testing.TB, conn net.Conn, session string, fault func(context.Context, *tunnelWorld, string), limit time.Duration) outcome {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var trouble sync.WaitGroup
	defer trouble.Wait()
	defer cancel()
	trouble.Go(func() { fault(ctx, w, session) })
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- transfer(conn, w.size, 2, 1) }()
	select {
	case err := <-ended:
		return outcome{err: err, took: time.Since(began)}
	case <-ctx.Done():
		_ = conn.Close()
		return outcome{hung: true, took: limit}
	}
}

// throughTunnel is through with package tunnel.
func (w *tunnelWorld) throughTunnel(t testing.TB, fault func(context.Context, *tunnelWorld, string), limit time.Duration) outcome {
	t.Helper()
	tun, err := tunnel.Open(t.Context(), w.client, tunnel.Config{Target: w.target, Port: 9229})
	if err != nil {
		return outcome{err: err}
	}
	defer tun.Close()
	conn, err := tun.Dial(t.Context())
	if err != nil {
		return outcome{err: err}
	}
	defer conn.Close()
	return w.through(t, conn, tun.SessionID(), fault, limit)
}

// TestTunnelFaults is one run of each fault of the matrix that
// scripts/bench-tunnel.sh runs at length, with a short black-out.
func TestTunnelFaults(t *testing.T) {
	for _, fault := range tunnelFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			w := newTunnelWorld(t, fakeaws.Config{Pace: true, RTT: tunnelRTT}, 700<<10)
			got := w.throughTunnel(t, fault.run, 50*time.Second)
			fault.want(t, got)
			for _, s := range w.Sessions() {
				if s.EndedAt.IsZero() {
					t.Errorf("session %s was left open", s.ID)
				}
			}
		})
	}
}
