package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/redact"
)

func TestRedactKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	made, err := redactKey(file)
	if err != nil || len(made) != redact.KeyBytes {
		t.Fatalf("%d bytes, %v", len(made), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if again, err := redactKey(file); err != nil || string(again) != string(made) {
		t.Errorf("another key the second time, %v", err)
	}
	if none, err := redactKey(""); err != nil || none != nil {
		t.Errorf("%v, %v", none, err)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, dir} {
		if _, err := redactKey(bad); !isAs[*usageError](err) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := redactKey(filepath.Join(dir, "nosuch", "key")); !errors.Is(err, fs.ErrNotExist) || hintOf(err) == "" {
		t.Errorf("no folder: %v", err)
	}
}

func TestRedactRefusesInAsOut(t *testing.T) {
	dir := t.TempDir()
	in, link := filepath.Join(dir, "in"), filepath.Join(dir, "link")
	if err := os.WriteFile(in, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in, link); err != nil {
		nodetest.Missing(t, "no symbolic links here", err.Error())
	}
	for _, out := range []string{in, link, dir + "/./in"} {
		if err := checkOut(redactOptions{in: in, out: out, overwrite: true}); !isAs[*usageError](err) {
			t.Errorf("%s: %v", out, err)
		}
	}
	if err := checkOut(redactOptions{in: in, out: filepath.Join(dir, "new")}); err != nil {
		t.Error(err)
	}
}
