package fakeaws

import (
	"net"
	"testing"
	"time"

	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

// TestBlackOut cuts a client off and gives it back: nothing moves meanwhile, ResumeSession does not
// answer, and everything arrives in the end.
func TestBlackOut(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, listen(t, echo))
	c := openSession(t, s, target)
	const dark = 500 * time.Millisecond
	began := time.Now()
	s.BlackOut(c.id, dark)
	s.BlackOut(c.id, time.Hour) // too late: one is on
	s.BlackOut("alice-0", dark) // nobody
	resumed := make(chan error, 1)
	go func() {
		_, err := ssmClient(s).ResumeSession(c.ctx, &awsssm.ResumeSessionInput{SessionId: &c.id})
		resumed <- err
	}()
	if err := roundTrip(c, noise(1, 50_000)); err != nil {
		t.Error(err)
	}
	if err := within(t, "answer of ResumeSession", resumed); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < dark {
		t.Errorf("all was over after %s", took)
	}
}

// TestExpiredToken has a fresh token be worth nothing, and the next one be good.
func TestExpiredToken(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, listen(t, echo))
	c := openSession(t, s, target)
	s.ExpireTokens(c.id, 1)
	killClient := func() {
		s.KillClientSocket(c.id)
		_ = c.awaitLoss()
	}
	killClient()
	out, err := ssmClient(s).ResumeSession(c.ctx, &awsssm.ResumeSessionInput{SessionId: &c.id})
	if err != nil {
		t.Fatal(err)
	}
	c.open(*out.StreamUrl, *out.TokenValue)
	if err := c.awaitLoss(); err == nil {
		t.Error("an expired token opened the channel")
	}
	c.resume(s)
	if err := roundTrip(c, noise(1, 10_000)); err != nil {
		t.Error(err)
	}
}

// TestStartOn serves on somebody else's listener, and closes it.
func TestStartOn(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := StartOn(listener, Config{})
	if s.URL() != "http://"+listener.Addr().String() {
		t.Errorf("URL %s", s.URL())
	}
	_, target := addNode(s, listen(t, echo))
	if err := roundTrip(openSession(t, s, target), noise(1, 1000)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := listener.Accept(); err == nil {
		t.Error("the listener is open")
	}
}
