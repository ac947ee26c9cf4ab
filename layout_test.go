package ecsheap_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// This file keeps the house in order: it reads every Go file of the module and
// enforces the import table and the rules that a compiler does not know.

const module = "github.com/ecsheap/ecsheap"

// plugin is AWS's client for port sessions. The fake of its counterpart may not
// use it: two sides from one source agree on each other's mistakes.
const plugin = "github.com/aws/session-manager-plugin"

// maxFileLines and maxFuncLines are where reading ends and searching begins.
// The house aims at 450 and 60; these are the hard ends.
const (
	maxFileLines = 500
	maxFuncLines = 100
)

// everything in a room's imports stands for all rooms.
const everything = "*"

// room is a folder with Go files and what they may import of this module.
type room struct {
	imports   []string // rooms that any of its files may import
	stdlib    bool     // non-test files use the standard library alone
	testsOnly bool     // holds test files alone
	fixture   bool     // may import package testing; imported from tests alone
}

// rooms is the plan of the house. A folder that is not in it has no Go files.
var rooms = map[string]room{
	".":            {testsOnly: true},
	"cmd/ecsheap":  {imports: []string{everything}},
	"ecs":          {},
	"remedy":       {imports: []string{"ecs", "iam-policies"}},
	"tunnel":       {},
	"cdp":          {},
	"capture":      {},
	"guest":        {},
	"gate":         {stdlib: true},
	"bucket":       {},
	"activate":     {},
	"sampling":     {},
	"heap":         {stdlib: true},
	"leak":         {imports: []string{"heap"}},
	"report":       {imports: []string{"leak", "heap"}},
	"sourcemap":    {imports: []string{"heap"}},
	"redact":       {},
	"iam-policies": {},
	"docs":         {testsOnly: true},
	"e2e":          {imports: []string{everything}, testsOnly: true},

	"internal/fakeaws":      {},
	"internal/nodeproc":     {},
	"internal/demoapp":      {imports: []string{"internal/nodeproc"}},
	"internal/nodetest":     {imports: []string{"internal/nodeproc"}, fixture: true},
	"internal/devtoolstest": {imports: []string{"internal/nodetest"}, fixture: true},
	"internal/heaptest":     {imports: []string{"heap"}, fixture: true},
	"internal/leaktest":     {imports: []string{"internal/nodetest", "internal/nodeproc"}, fixture: true},
	"internal/s3test":       {imports: []string{"internal/nodetest"}, fixture: true},
}

// demo is the one file of the program that may use internal rooms.
const demo = "cmd/ecsheap/demo.go"

// names are the import names that tell a foreign package from a room of ours.
var names = map[string]string{
	"github.com/aws/aws-sdk-go-v2/service/ecs": "awsecs",
	"github.com/aws/aws-sdk-go-v2/service/s3":  "awss3",
	"github.com/aws/aws-sdk-go-v2/service/ssm": "awsssm",
	"github.com/chromedp/cdproto/cdp":          "protocol",
}

// emptyNames say nothing of what is in a package.
var emptyNames = []string{"utils", "util", "common", "helpers", "helper", "types", "managers", "services", "mocks", "misc", "base"}

// file is a Go file with the path it has in the module, with slashes.
type file struct {
	path string
	src  []byte
}

func (f file) room() string { return path.Dir(f.path) }
func (f file) test() bool   { return strings.HasSuffix(f.path, "_test.go") }

func TestLayout(t *testing.T) {
	files, err := readModule(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f file) bool { return f.path == "layout_test.go" }) {
		t.Fatalf("read %d files and not even this one", len(files))
	}
	for _, f := range files {
		for _, violation := range check(f) {
			t.Errorf("%s: %s", f.path, violation)
		}
	}
}

// TestRoomsDoNotImportInCircles has the table itself be a plan with an order.
func TestRoomsDoNotImportInCircles(t *testing.T) {
	for name, r := range rooms {
		for _, imported := range r.imports {
			if imported == everything {
				continue
			}
			if _, ok := rooms[imported]; !ok {
				t.Errorf("%s may import %s, which is no room", name, imported)
			}
			if slices.Contains(rooms[imported].imports, name) {
				t.Errorf("%s and %s may import each other", name, imported)
			}
		}
	}
}

// readModule returns every Go file except those of hidden folders, of testdata
// and of nested modules.
func readModule(root fs.FS) ([]file, error) {
	var files []file
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(root, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		files = append(files, file{path: name, src: src})
		return err
	})
	return files, err
}

// enter says whether the walk goes into a folder.
func enter(root fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(name, "go.mod")); !errors.Is(err, fs.ErrNotExist) {
		return fs.SkipDir
	}
	return nil
}

// check returns the violations of one file.
func check(f file) []string {
	r, ok := rooms[f.room()]
	if !ok {
		return []string{"folder " + f.room() + " is not a room: it is missing in the table of layout_test.go"}
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, f.path, f.src, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	if r.testsOnly && !f.test() {
		found = append(found, "room "+f.room()+" holds test files only")
	}
	if name := strings.TrimSuffix(parsed.Name.Name, "_test"); slices.Contains(emptyNames, name) {
		found = append(found, "package name "+name+" says nothing of what is in it")
	}
	if lines := set.File(parsed.Pos()).LineCount(); lines > maxFileLines {
		found = append(found, fmt.Sprintf("has %d lines, more than %d", lines, maxFileLines))
	}
	for _, spec := range parsed.Imports {
		found = append(found, checkImport(f, r, spec)...)
	}
	found = append(found, checkFuncs(set, parsed)...)
	if !f.test() && f.room() != "cmd/ecsheap" {
		found = append(found, checkManners(parsed)...)
	}
	return found
}

// checkImport enforces the import table for one import of a file.
func checkImport(f file, r room, spec *ast.ImportSpec) []string {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	name := ""
	if spec.Name != nil {
		name = spec.Name.Name
	}
	if name == "." {
		found = append(found, "dot import of "+imported)
	}
	if want := names[imported]; want != "" && name != want && name != "_" {
		found = append(found, fmt.Sprintf("imports %s as %q, the house name is %s", imported, name, want))
	}
	if target, ours := strings.CutPrefix(imported, module+"/"); ours {
		if reason := forbidden(f, r, target); reason != "" {
			found = append(found, "imports "+target+": "+reason)
		}
	} else if r.stdlib && !f.test() && strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		found = append(found, "imports "+imported+": "+f.room()+" uses the standard library alone")
	}
	if f.room() == "internal/fakeaws" && !f.test() && strings.HasPrefix(imported+"/", plugin+"/") {
		found = append(found, "imports "+imported+": the fake shares no code with the client")
	}
	if imported == "testing" && !f.test() && !r.fixture {
		found = append(found, "imports testing outside of tests")
	}
	return found
}

// forbidden says why a file may not import a room, "" when it may.
func forbidden(f file, r room, target string) string {
	to, ok := rooms[target]
	if !ok {
		return "no such room"
	}
	internal := strings.HasPrefix(target, "internal/")
	switch {
	case target == f.room():
		return "" // the external test package of a room
	case f.test() && internal:
		return "" // fixtures are there for tests
	case slices.Contains(r.imports, target):
		return ""
	case to.fixture:
		return "a fixture, for tests alone"
	case internal && f.path != demo:
		return "internal rooms are for tests and " + demo
	case slices.Contains(r.imports, everything):
		return ""
	}
	return "not in the import table of " + f.room()
}

// checkFuncs looks at the declarations: no init, no endless functions.
func checkFuncs(set *token.FileSet, parsed *ast.File) []string {
	var found []string
	for _, decl := range parsed.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, "has an init function")
		}
		if lines := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1; lines > maxFuncLines {
			found = append(found, fmt.Sprintf("%s has %d lines, more than %d", fn.Name.Name, lines, maxFuncLines))
		}
	}
	return found
}

// checkManners looks for what only the program may do: end the process, write
// to its streams, use the global logger.
func checkManners(parsed *ast.File) []string {
	var found []string
	for _, spec := range parsed.Imports {
		if spec.Path.Value == `"log"` {
			found = append(found, "imports log: a package gets a *slog.Logger or is silent")
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		switch name := pkg.Name + "." + selector.Sel.Name; name {
		case "os.Exit", "fmt.Print", "fmt.Printf", "fmt.Println", "os.Stdout", "os.Stderr", "os.Stdin",
			"slog.Default", "slog.SetDefault", "signal.Notify", "signal.NotifyContext", "context.TODO":
			found = append(found, "uses "+name+", which is for cmd/ecsheap")
		}
		return true
	})
	return found
}
