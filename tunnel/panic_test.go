package tunnel

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func TestPanicEndsTunnel(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	tun := w.open(t)
	tun.start("test", func() error { panic("boom") })
	<-tun.Lost()
	if err := tun.Err(); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("Err: %v", err)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	w.wantEnded(t)
}

// panicking panics where a websocket is to be opened.
type panicking struct{ http.Transport }

func (p *panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Upgrade") != "" {
		panic("boom")
	}
	return p.Transport.RoundTrip(r)
}

// TestPanicInOpen has a defect while a session is being opened, which exists by then.
func TestPanicInOpen(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	transport := &panicking{}
	defer transport.CloseIdleConnections()
	options := w.client.Options()
	options.HTTPClient = &http.Client{Transport: transport}
	client := awsssm.New(options)
	if _, err := Open(t.Context(), client, Config{Target: w.target, Port: 9229}); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("Open: %v", err)
	}
	w.wantEnded(t)
	started, err := startSession(t.Context(), client, Config{Target: w.target, Port: 9229})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Exec(t.Context(), client, ExecConfig{Target: w.target, Session: ExecSession{ID: aws.ToString(started.SessionId), URL: aws.ToString(started.StreamUrl), Token: aws.ToString(started.TokenValue)}})
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("Exec: %v", err)
	}
	w.wantEnded(t)
}
