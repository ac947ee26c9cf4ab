package nodeproc

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// versionTimeout bounds `node --version`, which takes a few milliseconds on a
// machine at rest.
const versionTimeout = 20 * time.Second

// Version asks the binary for its version and returns it without the "v":
// "22.23.3". The error is a *StartError.
func Version(ctx context.Context, node string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return "", &StartError{Node: node, Err: err}
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	if _, err := Major(version); err != nil {
		return "", &StartError{Node: node, Err: err}
	}
	return version, nil
}

// Major returns the first number of a version such as "22.23.3" or "v22.23.3".
func Major(version string) (int, error) {
	first, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	major, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("parsing Node.js version %q: %w", version, err)
	}
	return int(major), nil
}
