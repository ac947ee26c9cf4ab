package bucket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/ecsheap/ecsheap/internal/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// front stands between the client and the S3 server: it keeps the requests, and
// may answer some of them itself.
type front struct {
	URL string

	mu       sync.Mutex
	requests []*http.Request
	// answer says whether it has answered; nil = never.
	answer func(w http.ResponseWriter, r *http.Request) bool
	// change may change the answers of the server; nil = none.
	change func(*http.Response) error
}

// newFront starts one. The host that a client has signed goes on as it is.
func newFront(t testing.TB, s *s3test.Server) *front {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
		},
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		ModifyResponse: func(r *http.Response) error {
			f.mu.Lock()
			change := f.change
			f.mu.Unlock()
			if change == nil {
				return nil
			}
			return change(r)
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // an answer that never comes
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Clone(r.Context()))
		answer := f.answer
		f.mu.Unlock()
		if answer == nil || !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	f.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return f
}

// find returns the requests with the method and with all of these in the URL.
func (f *front) find(method string, parts ...string) []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []*http.Request
next:
	for _, r := range f.requests {
		for _, part := range parts {
			if !strings.Contains(r.URL.String(), part) {
				continue next
			}
		}
		if r.Method == method {
			found = append(found, r)
		}
	}
	return found
}

// intercept sets answer and change.
func (f *front) intercept(answer func(http.ResponseWriter, *http.Request) bool, change func(*http.Response) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer, f.change = answer, change
}

// refuse answers with an error as S3 does.
func refuse(w http.ResponseWriter, status int, code, message string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>"+message+"</Message></Error>")
	return true
}

// config is that of the server behind the front.
func (f *front) config(s *s3test.Server, t testing.TB) aws.Config {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := s.Config()
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(f.URL), &http.Client{Transport: transport}
	return cfg
}

// open starts a server and opens its bucket through a front.
func open(t testing.TB, o Options) (*Bucket, *front, *s3test.Server) {
	t.Helper()
	s := s3test.Start(t)
	f := newFront(t, s)
	b, err := Open(t.Context(), NewClient(f.config(s, t)), Location{Bucket: s3test.Bucket, Prefix: "ecsheap"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return b, f, s
}

// noise is what does not compress, the same each time.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// put sends a part as anybody can who has its URL.
func put(t testing.TB, method, url string, header map[string]string, body []byte) (status int, etag, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, got.Header.Get("ETag"), string(text)
}

// upload makes an object of the bytes.
func upload(t testing.TB, b *Bucket, name string, data []byte) *Object {
	t.Helper()
	u, err := b.Begin(t.Context(), Snapshot{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	var parts []Uploaded
	for number := 1; len(data) > 0 || number == 1; number++ {
		part, err := u.Part(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		n := min(len(data), 3*MinPart)
		status, etag, answer := put(t, http.MethodPut, part.URL, part.Header, data[:n])
		if status != http.StatusOK {
			t.Fatalf("part %d: %d %s", number, status, answer)
		}
		parts, data = append(parts, Uploaded{Number: number, ETag: etag}), data[n:]
	}
	object, err := u.Complete(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	return object
}
