package cdp

import (
	"context"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
)

// objectGroup names the objects that this package holds in the target, so that
// one command releases them all.
const objectGroup = "ecsheap"

// Process describes the process behind the inspector.
type Process struct {
	PID           int       `json:"pid"`
	NodeVersion   string    `json:"nodeVersion"` // with the v, such as "v22.11.0"
	V8Version     string    `json:"v8Version"`
	Arch          string    `json:"arch"`     // as Node.js says: "x64", "arm64"
	Platform      string    `json:"platform"` // "linux"
	Title         string    `json:"title"`
	Argv          []string  `json:"argv"`
	ExecArgv      []string  `json:"execArgv"`      // Node.js options of the command line
	StartedAt     time.Time `json:"startedAt"`     // by the target's clock; steady to a few milliseconds
	MemoryLimit   int64     `json:"memoryLimit"`   // bytes, smallest limit of the container known to the process; 0 = none or unknown
	HeapSizeLimit int64     `json:"heapSizeLimit"` // bytes, V8's own limit (--max-old-space-size and the like); 0 = unknown
	EnvNames      []string  `json:"envNames"`      // names of the environment variables, never their values, sorted
}

// Memory is process.memoryUsage(), in bytes.
type Memory struct {
	RSS          int64 `json:"rss"`
	HeapTotal    int64 `json:"heapTotal"`
	HeapUsed     int64 `json:"heapUsed"`
	External     int64 `json:"external"`
	ArrayBuffers int64 `json:"arrayBuffers"`
}

// describe collects the fields of Process in the target. Limits of 2^53 and
// more mean "none"; process.constrainedMemory is absent before Node.js 18.15, so
// the files of the memory cgroup are asked as well.
const describe = `(() => {
  const limits = [];
  const attempt = (f) => { try { const n = Number(f()); if (n > 0 && n < 2 ** 53) limits.push(n); } catch {} };
  attempt(() => process.constrainedMemory());
  attempt(() => require('fs').readFileSync('/sys/fs/cgroup/memory.max', 'utf8'));
  attempt(() => require('fs').readFileSync('/sys/fs/cgroup/memory/memory.limit_in_bytes', 'utf8'));
  let heapSizeLimit = 0;
  try { heapSizeLimit = require('v8').getHeapStatistics().heap_size_limit; } catch {}
  let started = Date.now() - process.uptime() * 1000;
  try { if (performance.timeOrigin > 0) started = performance.timeOrigin; } catch {}
  return {
    pid: process.pid, nodeVersion: process.version, v8Version: process.versions.v8,
    arch: process.arch, platform: process.platform, title: String(process.title),
    argv: process.argv.map(String), execArgv: process.execArgv.map(String),
    startedAt: new Date(started).toISOString(),
    memoryLimit: limits.length ? Math.min(...limits) : 0, heapSizeLimit,
    envNames: Object.keys(process.env).sort(),
  };
})()`

// Process asks the target who it is. It reads nothing but what Process has
// fields for; of the environment only the names leave the target.
func (c *Conn) Process(ctx context.Context) (Process, error) {
	var p Process
	if err := c.evaluate(ctx, describe, &p); err != nil {
		return Process{}, fmt.Errorf("asking about the process: %w", err)
	}
	p.StartedAt = p.StartedAt.UTC()
	return p, nil
}

// Memory asks the target for its memory usage. It costs the target well below a
// millisecond, and does as a sign of life on the connection.
func (c *Conn) Memory(ctx context.Context) (Memory, error) {
	var m Memory
	if err := c.evaluate(ctx, `process.memoryUsage()`, &m); err != nil {
		return Memory{}, fmt.Errorf("asking for the memory usage: %w", err)
	}
	return m, nil
}

// DiscardConsole makes V8 drop the console messages that it keeps for
// inspectors. With an inspector open it keeps the last 1000, and all that they
// refer to would appear as alive in a snapshot.
func (c *Conn) DiscardConsole(ctx context.Context) error {
	return c.ask(ctx, runtime.CommandDiscardConsoleEntries, nil, nil)
}

// SentinelID returns the id that V8's heap profiler has for an object of ours
// in the target, "" if it has none. The object is made at the first call and
// lives until Close.
//
// Ids are given by the first snapshot. From then on the sentinel's id stays the
// same as long as V8 keeps its table of ids. The end of any inspector session of
// the process, not only ours, empties the table, whatever the session did
// (measured on Node.js 14 to 26; from 22 on only a session that ends before the
// process has handled a command of it leaves the ids alone). The id is then ""
// and the next snapshot numbers all objects anew, so that ids of earlier
// snapshots name other objects. Two snapshots are comparable by id only if the
// sentinel had the same id, not "", right after the first, and right before and
// after the second.
func (c *Conn) SentinelID(ctx context.Context) (string, error) {
	object, err := c.sentinelObject(ctx)
	if err != nil {
		return "", fmt.Errorf("making a sentinel object: %w", err)
	}
	id, err := heapID(ctx, c.ask, runtime.RemoteObjectID(object))
	if err != nil {
		return "", fmt.Errorf("asking for the sentinel's id: %w", err)
	}
	return id, nil
}

// sentinelObject makes the sentinel or returns the one there is.
func (c *Conn) sentinelObject(ctx context.Context) (string, error) {
	c.mu.Lock()
	object := c.sentinel
	c.mu.Unlock()
	if object != "" {
		return object, nil
	}
	// An object of a class of its own is easily told apart in the snapshot.
	params := evaluation(`new (class EcsheapSentinel {})()`, false)
	params.ObjectGroup = objectGroup
	var answer runtime.EvaluateResult
	if err := c.ask(ctx, runtime.CommandEvaluate, params, &answer); err != nil {
		return "", err
	}
	res, err := evaluated(answer)
	if err != nil {
		return "", err
	}
	if res.ObjectID == "" {
		return "", errors.New("no object in the answer")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sentinel = string(res.ObjectID)
	return c.sentinel, nil
}

// tidy restores the target's state, as far as we changed it and it answers.
func (c *Conn) tidy() {
	c.mu.Lock()
	ended, sentinel, profiler := c.err != nil, c.sentinel != "", c.profiler != profilerOff
	c.mu.Unlock()
	// With a snapshot on the wire no answer would come in time. V8 does all this
	// by itself when the session ends.
	if ended || c.busy() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), politeLimit)
	defer cancel()
	if sentinel {
		params := runtime.ReleaseObjectGroupParams{ObjectGroup: objectGroup}
		if err := c.Call(ctx, runtime.CommandReleaseObjectGroup, params, nil); err != nil {
			c.log.Debug("releasing objects in the process", "err", err)
		}
	}
	if profiler {
		if err := c.Call(ctx, heapprofiler.CommandDisable, nil, nil); err != nil {
			c.log.Debug("disabling the heap profiler", "err", err)
		}
	}
}

// evaluation returns the parameters for evaluating an expression quietly.
func evaluation(expression string, byValue bool) runtime.EvaluateParams {
	yes := true
	return runtime.EvaluateParams{
		Expression:            expression,
		ReturnByValue:         &byValue,
		Silent:                &yes,
		IncludeCommandLineAPI: &yes, // gives require, in ES modules too
	}
}

// evaluate runs an expression in the target and decodes its value.
func (c *Conn) evaluate(ctx context.Context, expression string, out any) error {
	var answer runtime.EvaluateResult
	if err := c.ask(ctx, runtime.CommandEvaluate, evaluation(expression, true), &answer); err != nil {
		return err
	}
	return decodeValue(answer, out)
}

// value waits for the answer to the evaluation k and decodes its value.
func (c *Conn) value(ctx context.Context, k *call, out any) error {
	var answer runtime.EvaluateResult
	if err := c.wait(ctx, k, &answer); err != nil {
		return err
	}
	return decodeValue(answer, out)
}

// decodeValue decodes the value that an evaluation returned.
func decodeValue(answer runtime.EvaluateResult, out any) error {
	res, err := evaluated(answer)
	if err != nil {
		return err
	}
	if len(res.Value) == 0 {
		return fmt.Errorf("the expression yields no value but %s", describeValue(res))
	}
	if err := jsonv2.Unmarshal(res.Value, out, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return fmt.Errorf("decoding the value: %w", err)
	}
	return nil
}

// describeValue names the kind of a value that JSON does not know, or of one
// that is not what was asked for; never its contents.
func describeValue(res *runtime.RemoteObject) string {
	switch {
	case res.UnserializableValue != "":
		return string(res.UnserializableValue)
	case res.Subtype != "":
		return string(res.Subtype)
	}
	return string(res.Type)
}

// evaluated returns the result of an evaluation, or what it threw.
func evaluated(answer runtime.EvaluateResult) (*runtime.RemoteObject, error) {
	if e := answer.ExceptionDetails; e != nil {
		text := e.Text
		switch x := e.Exception; {
		case x == nil:
		case x.Description != "":
			text = x.Description
		case len(x.Value) > 0: // what was thrown is no Error
			text += " " + string(x.Value)
		}
		return nil, &ExceptionError{Text: text}
	}
	if answer.Result == nil {
		return nil, errors.New("no result in the answer")
	}
	return answer.Result, nil
}
