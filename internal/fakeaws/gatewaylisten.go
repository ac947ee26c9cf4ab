package fakeaws

import (
	"errors"
	"net"
	"net/http"
)

// StartOn is Start on a listener of the caller, for tests that want no real network: in a synctest
// bubble the connections may be net.Pipes. Close closes the listener.
func StartOn(listener net.Listener, cfg Config) *Server {
	s := newServer(cfg)
	s.listener = listener
	s.wg.Go(func() {
		if err := s.http.Serve(strandListener{listener}); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("serving the loopback AWS", "err", err)
		}
	})
	return s
}
