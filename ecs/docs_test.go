package ecs

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// catalogueTable is the catalogue as docs/check.md has it.
func catalogueTable() string {
	var b strings.Builder
	b.WriteString("| id | what | at worst | needs |\n|---|---|---|---|\n")
	for _, r := range Rules() {
		needs := "" // what finds the task is enough
		if len(r.Needs) > 0 {
			needs = "`" + strings.Join(r.Needs, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s: %s | %s | %s |\n", r.ID, r.What, r.Why, r.Worst, needs)
	}
	return b.String()
}

// TestCatalogueInDocs holds the page against the code. UPDATE=1 writes it.
func TestCatalogueInDocs(t *testing.T) {
	const page, begin, end = "../docs/check.md", "<!-- the catalogue, from the code -->\n", "<!-- end -->"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no place for the catalogue", page)
	}
	want := catalogueTable()
	if got == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not what the code says; UPDATE=1 go test ./ecs -run Docs writes it", page)
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
