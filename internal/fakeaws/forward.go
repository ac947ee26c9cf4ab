package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/xtaci/smux"
)

const (
	// payloadSize is the agent's StreamDataPayloadSize.
	payloadSize = 1024

	// pace is the agent's pause after each payload that it sends.
	pace = time.Millisecond

	// Without Config.Pace the agent is as fast as acknowledgements come in, but it has no more than
	// a window in flight at that speed, and beyond it keeps the pace. So trouble costs what it
	// costs with the real agent, however fast the fake is: one that ran on at full speed would fill
	// its buffer of 100,000 messages in the blink that a broken socket takes, and then resend them
	// at ten a second.
	baseWindow  = 128 // messages in flight when there is no RTT
	windowPerMS = 40  // more messages for each millisecond of RTT: about 40 MB/s
)

// forward is the port plugin of a session: smux streams on one side, connections to a port of the
// container on the other.
type forward struct {
	worker *worker
	near   pipeEnd // the data channel's end
	mux    *smux.Session
	window int64
}

// smuxConfig is the agent's for a client of this version.
func smuxConfig(clientVersion string) *smux.Config {
	cfg := smux.DefaultConfig()
	cfg.Version = 1
	cfg.KeepAliveDisabled = compareVersions(clientVersion, noKeepAliveAfter) > 0
	return cfg
}

// newForward starts the smux server of a session.
func newForward(w *worker, clientVersion string) (*forward, error) {
	near, far := newPipe(pipeCapacity)
	mux, err := smux.Server(far, smuxConfig(clientVersion))
	if err != nil {
		return nil, fmt.Errorf("starting smux: %w", err)
	}
	window := baseWindow + windowPerMS*w.sess.srv.cfg.RTT.Milliseconds()
	return &forward{worker: w, near: near, mux: mux, window: window}, nil
}

// write hands the client's bytes to smux. It blocks when nobody takes them, and with it everything
// that the agent receives: so does the real one.
func (fw *forward) write(p []byte) error {
	_, err := fw.near.Write(p)
	return err
}

// run forwards connections until ctx ends, the client terminates the session, or smux fails. Every
// connection is closed when it returns.
func (fw *forward) run(ctx context.Context, terminated <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { cancel(fw.pump(ctx)) })
	wg.Go(func() { cancel(fw.accept(ctx, &wg)) })
	select {
	case <-terminated:
		cancel(errTerminated)
	case <-ctx.Done():
	}
	_ = fw.mux.Close() // closes the pipe; an error means that it was closed before
	wg.Wait()
	return context.Cause(ctx)
}

// pump sends what smux writes to the client, 1024 bytes a message.
func (fw *forward) pump(ctx context.Context) error {
	st := fw.worker.stream
	packet := make([]byte, payloadSize)
	for {
		if err := st.awaitPublication(ctx); err != nil {
			return err
		}
		n, err := fw.near.Read(packet)
		if err != nil {
			return fmt.Errorf("reading from smux: %w", err)
		}
		st.send(payloadData, packet[:n])
		if err := fw.rest(ctx); err != nil {
			return err
		}
		if err := fw.worker.sess.channel.waitRoom(ctx); err != nil {
			return err
		}
	}
}

// rest is the pause after a message: a millisecond with Config.Pace, else none within the window,
// and beyond it until something is acknowledged but no longer than a millisecond.
func (fw *forward) rest(ctx context.Context) error {
	st := fw.worker.stream
	var acked <-chan struct{}
	if !fw.worker.sess.srv.cfg.Pace {
		if st.outstanding() < fw.window {
			return nil
		}
		acked = st.acked
	}
	timer := time.NewTimer(pace)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-acked:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// accept dials the container's port for each stream, one after the other. A failed dial closes the
// stream and tells the client so by a flag.
func (fw *forward) accept(ctx context.Context, wg *sync.WaitGroup) error {
	for {
		stream, err := fw.mux.AcceptStream()
		if err != nil {
			return fmt.Errorf("accepting a stream: %w", err)
		}
		conn, err := fw.worker.sess.dial(ctx)
		if err != nil {
			fw.worker.log.Debug("port refused", "port", fw.worker.sess.port, "err", err)
			fw.worker.sendFlag(flagConnectToPortError)
			_ = stream.Close() // fails only when the session has ended
			continue
		}
		wg.Go(func() { join(ctx, stream, conn) })
	}
}

// join copies between stream and conn until either ends; then both are closed at once, as by the
// agent, which knows no half-closed connections.
func join(ctx context.Context, stream *smux.Stream, conn net.Conn) {
	closeBoth := func() {
		_ = stream.Close() // either may be closed already
		_ = conn.Close()
	}
	stop := context.AfterFunc(ctx, closeBoth)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer closeBoth()
		_, _ = io.Copy(stream, conn) // the end of a copy is the end of the connection, whatever the reason
	})
	wg.Go(func() {
		defer closeBoth()
		_, _ = io.Copy(conn, stream)
	})
	wg.Wait()
}

// dial connects to the session's port in its container.
func (sess *session) dial(ctx context.Context) (net.Conn, error) {
	if dial := sess.containerNow().Dial; dial != nil {
		return dial(ctx, sess.port)
	}
	address, ok := sess.address()
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.Join(fmt.Errorf("port %d", sess.port), syscall.ECONNREFUSED)}
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// address is what stands behind the session's port now.
func (sess *session) address() (string, bool) {
	sess.srv.mu.Lock()
	defer sess.srv.mu.Unlock()
	c := sess.task.container(sess.container)
	if c == nil {
		return "", false
	}
	address, ok := c.Ports[sess.port]
	return address, ok
}
