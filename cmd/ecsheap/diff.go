package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/heap"
)

func diffCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "diff", Category: categoryAnalyse,
		Usage:     "compare two heap snapshots of a process: DevTools' \"Comparison\"",
		UsageText: "ecsheap diff s1.heapsnapshot s3.heapsnapshot",
		ArgsUsage: "A B",
		Description: "A is the older snapshot. Each is a .heapsnapshot file, plain or compressed with gzip or zstd; - is standard input.\n" +
			"Objects are told apart by their ids, which last as long as one inspector session: use snapshots of one capture.",
		Flags: slices.Concat([]cli.Flag{limitFlag(), sortFlag("diff"), filterFlag()}, formatFlags()),
		Action: func(c *cli.Context) error {
			o, err := readList(c, u)
			if err != nil {
				return err
			}
			files, err := fileArguments(c)
			if err == nil {
				err = onceStdin(files)
			}
			if err != nil {
				return err
			}
			return because(c.Context, runDiff(c.Context, u, o, files))
		},
	}
}

func runDiff(ctx context.Context, u *ui, o listOptions, files []string) error {
	base, err := loadIndex(ctx, u, files[0])
	if err != nil {
		return err
	}
	later, err := loadIndex(ctx, u, files[1])
	if err != nil {
		return err
	}
	rows := slices.DeleteFunc(heap.Diff(base, later), func(r heap.DiffRow) bool { return !o.wants(r.Name) })
	sortDiff(rows, o.sort)
	u.settle()
	if o.json {
		return u.json(newDiffJSON(o, files, rows))
	}
	w := bufio.NewWriter(u.out)
	printDiff(w, u, o, files, rows)
	return w.Flush()
}

// loadIndex reads a snapshot and keeps of it what heap.Diff needs, so that the
// graphs of two snapshots are never in memory together.
func loadIndex(ctx context.Context, u *ui, file string) (*heap.Index, error) {
	s, err := loadSnapshot(ctx, u, file)
	if err != nil {
		return nil, err
	}
	index := s.Index()
	forget()
	return index, nil
}

// sortDiff sorts largest first, names in their order. Rows that are equal in
// that stand in order of their names, then as they were.
func sortDiff(rows []heap.DiffRow, by string) {
	slices.SortStableFunc(rows, func(a, b heap.DiffRow) int {
		order := 0
		switch by {
		case "size":
			order = cmp.Compare(b.SizeDelta, a.SizeDelta)
		case "count":
			order = cmp.Compare(b.CountDelta, a.CountDelta)
		case "new":
			order = cmp.Compare(b.New, a.New)
		case "deleted":
			order = cmp.Compare(b.Deleted, a.Deleted)
		case "alloc":
			order = cmp.Compare(b.Alloc, a.Alloc)
		case "freed":
			order = cmp.Compare(b.Freed, a.Freed)
		}
		return cmp.Or(order, cmp.Compare(a.Name, b.Name))
	})
}

// diffJSON is the output of diff --output json.
type diffJSON struct {
	Schema int           `json:"schema"`
	Base   string        `json:"base"`
	Later  string        `json:"later"`
	Rows   []diffRowJSON `json:"rows"`
}

type diffRowJSON struct {
	Class        string `json:"class"`
	Location     string `json:"location,omitempty"`
	NewCount     int    `json:"newCount"`
	DeletedCount int    `json:"deletedCount"`
	CountDelta   int    `json:"countDelta"`
	AllocSize    int64  `json:"allocSize"`
	FreedSize    int64  `json:"freedSize"`
	SizeDelta    int64  `json:"sizeDelta"`
}

func newDiffJSON(o listOptions, files []string, rows []heap.DiffRow) diffJSON {
	out := diffJSON{Schema: schema, Base: files[0], Later: files[1], Rows: []diffRowJSON{}}
	for _, r := range cut(o, rows) {
		out.Rows = append(out.Rows, diffRowJSON{
			Class: r.Name, Location: locationText(r.Location), NewCount: r.New, DeletedCount: r.Deleted,
			CountDelta: r.CountDelta, AllocSize: r.Alloc, FreedSize: r.Freed, SizeDelta: r.SizeDelta,
		})
	}
	return out
}

func printDiff(w *bufio.Writer, u *ui, o listOptions, files []string, rows []heap.DiffRow) {
	count, size := 0, int64(0)
	for _, r := range rows {
		count, size = count+r.CountDelta, size+r.SizeDelta
	}
	fmt.Fprintf(w, "%s\n", u.boldOut(fit("from "+printable(files[0]), maxColumns)))
	fmt.Fprintf(w, "%s\n", u.boldOut(fit("  to "+printable(files[1]), maxColumns)))
	fmt.Fprintf(w, "%s objects, %s bytes in %s classes\n\n", signed(int64(count)), signed(size), grouped(len(rows)))
	t := table{columns: []column{
		{title: "NEW"}, {title: "DELETED"}, {title: "DELTA"},
		{title: "ALLOCATED"}, {title: "FREED"}, {title: "SIZE DELTA"}, {title: "CLASS", left: true},
	}}
	shown := cut(o, rows)
	for _, r := range shown {
		t.add(grouped(r.New), grouped(r.Deleted), signed(int64(r.CountDelta)), grouped(r.Alloc), grouped(r.Freed), signed(r.SizeDelta), className(r.Name, r.Location))
	}
	t.write(w, u.boldOut)
	printRest(w, len(rows)-len(shown), len(rows), "class", "classes")
}
