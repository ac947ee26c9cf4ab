package fakeaws

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// openTimeout is how long a client may take from the upgrade to its OpenDataChannel message.
	openTimeout = 10 * time.Second

	// maxMessage is far above the 1 kB payloads and 175-byte acknowledgements of both sides.
	maxMessage = 1 << 20

	// clientBuffer bounds what the kernel holds on the way to the client, so that a killed socket
	// loses about as much as a real one.
	clientBuffer = 64 << 10

	publishSubscribe = "publish_subscribe"
)

// errReplaced is why a client lost its socket to another one with a fresh token.
var errReplaced = errors.New("another socket took over the session")

// clientSocket is a client's connection to the gateway.
type clientSocket struct {
	conn *websocket.Conn
	net  *strandable // below it
	// stop ends the writer between two messages; abort ends everything, in the middle of a message
	// if need be.
	stop  context.CancelFunc
	abort context.CancelCauseFunc
}

// reset drops the connection without a word (TCP RST).
func (c *clientSocket) reset() {
	if tcp, ok := c.net.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // an error here means that it is closed already
	}
	_ = c.net.Close()
}

// openJSON is the first message of a socket.
type openJSON struct {
	MessageSchemaVersion string `json:"MessageSchemaVersion"`
	TokenValue           string `json:"TokenValue"`
	ClientID             string `json:"ClientId"`
	ClientVersion        string `json:"ClientVersion"`
}

// serveDataChannel upgrades a client and carries its messages until the socket or the session ends.
func (s *Server) serveDataChannel(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.wg.Done()
	if r.URL.Query().Get("role") != publishSubscribe {
		http.Error(w, "role must be "+publishSubscribe, http.StatusBadRequest)
		return
	}
	sess := s.session(r.PathValue("id"))
	if sess == nil {
		http.Error(w, "no such session", http.StatusNotFound)
		return
	}
	below, ok := r.Context().Value(connKey{}).(*strandable)
	if !ok {
		http.Error(w, "no connection", http.StatusInternalServerError)
		return
	}
	if tcp, ok := below.Conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(clientBuffer) // a wish, not a need
	}
	if sess.awaitLight(r.Context()) != nil {
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxMessage)

	ctx, abort := context.WithCancelCause(r.Context())
	defer abort(nil)
	if err := open(ctx, conn, sess); err != nil {
		s.log.Debug("data channel refused", "session", sess.id, "err", err)
		_ = conn.Close(websocket.StatusPolicyViolation, err.Error())
		return
	}
	writing, stop := context.WithCancel(ctx)
	defer stop()
	sock := &clientSocket{conn: conn, net: below, stop: stop, abort: abort}
	if old := sess.channel.attach(sock); old != nil {
		old.abort(errReplaced)
	}
	s.log.Debug("client connected", "session", sess.id)
	err = sess.carry(ctx, writing, sock)
	sess.channel.detach(sock)
	s.log.Debug("client disconnected", "session", sess.id, "err", err)
}

// open reads the OpenDataChannel message and checks its token.
func open(ctx context.Context, conn *websocket.Conn, sess *session) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	kind, b, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	var msg openJSON
	if kind != websocket.MessageText || json.Unmarshal(b, &msg) != nil {
		return errors.New("the first message must be OpenDataChannel as JSON text")
	}
	if !sess.redeem(msg.TokenValue) {
		return errors.New("token is invalid, used or expired")
	}
	return nil
}

// carry moves messages in both directions until the socket fails (ctx) or the writer is told to
// stop (writing).
func (sess *session) carry(ctx, writing context.Context, sock *clientSocket) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		err := sess.writeClient(ctx, writing, sock.conn)
		if errors.Is(err, io.EOF) { // the session is over and the client was told so
			_ = sock.conn.Close(websocket.StatusNormalClosure, "")
			return
		}
		if ctx.Err() == nil && writing.Err() == nil {
			sock.abort(err)
		}
	})
	err := sess.readClient(ctx, sock.conn)
	sock.abort(err)
	return err
}

// writeClient sends what is due to the client. It returns io.EOF after the last message of an ended
// session.
func (sess *session) writeClient(ctx, writing context.Context, conn *websocket.Conn) error {
	for {
		msg, err := sess.channel.toClient.take(writing)
		if err != nil {
			return err
		}
		if err := sess.awaitLight(ctx); err != nil {
			return err
		}
		if err := conn.Write(ctx, websocket.MessageBinary, msg); err != nil {
			return err
		}
	}
}

// readClient takes in the client's messages until the socket fails.
func (sess *session) readClient(ctx context.Context, conn *websocket.Conn) error {
	scratch := make([]byte, 0, 4<<10)
	for {
		kind, r, err := conn.Reader(ctx)
		if err != nil {
			return err
		}
		scratch, err = readInto(scratch[:0], r)
		if err != nil {
			return err
		}
		if err := sess.awaitLight(ctx); err != nil {
			return err
		}
		if kind == websocket.MessageBinary {
			sess.fromClient(slices.Clone(scratch))
		}
	}
}

// fromClient passes a message of the client on. Data among them, and nothing else, keeps the
// session from idling out.
func (sess *session) fromClient(msg []byte) {
	if frameType(msg) == typeInput {
		sess.touch()
	}
	sess.channel.fromClient(msg)
}

// readInto reads all of r into buf, growing it as needed.
func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}
