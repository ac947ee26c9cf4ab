package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func TestSpread(t *testing.T) {
	for want, texts := range map[string][]string{
		"connected": {"connected", "connected"},
		"9–3900 MiB of 4096 MiB in use, 196–4087 free": {"3900 MiB of 4096 MiB in use, 196 free", "9 MiB of 4096 MiB in use, 4087 free"},
		"api:7–12": {"api:11", "api:7", "api:12"},
		"until 2026-11-29T21:59:10Z–2026-11-29T22:05:09Z": {"until 2026-11-29T22:05:09Z", "until 2026-11-29T21:59:10Z", "until 2026-11-29T22:04:00Z"},
		"2026-13-29, or alike":                            {"2026-13-29", "2026-13-"},
		"container api has none, or alike":                {"container api has none", "container web has none"},
		"2 of 3, or alike":                                {"2 of 3", "2 of 3 and 4"},
		"3 of 2, or alike":                                {"3 of 2", "3"},
		"":                                                {"", ""},
		"18446744073709551616–99999999999999999999 of ": {"99999999999999999999 of ", "18446744073709551616 of "},
	} {
		if got := spread(texts); got != want {
			t.Errorf("%q: got %q, want %q", texts, got, want)
		}
	}
}

// judged is a task of a service with findings.
func judged(service, id string, findings ...ecs.Finding) checked {
	return checked{iac: iacCLI, findings: findings, target: ecs.Target{
		Cluster: "prod", Service: service, Family: service, Container: service, RuntimeID: id + "-1",
		TaskARN: "arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id,
	}}
}

func TestCheckGroups(t *testing.T) {
	protect := func(id string) ecs.Finding {
		return ecs.Finding{ID: "svc.autoscale", Level: ecs.Warn, Got: "scaled in", Live: true, Fix: "aws ecs update-task-protection --tasks " + id + " --x"}
	}
	level := func(l ecs.Level, fix string, live bool) ecs.Finding {
		return ecs.Finding{ID: "exec.agent", Level: l, Got: "STOPPED", Fix: fix, Live: live}
	}
	for name, tt := range map[string]struct {
		checks []checked
		want   []string // level, id, tasks, whether each has a fix of its own
	}{
		"a fix for each": {[]checked{judged("api", "aa1", protect("aa1")), judged("api", "bb2", protect("bb2"))}, []string{"warn svc.autoscale [0 1] true"}},
		"another level":  {[]checked{judged("api", "aa1", level(ecs.Warn, "x", true)), judged("api", "bb2", level(ecs.Block, "x", true))}, []string{"block exec.agent [1] false", "warn exec.agent [0] false"}},
		"a heap that is lost and one that is not": {
			[]checked{judged("api", "aa1", level(ecs.Block, "x", true)), judged("api", "bb2", level(ecs.Block, "x", false))},
			[]string{"block exec.agent [0] false", "block exec.agent [1] false"},
		},
		"other fixes": {[]checked{judged("api", "aa1", level(ecs.Block, "wait", true)), judged("api", "bb2", level(ecs.Block, "mend", true))}, []string{"block exec.agent [0] false", "block exec.agent [1] false"}},
		"names of the service": {
			[]checked{judged("api", "aa1", level(ecs.Block, "aws --service api x", true)), judged("web", "bb2", level(ecs.Block, "aws --service web x", true))},
			[]string{"block exec.agent [0 1] true"},
		},
		"most tasks first": {
			[]checked{judged("api", "aa1", ecs.Finding{ID: "task.running", Level: ecs.Warn, Got: "a"}, protect("aa1")), judged("api", "bb2", protect("bb2"))},
			[]string{"warn svc.autoscale [0 1] true", "warn task.running [0] false"},
		},
	} {
		var got []string
		for _, g := range (checkedAll{checks: tt.checks, iac: iacCLI}).groups() {
			got = append(got, fmt.Sprintf("%s %s %v %t", g.finding.Level, g.finding.ID, g.tasks, g.each))
		}
		if strings.Join(got, "; ") != strings.Join(tt.want, "; ") {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestCheckAllShort: whatever differs between 250 tasks, what is told is one page, and its
// lines name few of them.
func TestCheckAllShort(t *testing.T) {
	r := checkedAll{calls: &ecs.Calls{}, iac: iacCLI, name: "api", region: "eu-west-1"}
	for i := range 250 {
		id := fmt.Sprintf("%04x0000", i*7)
		r.checks = append(r.checks, judged("api", id,
			ecs.Finding{ID: "exec.sessions", Level: ecs.Block, Got: strings.Repeat("alice ", i+1), Fix: "wait", Live: true},
			ecs.Finding{ID: "mem.headroom", Level: ecs.Danger, Got: fmt.Sprintf("%d MiB in use", i), Fix: "younger", Live: true},
			ecs.Finding{ID: "svc.autoscale", Level: ecs.Warn, Got: "scaled\x1b[2J in", Fix: "protect " + id, Live: true},
		))
	}
	var out bytes.Buffer
	if err := r.write(&ui{out: &out}, r.groups(), false); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		"NOT READY: all 250 tasks: alice", "0–249 MiB in use\n          on all 250 tasks\n          fix: younger\n", "fix, here for 00000000: protect 00000000\n",
		"and more of exec.sessions on 247 tasks (--verbose lists them)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if lines := strings.Count(text, "\n"); lines > 20 || strings.Contains(text, "\x1b") || t.Failed() {
		t.Errorf("%d lines:\n%s", lines, text)
	}
	out.Reset()
	if err := r.write(&ui{out: &out}, r.groups(), true); err != nil || strings.Count(out.String(), "exec.sessions") != 251 {
		t.Errorf("verbose: %d, %v", strings.Count(out.String(), "exec.sessions"), err)
	}
}

// TestCheckAllAnswer: what is said first, and the exit code that goes with it.
func TestCheckAllAnswer(t *testing.T) {
	fine := ecs.Finding{ID: "exec.enabled", Level: ecs.OK, Got: "on"}
	off := ecs.Finding{ID: "exec.enabled", Level: ecs.Block, Got: "off", Fix: "deploy"}
	hungry := ecs.Finding{ID: "mem.headroom", Level: ecs.Danger, Got: "full", Fix: "x", Live: true}
	wary := ecs.Finding{ID: "spot", Level: ecs.Warn, Got: "spot", Fix: "x", Live: true}
	unclear := []ecs.Unclear{{Target: judged("odd", "cc3").target, Err: &ecs.AmbiguousError{What: "container", Candidates: []ecs.Candidate{{Name: "a"}, {Name: "b"}}}}}
	for name, tt := range map[string]struct {
		checks  []checked
		unclear []ecs.Unclear
		want    string
		code    int
	}{
		"all well":       {[]checked{judged("api", "aa1", fine), judged("api", "bb2", fine)}, nil, "READY: all 2 tasks, nothing stands in the way", codeOK},
		"one task":       {[]checked{judged("api", "aa1", wary)}, nil, "READY: the only task, with 1 warning", codeOK},
		"warnings":       {[]checked{judged("api", "aa1", wary), judged("api", "bb2", wary)}, nil, "READY: all 2 tasks, with 1 warning", codeOK},
		"danger":         {[]checked{judged("api", "aa1", hungry), judged("api", "bb2", fine)}, nil, "READY: all 2 tasks, but dangerous: full (mem.headroom) on 1 of 2 tasks", codeOK},
		"blocked":        {[]checked{judged("api", "aa1", off), judged("api", "bb2", hungry)}, nil, "NOT READY: 1 of 2 tasks, 1 ready: off (exec.enabled)", codeBlocked},
		"all blocked":    {[]checked{judged("api", "aa1", off), judged("api", "bb2", off)}, nil, "NOT READY: all 2 tasks: off (exec.enabled)", codeBlocked},
		"unclear":        {[]checked{judged("api", "aa1", fine)}, unclear, "NOT CHECKED: 1 of 2 tasks, 1 ready", codeNotFound},
		"blocked, too":   {[]checked{judged("api", "aa1", off)}, unclear, "NOT READY: 1 of 2 tasks, 1 not checked: off (exec.enabled)", codeBlocked},
		"nothing at all": {nil, unclear, "NOT CHECKED: the only task", codeNotFound},
	} {
		r := checkedAll{checks: tt.checks, unclear: tt.unclear, calls: &ecs.Calls{}, iac: iacCLI}
		word, text, _ := r.answer(r.groups())
		if word+text != tt.want {
			t.Errorf("%s: got %q, want %q", name, word+text, tt.want)
		}
		code := codeOK
		if err := r.err(r.groups()); err != nil {
			code = exitCode(err)
		}
		if out := r.json(); code != tt.code || out.Ready != (tt.code == codeOK) || out.Checks == nil || out.Unchecked == nil || out.Skipped == nil {
			t.Errorf("%s: exit code %d, want %d; %+v", name, code, tt.code, out)
		}
	}
}

// TestPatientWithMany: hundreds of throttled calls in a row use nothing up.
func TestPatientWithMany(t *testing.T) {
	p := newPatient(nil)
	for range 1000 {
		release, err := p.GetRetryToken(t.Context(), &smithy.GenericAPIError{Code: "ThrottlingException"})
		if err != nil {
			t.Fatal(err)
		}
		if err := release(errors.New("refused again")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCheckAllThrottled: what AWS refuses for a while is there in the end.
func TestCheckAllThrottled(t *testing.T) {
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for range 100 {
		server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", Exec: true, Containers: []fakeaws.Container{{Name: "api", Essential: true}}})
	}
	server.Throttle(fakeaws.Throttle{Operations: []string{"ssm."}, Burst: 20, PerSecond: 100, Refusals: 20})
	cfg := demoAWS(server)
	cfg.Retryer = func() aws.Retryer { return newPatient(nil) }
	clients := ecs.NewClients(cfg)
	targets, _, err := ecs.FindAll(t.Context(), clients.ECS, ecs.Query{Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	facts, err := ecs.GatherAll(t.Context(), clients, targets, defaultPort, ecs.Whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		for _, found := range ecs.Judge(f) {
			if found.ID == "exec.connected" && found.Level != ecs.OK || strings.Contains(found.Got, "Throttling") {
				t.Errorf("%s: %s", found.ID, found.Got)
			}
		}
	}
	refused := 0
	for _, c := range server.Calls() {
		if c.Err == "ThrottlingException" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was throttled")
	}
}
