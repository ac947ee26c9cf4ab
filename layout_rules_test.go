package ecsheap_test

import (
	"strings"
	"testing"
	"testing/fstest"
)

// imports is a file that imports what is given, one import a line.
func imports(pkg string, specs ...string) string {
	return "package " + pkg + "\n\nimport (\n\t" + strings.Join(specs, "\n\t") + "\n)\n"
}

func ours(room string) string { return `"` + module + "/" + room + `"` }

// TestCheckFindsViolations proves that the rules of TestLayout can be broken.
func TestCheckFindsViolations(t *testing.T) {
	tests := []struct {
		name, path, src string
		want            string // part of the one violation
	}{
		{"unknown room", "agents/a.go", "package agents", "not a room"},
		{"second level", "heap/graph/a.go", "package graph", "not a room"},
		{"code at the root", "ecsheap.go", "package ecsheap", "test files only"},
		{"code in e2e", "e2e/a.go", "package e2e", "test files only"},
		{"empty name", "ecs/a.go", "package utils", "says nothing"},
		{"empty name of a test", "ecs/a_test.go", "package helpers_test", "says nothing"},
		{"no Go", "ecs/a.go", "package", "expected"},
		{"long file", "ecs/a.go", "package ecs" + strings.Repeat("\n", maxFileLines+1), "lines"},
		{"long function", "ecs/a.go", "package ecs\nfunc F() {" + strings.Repeat("\n", maxFuncLines+1) + "}", "F has"},
		{"init", "ecs/a.go", "package ecs\nfunc init() {}", "init"},
		{"init in a test", "ecs/a_test.go", "package ecs\nfunc init() {}", "init"},
		{"sibling", "tunnel/a.go", imports("tunnel", ours("ecs")), "not in the import table"},
		{"sibling from a test", "tunnel/a_test.go", imports("tunnel", ours("ecs")), "not in the import table"},
		{"upwards", "heap/a.go", imports("heap", ours("leak")), "not in the import table"},
		{"leak to report", "leak/a.go", imports("leak", ours("report")), "not in the import table"},
		{"report to capture", "report/a.go", imports("report", ours("capture")), "not in the import table"},
		{"the program", "ecs/a.go", imports("ecs", ours("cmd/ecsheap")), "not in the import table"},
		{"a room that is none", "cmd/ecsheap/a.go", imports("main", ours("internal/tmp")), "no such room"},
		{"internal from code", "cdp/a.go", imports("cdp", ours("internal/fakeaws")), "internal rooms are for tests"},
		{"internal from another command", "cmd/ecsheap/check.go", imports("main", ours("internal/fakeaws")), "internal rooms are for tests"},
		{"fixture from the demo", "cmd/ecsheap/demo.go", imports("main", ours("internal/nodetest")), "for tests alone"},
		{"fixture from the demo's app", "internal/demoapp/a.go", imports("demoapp", ours("internal/nodetest")), "for tests alone"},
		{"fake imports ours", "internal/fakeaws/a.go", imports("fakeaws", ours("tunnel")), "not in the import table"},
		{"fake's test imports ours", "internal/fakeaws/a_test.go", imports("fakeaws", ours("ecs")), "not in the import table"},
		{"fake imports nodeproc", "internal/fakeaws/a.go", imports("fakeaws", ours("internal/nodeproc")), "internal rooms are for tests"},
		{"fake imports the plugin", "internal/fakeaws/a.go", imports("fakeaws", `"`+plugin+`/src/message"`), "shares no code"},
		{"heap imports a module", "heap/a.go", imports("heap", `"golang.org/x/sync/errgroup"`), "standard library alone"},
		{"testing in code", "ecs/a.go", imports("ecs", `"testing"`), "testing"},
		{"dot import", "ecs/a_test.go", imports("ecs", `. "strings"`), "dot import"},
		{"SDK without its name", "ecs/a.go", imports("ecs", `"github.com/aws/aws-sdk-go-v2/service/ecs"`), "awsecs"},
		{"SDK by another name", "tunnel/a.go", imports("tunnel", `ssm2 "github.com/aws/aws-sdk-go-v2/service/ssm"`), "awsssm"},
		{"protocol without its name", "cdp/a.go", imports("cdp", `"github.com/chromedp/cdproto/cdp"`), "protocol"},
		{"exit", "ecs/a.go", "package ecs\nfunc f() { os.Exit(1) }", "os.Exit"},
		{"print", "ecs/a.go", "package ecs\nfunc f() { fmt.Println() }", "fmt.Println"},
		{"stderr", "ecs/a.go", "package ecs\nvar w = os.Stderr", "os.Stderr"},
		{"log", "ecs/a.go", imports("ecs", `"log"`), "log"},
		{"signals", "ecs/a.go", "package ecs\nfunc f() { signal.Notify(nil) }", "signal.Notify"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := check(file{path: tt.path, src: []byte(tt.src)})
			if len(found) != 1 || !strings.Contains(found[0], tt.want) {
				t.Errorf("found %q, want one violation with %q", found, tt.want)
			}
		})
	}
}

// TestCheckAllowsTheTable has the rules not forbid more than they should.
func TestCheckAllowsTheTable(t *testing.T) {
	tests := []struct {
		name, path, src string
	}{
		{"leak to heap", "leak/a.go", imports("leak", ours("heap"))},
		{"report to both", "report/a.go", imports("report", ours("leak"), ours("heap"))},
		{"the program to all", "cmd/ecsheap/a.go", imports("main", ours("ecs"), ours("iam-policies"), `"log"`, `"os"`)},
		{"the program exits", "cmd/ecsheap/main.go", "package main\nfunc main() { os.Exit(run(os.Stdout)) }"},
		{"the demo to the fake", demo, imports("main", ours("internal/fakeaws"), ours("internal/demoapp"))},
		{"e2e to all", "e2e/a_test.go", imports("e2e_test", ours("cdp"), ours("internal/nodetest"), ours("internal/fakeaws"))},
		{"a test to internal", "cdp/a_test.go", imports("cdp", ours("internal/nodetest"), `"testing"`)},
		{"a test to its own room", "ecs/a_test.go", imports("ecs_test", ours("ecs"))},
		{"the fake's test to the plugin", "internal/fakeaws/a_test.go", imports("fakeaws", `"`+plugin+`/src/message"`)},
		{"tunnel to the plugin", "tunnel/a.go", imports("tunnel", `"`+plugin+`/src/message"`)},
		{"a fixture to testing", "internal/nodetest/a.go", imports("nodetest", `"testing"`, ours("internal/nodeproc"))},
		{"heap's test to a module", "heap/a_test.go", imports("heap", `"github.com/google/go-cmp/cmp"`)},
		{"house names", "ecs/a.go", imports("ecs", `awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"`)},
		{"a method named init", "ecs/a.go", "package ecs\nfunc (t T) init() {}"},
		{"a test that exits", "ecs/a_test.go", "package ecs\nfunc TestMain() { os.Exit(1) }"},
		{"exactly as long", "ecs/a.go", "package ecs" + strings.Repeat("\n", maxFileLines-1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if found := check(file{path: tt.path, src: []byte(tt.src)}); len(found) != 0 {
				t.Errorf("found %q, want nothing", found)
			}
		})
	}
}

func TestReadModule(t *testing.T) {
	tree := fstest.MapFS{
		"a_test.go": {}, "ecs/a.go": {}, "ecs/notes.md": {}, "ecs/testdata/b.go": {}, ".tools/c.go": {},
		"_old/d.go": {}, "x/node_modules/e.go": {}, "nested/go.mod": {}, "nested/f.go": {}, "go.mod": {},
	}
	files, err := readModule(tree)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.path)
	}
	if want := "a_test.go ecs/a.go"; strings.Join(got, " ") != want {
		t.Errorf("read %q, want %q", got, want)
	}
}
