package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// matrix is what BenchmarkCapture runs.
type matrix struct {
	cells     []cell
	frozen    []cell // asked for, but left out
	transfers []gate.Transfer
}

// matrixOf reads the variables of scripts/bench-capture.sh. Without FULL=1 or a
// slice it is what fits into a quarter of an hour. can are the transfers of the
// program.
func matrixOf(getenv func(string) string, can []gate.Transfer) (matrix, error) {
	m := matrix{transfers: can}
	if words := strings.Fields(getenv("TRANSFERS")); len(words) > 0 {
		m.transfers = nil
		for _, word := range words {
			if !slices.Contains(can, gate.Transfer(word)) {
				return matrix{}, fmt.Errorf("TRANSFERS: %q is none of %v", word, can)
			}
			m.transfers = append(m.transfers, gate.Transfer(word))
		}
	}
	nodes, shapes, sizes := strings.Fields(getenv("NODES")), strings.Fields(getenv("SHAPES")), strings.Fields(getenv("MB"))
	if len(nodes)+len(shapes)+len(sizes) == 0 && getenv("FULL") != "1" {
		m.cells = []cell{{"24", "mix", 40}, {"24", "tiny", 20}, {"22", "mix", 40}, {"18", "mix", 20}, {"20", "mix", 20}, {"26", "mix", 20}}
		return m, nil
	}
	return m, m.slice(orAll(nodes, nodetest.Versions()), orAll(shapes, extremes()), orAll(sizes, []string{"100", "300"}))
}

// extremes are the shapes that the whole matrix has.
func extremes() []string {
	return []string{"mix", "tiny", "strings", "map", "dictionary", "closures", "buffers"}
}

func orAll(words, all []string) []string {
	if len(words) == 0 {
		return all
	}
	return words
}

// slice adds the cells, the most telling first: a run that is cut off has every
// version and transfer of the shapes that it came to.
func (m *matrix) slice(nodes, shapes, sizes []string) error {
	for _, node := range nodes {
		if !slices.ContainsFunc(nodetest.Pins(), func(p nodetest.Pin) bool { return p.Major == node && p.Version != "" }) {
			return fmt.Errorf("NODES: %q is no version of internal/nodetest/versions.txt", node)
		}
	}
	for _, shape := range shapes {
		for part := range strings.SplitSeq(shape, "+") {
			if !slices.Contains(nodetest.ShapeNames(), part) {
				return fmt.Errorf("SHAPES: %q is none of %v", part, nodetest.ShapeNames())
			}
		}
	}
	for _, size := range sizes {
		megabytes, err := strconv.Atoi(size)
		if err != nil || megabytes <= 0 {
			return fmt.Errorf("MB: %q is no size", size)
		}
		for _, shape := range shapes {
			for _, node := range nodes {
				if c := (cell{node, shape, megabytes}); c.freezes() {
					m.frozen = append(m.frozen, c)
				} else {
					m.cells = append(m.cells, c)
				}
			}
		}
	}
	return nil
}

// transfersOf returns what the program can do, by its help.
func transfersOf(help string) []gate.Transfer {
	all := []gate.Transfer{gate.Stream}
	if strings.Contains(help, "--transfer ") {
		all = []gate.Transfer{gate.Disk, gate.Memory, gate.Stream}
	}
	if strings.Contains(help, "--s3 ") {
		all = append(all, gate.S3)
	}
	return all
}

func TestMatrixOf(t *testing.T) {
	can := transfersOf("--transfer --s3 ")
	tests := map[string]struct {
		env               map[string]string
		cells, frozen     int
		first, last       cell
		transfers, refuse string
	}{
		"nothing":        {env: nil, cells: 6, first: cell{"24", "mix", 40}, last: cell{"26", "mix", 20}},
		"transfers":      {env: map[string]string{"TRANSFERS": "stream disk"}, cells: 6, first: cell{"24", "mix", 40}, last: cell{"26", "mix", 20}, transfers: "[stream disk]"},
		"full":           {env: map[string]string{"FULL": "1"}, cells: 59, frozen: 11, first: cell{"18", "mix", 100}, last: cell{"26", "buffers", 300}},
		"slice":          {env: map[string]string{"NODES": "24 18", "SHAPES": "tiny mix", "MB": "5 10"}, cells: 8, first: cell{"24", "tiny", 5}, last: cell{"18", "mix", 10}},
		"a slice of all": {env: map[string]string{"FULL": "1", "SHAPES": "mix"}, cells: 10, first: cell{"18", "mix", 100}, last: cell{"26", "mix", 300}},
		"half of each":   {env: map[string]string{"NODES": "14", "SHAPES": "map+strings", "MB": "50"}, cells: 1, first: cell{"14", "map+strings", 50}, last: cell{"14", "map+strings", 50}},
		"version":        {env: map[string]string{"NODES": "24 19"}, refuse: `NODES: "19"`},
		"shape":          {env: map[string]string{"SHAPES": "mix+none"}, refuse: `SHAPES: "none"`},
		"size":           {env: map[string]string{"MB": "100MB"}, refuse: `MB: "100MB"`},
		"no size":        {env: map[string]string{"MB": "-1"}, refuse: `MB: "-1"`},
		"transfer":       {env: map[string]string{"TRANSFERS": "disk ftp"}, refuse: `TRANSFERS: "ftp"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := matrixOf(func(key string) string { return tt.env[key] }, can)
			if tt.refuse != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.refuse) {
					t.Errorf("error %v, want %s", err, tt.refuse)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.transfers == "" {
				tt.transfers = fmt.Sprint(can)
			}
			if len(m.cells) != tt.cells || len(m.frozen) != tt.frozen || m.cells[0] != tt.first || m.cells[len(m.cells)-1] != tt.last || fmt.Sprint(m.transfers) != tt.transfers {
				t.Errorf("%d cells and %d frozen by %v: %v", len(m.cells), len(m.frozen), m.transfers, m.cells)
			}
		})
	}
}

// TestScriptOfTheMatrix has the script name what it can choose from.
func TestScriptOfTheMatrix(t *testing.T) {
	script, err := os.ReadFile("../scripts/bench-capture.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, transfer := range transfersOf("--transfer --s3 ") {
		if !strings.Contains(string(script), string(transfer)) {
			t.Errorf("the header does not name %s", transfer)
		}
	}
}
