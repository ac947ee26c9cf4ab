package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/heap"
)

func inspectCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "inspect", Category: categoryAnalyse,
		Usage:     "show one object of a heap snapshot: fields, retainers, path to a root, dominators",
		UsageText: "ecsheap inspect --class Session s3.heapsnapshot\necsheap inspect --id 48211 s3.heapsnapshot",
		ArgsUsage: "FILE",
		Description: "FILE is a .heapsnapshot file, plain or compressed with gzip or zstd; - is standard input.\n" +
			"Exits with 4 if there is no such object or class in it.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "id", Category: categoryObject, Usage: "the object with this `number` (DevTools writes @number)"},
			&cli.StringFlag{Name: "class", Category: categoryObject, Usage: "list the objects of the class with this `name`, as summary prints it"},
			limitFlag(), sortFlag("inspect"),
		}, formatFlags()),
		Action: func(c *cli.Context) error {
			o, err := readInspect(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runInspect(c.Context, u, o))
		},
	}
}

// categoryObject is the help's category for the flags that choose an object.
const categoryObject = "Object"

// inspectOptions are the values of the flags of inspect.
type inspectOptions struct {
	listOptions
	file  string
	id    heap.ID
	class string // "" for the one object with the id
}

func readInspect(c *cli.Context, u *ui) (inspectOptions, error) {
	list, err := readList(c, u)
	if err != nil {
		return inspectOptions{}, err
	}
	args, err := fileArguments(c)
	if err != nil {
		return inspectOptions{}, err
	}
	o := inspectOptions{listOptions: list, file: args[0], class: c.String("class")}
	const hint = "--id NUMBER shows an object, --class NAME lists the objects of a class"
	switch {
	case c.IsSet("id") && c.IsSet("class"):
		return o, &usageError{text: "--id and --class contradict each other", hint: hint}
	case !c.IsSet("id") && o.class == "":
		return o, &usageError{text: "which object?", hint: hint}
	case c.IsSet("id"):
		n, err := strconv.ParseUint(strings.TrimPrefix(c.String("id"), "@"), 10, 64)
		if err != nil {
			return o, &usageError{text: fmt.Sprintf("--id %q is no number", c.String("id")), hint: "ids are what --class NAME lists, and DevTools writes behind @"}
		}
		o.id = heap.ID(n)
	}
	return o, nil
}

func runInspect(ctx context.Context, u *ui, o inspectOptions) error {
	s, err := loadSnapshot(ctx, u, o.file)
	if err != nil {
		return err
	}
	if o.class != "" {
		return inspectClass(ctx, u, s, o)
	}
	n, ok := s.Find(o.id)
	if !ok {
		return &objectNotFoundError{what: fmt.Sprintf("object @%d", o.id), file: o.file, hint: "it was collected, or the snapshot is of another process; --class NAME lists ids"}
	}
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	object := newObject(s, n)
	u.settle()
	if o.json {
		return u.json(object.json(s, o.listOptions))
	}
	w := bufio.NewWriter(u.out)
	object.print(w, u, s, o.listOptions)
	return w.Flush()
}

// object is all that is told of a node.
type object struct {
	node       heap.Node
	edges      []heap.Ref // in file order
	retainers  []heap.Ref // nearest to a root first
	path       []heap.Step
	dominators []heap.Node
}

func newObject(s *heap.Snapshot, n heap.Node) object {
	o := object{node: n, edges: slices.Collect(s.Out(n)), retainers: slices.Collect(s.Retainers(n)), path: s.PathToRoot(n), dominators: s.DominatorChain(n)}
	slices.SortStableFunc(o.retainers, func(a, b heap.Ref) int {
		return cmp.Compare(shownDistance(s.Distance(a.From)), shownDistance(s.Distance(b.From)))
	})
	return o
}

// inspectClass lists the objects of a class.
func inspectClass(ctx context.Context, u *ui, s *heap.Snapshot, o inspectOptions) error {
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	var keys []string
	for _, c := range s.Classes() {
		if c.Name == o.class { // several rows have the name if it was declared in several places
			keys = append(keys, c.Key)
		}
	}
	nodes := s.ClassNodes(keys...)
	if len(nodes) == 0 {
		return &objectNotFoundError{what: fmt.Sprintf("class %q", o.class), file: o.file, hint: classHint(s, o.class)}
	}
	sortNodes(s, nodes, o.sort)
	u.settle()
	if o.json {
		return u.json(newClassObjectsJSON(s, o, nodes))
	}
	w := bufio.NewWriter(u.out)
	printClassObjects(w, u, s, o, nodes)
	return w.Flush()
}

// classHint names the class that retains most of those with text in the name.
func classHint(s *heap.Snapshot, text string) string {
	wanted := listOptions{filter: strings.ToLower(text)}
	for _, c := range s.Classes() { // most retained bytes first
		if wanted.wants(c.Name) {
			return fmt.Sprintf("did you mean --class '%s'?", printable(c.Name))
		}
	}
	return "`ecsheap summary --limit 0 FILE` lists the classes"
}

// sortNodes sorts largest first, distances and ids smallest first.
func sortNodes(s *heap.Snapshot, nodes []heap.Node, by string) {
	slices.SortStableFunc(nodes, func(a, b heap.Node) int {
		order := 0
		switch by {
		case "retained":
			order = cmp.Compare(s.Retained(b), s.Retained(a))
		case "shallow":
			order = cmp.Compare(s.Self(b), s.Self(a))
		case "distance":
			order = cmp.Compare(shownDistance(s.Distance(a)), shownDistance(s.Distance(b)))
		}
		return cmp.Or(order, cmp.Compare(s.ID(a), s.ID(b)))
	})
}

// objectNotFoundError is an id or a class that is not in a snapshot.
type objectNotFoundError struct{ what, file, hint string }

func (e *objectNotFoundError) Error() string {
	return fmt.Sprintf("no %s in %s", e.what, printable(e.file))
}

// Hint says where to look.
func (e *objectNotFoundError) Hint() string { return e.hint }
