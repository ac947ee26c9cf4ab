package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	defaultRegion  = "eu-west-1"
	defaultAccount = "111122223333"

	// defaultIdleTimeout is Session Manager's own default.
	defaultIdleTimeout = 20 * time.Minute

	// headerTimeout ends connections that never send a request; nobody on loopback needs longer.
	headerTimeout = 10 * time.Second

	// The key pair that Env hands out. Any other pair is accepted as well: only the shape of a
	// signature is checked.
	accessKeyID     = "AKIAFAKEAWS00EXAMPLE"
	secretAccessKey = "fakeaws-needs-no-secret"
)

// errClosed is the cancel cause of everything that ends because the server was closed.
var errClosed = errors.New("fakeaws closed")

// Config says how the fake behaves. The zero value is fast and faultless.
type Config struct {
	// Region is the one region with a world in it (default eu-west-1). Requests signed for another
	// region find no clusters.
	Region string
	// Account is the twelve-digit account id (default 111122223333).
	Account string
	// Pace makes the agent sleep 1 ms for each payload of at most 1024 bytes, as the real one does:
	// about 0.8 MB/s.
	Pace bool
	// RTT is added to the round trip between client and agent, half in each direction. It is
	// latency only: messages in flight overlap.
	RTT time.Duration
	// Latency is how long every API call takes at least. Calls overlap.
	Latency time.Duration
	// TaskStart is how long a task that ECS starts is PROVISIONING and PENDING before it runs, and
	// TaskStop how long one that it stops is STOPPING. AddTask's tasks are what they are said to be.
	TaskStart, TaskStop time.Duration
	// IdleTimeout ends a session that carried no data from the client for so long (default 20
	// minutes).
	IdleTimeout time.Duration
	// Log receives what the gateway and the agents do; nil is silent.
	Log *slog.Logger
}

// Server is a running loopback AWS. Its methods may be called from any goroutine.
type Server struct {
	cfg      Config
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	ops      map[string]operation
	network  network

	ctx    context.Context // ends with the server
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // every goroutine started for a session or a socket

	mu       sync.Mutex // guards the rest; held for look-ups, never while waiting
	world    world
	calls    []Call
	sessions []*session
	faults   []*Fault
	limits   []*limit
	policies map[string]*policy // of IAM, parsed, by their text
	silent   bool
	closed   bool
	refused  map[string]bool // sessions whose ResumeSession answers without a token
}

// Start listens on a free port of 127.0.0.1 and serves until Close.
func Start(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the loopback AWS: %w", err)
	}
	s := newServer(cfg)
	s.listener = listener
	s.wg.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("serving the loopback AWS", "err", err)
		}
	})
	return s, nil
}

// newServer makes a server that listens nowhere yet.
func newServer(cfg Config) *Server {
	setDefault(&cfg.Region, defaultRegion)
	setDefault(&cfg.Account, defaultAccount)
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = defaultIdleTimeout
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, log: log, refused: map[string]bool{}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.ops = s.operations()
	s.world.vpc = newVPC(cfg.Region)
	s.world.setRole(Role{Name: callerRole, Path: "/", Trust: anyoneTrust, Policies: map[string]string{"everything": everythingPolicy}})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serveAPI)
	mux.HandleFunc("POST /service/{service}/operation/{operation}", s.serveAPI)
	mux.HandleFunc("GET /v1/data-channel/{id}", s.serveDataChannel)
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	return s
}

// connKey is the context key under which a request carries its TCP connection.
type connKey struct{}

// Close ends every session, socket and goroutine of the server. It does not touch the processes
// behind the containers' ports. Closing twice is harmless.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, sess := range s.sessions {
		sess.idle.Stop()
	}
	s.mu.Unlock()
	s.cancel(errClosed)
	err := s.http.Close()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// enter counts a goroutine that Close waits for; false means that the server is closed and nothing
// may start any more. Callers of enter call wg.Done.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enterLocked()
}

// enterLocked is enter for callers that hold s.mu.
func (s *Server) enterLocked() bool {
	if s.closed {
		return false
	}
	s.wg.Add(1)
	return true
}

// URL is the address to use as AWS_ENDPOINT_URL.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Env is what a process needs in its environment, as NAME=value, so that the usual AWS
// configuration chain leads here and nowhere else. Empty values are meant: they switch off a
// profile or a session token inherited from the terminal.
func (s *Server) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.URL(),
		"AWS_REGION=" + s.cfg.Region,
		"AWS_ACCESS_KEY_ID=" + accessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + secretAccessKey,
		"AWS_SESSION_TOKEN=",
		"AWS_PROFILE=",
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// owner is the ARN of the caller, whoever signed.
func (s *Server) owner() string {
	return s.globalARN("sts", "assumed-role/"+callerRole+"/"+callerName)
}
