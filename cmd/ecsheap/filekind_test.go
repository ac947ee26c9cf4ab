package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKinds has every command say what a file is that is often taken for a snapshot.
func TestKinds(t *testing.T) {
	good := string(leakingService([]int{0}).Bytes(t))
	for _, c := range []struct{ name, text, want, hint string }{
		{"heap profile", `{"head":{"callFrame":{"functionName":"(root)"},"children":[]},"samples":[]}`, "it is a sampling heap profile", "Chrome DevTools"},
		{"CPU profile", "{ \"nodes\" : [ {\"id\":1,\"callFrame\":{}}],\n\"samples\":[1]}", "it is a CPU profile", "Chrome DevTools"},
		{"trace", `{"traceEvents":[]}`, "it is a trace of events", "Chrome DevTools"},
		{"manifest", "{\n  \"schema\": 1,\n  \"snapshots\": []}", "it is JSON of ecsheap", "ecsheap analyze DIR"},
		{"byte order mark", "\ufeff" + good, "it begins with a byte order mark", "tail -c +4"},
		{"other JSON", `{"name":"x"}`, `want "snapshot"`, "not a .heapsnapshot file"},
		{"gzip of nothing", string(compressed(t, "gzip", nil)), "file is empty", "again"},
	} {
		for _, args := range fileCommands() {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			a := answerOf(t, dir, args)
			what, hint, _ := strings.Cut(a.stderr, "ecsheap: hint: ")
			if problem := checkManners(dir, a); problem != "" || a.code != codeUnexpected || !strings.Contains(what, c.want) || !strings.Contains(hint, c.hint) {
				t.Errorf("%s: %s %s, exit %d: %s", c.name, args[0], problem, a.code, a.stderr)
			}
		}
	}
	if kind := kindOfBytes([]byte(good)); kind != nil {
		t.Errorf("a snapshot is taken for %+v", kind)
	}
}

// TestOtherOrderOfFields has every command read snapshots whose columns are in another order.
func TestOtherOrderOfFields(t *testing.T) {
	text := `{"snapshot":{"meta":{"node_fields":["id","name","edge_count","type","self_size"],"node_types":["number","string","number",["synthetic","object"],"number"],` +
		`"edge_fields":["to_node","type","name_or_index"],"edge_types":["node",["property","internal"],"string_or_number"]},"node_count":2,"edge_count":1},` +
		`"nodes":[1,0,1,0,0,3,1,0,1,16],"edges":[5,0,2],"strings":["","Thing","field"]}`
	for _, args := range fileCommands() {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if a := answerOf(t, dir, args); a.code != codeOK && (a.code != codeNotFound || args[0] != "inspect") {
			t.Errorf("%s exits with %d: %s", args[0], a.code, a.stderr)
		}
	}
}
