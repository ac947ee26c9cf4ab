package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ecsheap/ecsheap/heap"
)

// exportHeader names the columns. Scripts rely on their order; new ones come
// at the end.
const exportHeader = "ordinal,id,type,class,name,shallow,retained,distance,dominator_id,detachedness\n"

const (
	// exportBuffer is how much is written at once: enough that system calls do
	// not count.
	exportBuffer = 1 << 18

	// exportCheck is how many rows are written between two looks at the
	// context: a few milliseconds.
	exportCheck = 1 << 14
)

func exportCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "export", Category: categoryAnalyse,
		Usage:     "print all nodes of a heap snapshot as CSV",
		UsageText: "ecsheap export s3.heapsnapshot > s3.csv",
		ArgsUsage: "FILE",
		Description: "One row for each node in file order, after a header. Sizes are bytes; the root's dominator is itself.\n" +
			"FILE is a .heapsnapshot file, plain or compressed with gzip or zstd; - is standard input.",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "no-color", Category: categoryOutput, Usage: "no colours (also: NO_COLOR)"}},
		Action: func(c *cli.Context) error {
			if c.Bool("no-color") {
				u.colorOut, u.colorErr = false, false
			}
			files, err := fileArguments(c)
			if err != nil {
				return err
			}
			return because(c.Context, runExport(c.Context, u, files[0]))
		},
	}
}

func runExport(ctx context.Context, u *ui, file string) error {
	s, err := loadSnapshot(ctx, u, file)
	if err != nil {
		return err
	}
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	u.settle()
	out, isFile := u.out.(*os.File)
	return writeRows(ctx, u.out, s, isFile && term.IsTerminal(int(out.Fd())))
}

// writeRows writes the nodes as CSV (RFC 4180, with line feeds alone). On a
// terminal, what would steer it is escaped.
func writeRows(ctx context.Context, out io.Writer, s *heap.Snapshot, terminal bool) error {
	w := bufio.NewWriterSize(out, exportBuffer)
	row := []byte(exportHeader)
	left := exportCheck
	for r := range s.Rows() {
		if _, err := w.Write(row); err != nil {
			return err
		}
		if left--; left == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			left = exportCheck
		}
		if terminal {
			r.Class, r.Name = printable(r.Class), printable(r.Name)
		}
		row = appendRow(row[:0], r, s.ID(r.Dominator))
	}
	if _, err := w.Write(row); err != nil {
		return err
	}
	return w.Flush()
}

func appendRow(b []byte, r heap.Row, dominator heap.ID) []byte {
	b = strconv.AppendUint(b, uint64(r.Node), 10)
	b = strconv.AppendUint(append(b, ','), uint64(r.ID), 10)
	b = appendField(append(b, ','), r.Type)
	b = appendField(append(b, ','), r.Class)
	b = appendField(append(b, ','), r.Name)
	b = strconv.AppendInt(append(b, ','), r.Self, 10)
	b = strconv.AppendInt(append(b, ','), r.Retained, 10)
	b = strconv.AppendInt(append(b, ','), int64(r.Distance), 10)
	b = strconv.AppendUint(append(b, ','), uint64(dominator), 10)
	b = strconv.AppendUint(append(b, ','), uint64(r.Detachedness), 10)
	return append(b, '\n')
}

// appendField writes a text as a field of CSV: in quotes if it has a comma, a
// quote, the end of a line, or a space at an end that some readers would drop.
func appendField(b []byte, s string) []byte {
	if !needsQuotes(s) {
		return append(b, s...)
	}
	b = append(b, '"')
	for {
		before, after, more := strings.Cut(s, `"`)
		b = append(b, before...)
		if !more {
			return append(b, '"')
		}
		b = append(b, `""`...)
		s = after
	}
}

func needsQuotes(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == ',' || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return s != "" && (s[0] == ' ' || s[len(s)-1] == ' ')
}
