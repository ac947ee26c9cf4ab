package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// after is a transport that calls a func once an operation has been answered.
type after struct {
	http.Transport

	operation string
	then      func()
}

func (a *after) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.Transport.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+a.operation) {
		a.then()
	}
	return response, err
}

// shielded is a task of a loopback AWS, and what protectTask needs to know of it.
type shielded struct {
	*fakeaws.Server
	target ecs.Target
	cfg    aws.Config
	o      snapshotOptions
	u      *ui
	after  *after
}

func newShielded(t *testing.T) *shielded {
	t.Helper()
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: "0123456789abcdef0123456789abcdef", Exec: true,
		Containers: []fakeaws.Container{{Name: "api", Essential: true}},
	})
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	s := &shielded{Server: server, u: newUI(streams{null, null, null}), after: &after{}}
	t.Cleanup(s.after.CloseIdleConnections)
	s.o = snapshotOptions{count: 3, interval: time.Hour, protect: true, audit: &auditor{u: s.u}}
	s.cfg = aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: s.after},
	}
	if s.target, err = ecs.Find(t.Context(), awsecs.NewFromConfig(s.cfg), ecs.Query{Cluster: "prod", Task: "0123"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// until is when the protection of the task ends, the zero time if it has none.
func (s *shielded) until() (until time.Time) {
	s.UpdateTask(s.target.TaskARN, func(task *fakeaws.Task) {
		if task.Protected {
			until = task.ProtectedUntil
		}
	})
	return until
}

// audited is whether the audit knows of a protection, and of its end.
func (s *shielded) audited() (begun, ended bool) {
	for _, line := range s.o.audit.pending {
		begun, ended = true, line.Done
	}
	return begun, ended
}

// TestProtectTask has a task protected for as long as the series takes, and a while.
func TestProtectTask(t *testing.T) {
	s := newShielded(t)
	p, err := protectTask(t.Context(), s.u, s.o, s.cfg, s.target)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(s.until()); left < 2*time.Hour || left > 2*time.Hour+protectedLonger+time.Minute {
		t.Errorf("protected for %s", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the release has a time of its own
	p.release(ctx)
	if !s.until().IsZero() {
		t.Errorf("protected until %s", s.until())
	}
	if begun, ended := s.audited(); !begun || !ended {
		t.Errorf("audit: begun %t, ended %t", begun, ended)
	}
}

// TestProtectTaskInterrupted is stopped when ECS has protected the task, and nobody has
// read that: it is not left so.
func TestProtectTaskInterrupted(t *testing.T) {
	s := newShielded(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := false
	s.after.operation, s.after.then = "UpdateTaskProtection", func() {
		reached = reached || !s.until().IsZero()
		cancel()
	}
	if _, err := protectTask(ctx, s.u, s.o, s.cfg, s.target); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if !reached || !s.until().IsZero() {
		t.Errorf("was protected: %t; is until %s", reached, s.until())
	}
	if _, ended := s.audited(); !ended {
		t.Error("the audit does not have its end")
	}
}

// TestProtectTaskLonger leaves a longer protection of somebody else's alone: should we be
// killed, it must not end when ours would.
func TestProtectTaskLonger(t *testing.T) {
	s := newShielded(t)
	day := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	s.UpdateTask(s.target.TaskARN, func(task *fakeaws.Task) { task.Protected, task.ProtectedUntil = true, day })
	p, err := protectTask(t.Context(), s.u, s.o, s.cfg, s.target)
	if err != nil || !s.until().Equal(day) {
		t.Errorf("%v; protected until %s, want %s", err, s.until(), day)
	}
	p.release(t.Context())
	if begun, _ := s.audited(); begun || !s.until().Equal(day) {
		t.Errorf("audited: %t; protected until %s, want %s", begun, s.until(), day)
	}
}

// TestProtectTaskStopped has the task stopped meanwhile: that is no protection left open.
func TestProtectTaskStopped(t *testing.T) {
	s := newShielded(t)
	p, err := protectTask(t.Context(), s.u, s.o, s.cfg, s.target)
	if err != nil {
		t.Fatal(err)
	}
	s.UpdateTask(s.target.TaskARN, func(task *fakeaws.Task) { task.LastStatus = "STOPPED" })
	p.release(t.Context())
	if _, ended := s.audited(); !ended {
		t.Error("the audit does not have its end")
	}
}

// TestProtectionOf reads what detached.json has of a protection, and does as little about
// what is not one as about one whose time is over.
func TestProtectionOf(t *testing.T) {
	s := newShielded(t)
	p, err := protectTask(t.Context(), s.u, s.o, s.cfg, s.target)
	if err != nil {
		t.Fatal(err)
	}
	p.keep()
	text, err := p.text()
	if err != nil {
		t.Fatal(err)
	}
	none, err := (*protection)(nil).text()
	if err != nil {
		t.Fatal(err)
	}
	over := *p
	over.ends = time.Now().Add(-time.Second)
	late, err := over.text()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text    json.RawMessage
		task    string
		is, bad bool
	}{
		"a protection":     {text: text, is: true},
		"none":             {text: none},
		"null":             {text: json.RawMessage(`null`), bad: true},
		"time over":        {text: late},
		"damaged":          {text: json.RawMessage(`{"ends":1}`), bad: true},
		"another task":     {text: text, task: s.target.TaskARN + "0", bad: true},
		"another action":   {text: bytes.ReplaceAll(text, []byte(protectAction), []byte("ecs:UpdateService")), bad: true},
		"another's target": {text: bytes.ReplaceAll(text, []byte(`"task":"0123`), []byte(`"task":"9123`)), bad: true},
	} {
		got, err := protectionOf(s.u, s.cfg, capture.Detached{Protection: c.text, Target: capture.Target{TaskARN: cmp.Or(c.task, s.target.TaskARN)}}, s.o.audit)
		if (got != nil) != c.is || (err != nil) != c.bad {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if c.is {
			defer got.release(t.Context())
		}
	}
	if s.until().IsZero() {
		t.Error("it has ended before its time")
	}
}
