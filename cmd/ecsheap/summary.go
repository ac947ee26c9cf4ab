package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/heap"
)

func summaryCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "summary", Category: categoryAnalyse,
		Usage:     "list the classes of a heap snapshot: DevTools' \"Summary\"",
		UsageText: "ecsheap summary s3.heapsnapshot\necsheap summary --between s1.heapsnapshot,s2.heapsnapshot s3.heapsnapshot",
		ArgsUsage: "FILE",
		Description: "FILE is a .heapsnapshot file, plain or compressed with gzip or zstd; - is standard input.\n" +
			"The numbers are those of Chrome DevTools: shallow is what the objects take, retained what would go with them, in bytes.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "between", Category: categoryList, Usage: "only objects allocated between the snapshots `A,B` of the same process that still live in FILE"},
			limitFlag(), sortFlag("summary"), filterFlag(),
		}, formatFlags()),
		Action: func(c *cli.Context) error {
			o, err := readSummary(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runSummary(c.Context, u, o))
		},
	}
}

// summaryOptions are the values of the flags of summary.
type summaryOptions struct {
	listOptions
	file    string
	between []string // two files, or none
}

func readSummary(c *cli.Context, u *ui) (summaryOptions, error) {
	list, err := readList(c, u)
	if err != nil {
		return summaryOptions{}, err
	}
	args, err := fileArguments(c)
	if err != nil {
		return summaryOptions{}, err
	}
	o := summaryOptions{listOptions: list, file: args[0]}
	if c.IsSet("between") {
		if o.between, err = twoFiles(c.String("between")); err != nil {
			return o, err
		}
	}
	return o, onceStdin(append(slices.Clone(o.between), o.file))
}

// twoFiles cuts A,B at its comma. If there are several, names have commas
// themselves: the cut is where two files come out.
func twoFiles(text string) ([]string, error) {
	parts := strings.Split(text, ",")
	for i := 1; i < len(parts); i++ {
		a, b := strings.Join(parts[:i], ","), strings.Join(parts[i:], ",")
		if a != "" && b != "" && (len(parts) == 2 || exists(a) && exists(b)) {
			return []string{a, b}, nil
		}
	}
	return nil, &usageError{text: fmt.Sprintf("--between %q names no two files", text), hint: "for example --between s1.heapsnapshot,s2.heapsnapshot s3.heapsnapshot"}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// onceStdin refuses standard input for more than one file.
func onceStdin(files []string) error {
	if i := slices.Index(files, stdinFile); i >= 0 && slices.Contains(files[i+1:], stdinFile) {
		return &usageError{text: "standard input can be only one of the files", hint: "name the other files"}
	}
	return nil
}

func runSummary(ctx context.Context, u *ui, o summaryOptions) error {
	marks, err := loadMarks(ctx, u, o.between)
	if err != nil {
		return err
	}
	s, err := loadSnapshot(ctx, u, o.file)
	if err != nil {
		return err
	}
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	var classes []heap.Class
	if marks != nil {
		classes = s.Between(marks[0], marks[1])
	} else {
		classes = s.Classes()
	}
	classes = slices.DeleteFunc(slices.Clone(classes), func(c heap.Class) bool { return !o.wants(c.Name) })
	sortClasses(classes, o.sort)
	u.settle()
	if o.json {
		return u.json(newSummaryJSON(s, o, classes))
	}
	w := bufio.NewWriter(u.out)
	printSummary(w, u, s, o, classes)
	return w.Flush()
}

// loadMarks reads snapshots one after the other and keeps of each what
// Snapshot.Between needs.
func loadMarks(ctx context.Context, u *ui, files []string) ([]*heap.Marks, error) {
	var marks []*heap.Marks
	for _, file := range files {
		s, err := loadSnapshot(ctx, u, file)
		if err != nil {
			return nil, err
		}
		marks = append(marks, s.Marks())
		forget()
	}
	if len(marks) == 2 && marks[0].MaxID >= marks[1].MaxID {
		u.warn(fmt.Sprintf("nothing was allocated between %s and %s", printable(files[0]), printable(files[1])),
			"name the older snapshot first; both must be of one process and one inspector session")
	}
	return marks, nil
}

// sortClasses sorts largest first, names and distances smallest first. Rows that
// are equal in that stand in order of their names, then as they were.
func sortClasses(classes []heap.Class, by string) {
	slices.SortStableFunc(classes, func(a, b heap.Class) int {
		order := 0
		switch by {
		case "shallow":
			order = cmp.Compare(b.Shallow, a.Shallow)
		case "count":
			order = cmp.Compare(b.Count, a.Count)
		case "distance":
			order = cmp.Compare(shownDistance(a.Distance), shownDistance(b.Distance))
		case "retained":
			order = cmp.Compare(b.Retained, a.Retained)
		}
		return cmp.Or(order, cmp.Compare(a.Name, b.Name))
	})
}

// shownDistance puts what no JavaScript global leads to behind all else.
func shownDistance(d int) int {
	if d < 0 {
		return heap.SystemDistance
	}
	return d
}
