package fakeaws

import (
	"net"
	"sync/atomic"
)

// strandListener accepts connections that can be stranded.
type strandListener struct{ net.Listener }

// Accept waits for the next connection.
func (l strandListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &strandable{Conn: c}, nil
}

// strandable is a connection that can stay open and carry nothing.
type strandable struct {
	net.Conn
	stranded atomic.Bool
}

// Read loses what comes once the connection is stranded.
func (c *strandable) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.stranded.Load() {
			return n, err
		}
	}
}

// Write loses what is written once the connection is stranded.
func (c *strandable) Write(p []byte) (int, error) {
	if c.stranded.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// StrandClientSocket takes the client's socket away without a word to the client, as when a way
// through the network is forgotten while the client sleeps: the connection stays open and carries
// nothing. What is in flight is lost, the session lives. It says whether a client was connected.
func (s *Server) StrandClientSocket(sessionID string) bool {
	sock := s.detachClient(sessionID)
	if sock == nil {
		return false
	}
	sock.net.stranded.Store(true)
	return true
}
