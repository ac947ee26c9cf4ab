package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

// probe opens the tunnel and asks what answers at the inspector's port. It attaches no
// debugger: the end of an inspector session costs a series of snapshots its object ids.
// Where a finding rules a session out it is not tried. What comes of it is a fact, and
// an error only when ctx ends or AWS refuses.
func probe(ctx context.Context, u *ui, o checkOptions, client *awsssm.Client, facts *ecs.Facts) (ecs.Fact[ecs.Answer], error) {
	for _, f := range ecs.Judge(facts) {
		if f.Level == ecs.Block {
			return ecs.Unknown[ecs.Answer]("not probed, as %s blocks", f.ID), nil
		}
	}
	var answer ecs.Answer
	way := reachOptions{targetOptions: o.targetOptions, command: "check"}
	err := tunnelled(ctx, u, way, client, facts.Target, nil, func(s source) (err error) {
		answer, err = interview(ctx, s.dial)
		return err
	})
	switch {
	case err == nil:
		return ecs.Known(answer), nil
	case ctx.Err() != nil:
		return ecs.Fact[ecs.Answer]{}, context.Cause(ctx)
	case isAs[*tunnel.RefusedError](err):
		return ecs.Known(ecs.Answer{Trouble: "nothing listens"}), nil
	case exitCode(err) == codeRefused, exitCode(err) == codeBlocked:
		return ecs.Fact[ecs.Answer]{}, err
	}
	return ecs.Known(ecs.Answer{Trouble: errorText(err)}), nil
}

// interview asks /json/version and /json/list.
func interview(ctx context.Context, dial func(context.Context) (net.Conn, error)) (ecs.Answer, error) {
	var version struct {
		Browser string `json:"Browser"`
	}
	if err := askJSON(ctx, dial, "/json/version", &version); err != nil {
		return ecs.Answer{}, err
	}
	if version.Browser == "" {
		return ecs.Answer{Trouble: "something else than an inspector answers"}, nil
	}
	var list []debuggee
	if err := askJSON(ctx, dial, "/json/list", &list); err != nil {
		return ecs.Answer{}, err
	}
	answer := ecs.Answer{Version: strings.ReplaceAll(version.Browser, "/", " ")} // node.js/v24.21.0
	for _, d := range list {
		answer.Processes = append(answer.Processes, d.Title)
	}
	return answer, nil
}

// askJSON asks the inspector for one of its pages.
func askJSON(ctx context.Context, dial func(context.Context) (net.Conn, error), path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:9229"+path, nil)
	if err != nil {
		return fmt.Errorf("asking the inspector: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		if isAs[*tunnel.RefusedError](err) || isAs[*tunnel.LostError](err) {
			return fmt.Errorf("asking the inspector: %w", err)
		}
		return &notInspectorError{got: oneLine(err.Error())}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return &notInspectorError{got: "HTTP " + response.Status}
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxListing)).Decode(v); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("asking the inspector: %w", err)
		}
		return &notInspectorError{got: "no JSON"}
	}
	return nil
}
