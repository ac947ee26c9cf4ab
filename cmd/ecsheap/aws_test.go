package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go/logging"
)

// TestSDKKeepsQuiet: what the SDK logs is no line of ours, and a script takes the last one on
// stderr for the error.
func TestSDKKeepsQuiet(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAFAKEAWS00EXAMPLE", "AWS_SECRET_ACCESS_KEY": "none", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": ""} {
		t.Setenv(name, value)
	}
	path := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = file
	t.Cleanup(func() { os.Stderr = stderr; _ = file.Close() })
	var debug bytes.Buffer
	for _, log := range []*slog.Logger{nil, slog.New(slog.NewTextHandler(&debug, &slog.HandlerOptions{Level: slog.LevelDebug}))} {
		cfg, err := loadAWS(t.Context(), nil, targetOptions{log: log})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Logger.Logf(logging.Warn, "failed to discard %s\nof it", "the rest")
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(file); err != nil || len(got) > 0 {
		t.Errorf("stderr has %q, %v", got, err)
	}
	if got := debug.String(); strings.Count(got, "failed to discard the rest") != 1 || strings.Count(got, "\n") != 1 {
		t.Errorf("--debug has %q", got)
	}
}
