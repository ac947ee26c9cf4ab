package nodetest

import (
	_ "embed" // the table of versions
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

//go:embed versions.txt
var pins string

// System is the version of Options that stands for the node on PATH.
const System = "system"

// toolsVariable names the directory of the test tools; unset, it is .tools at
// the root of the checkout.
const toolsVariable = "ECSHEAP_TOOLS"

// Pin is one Node.js version of the tests.
type Pin struct {
	Major   string // "22"
	Version string // "22.23.3", exact for this platform, "" where none is pinned
	Tested  bool   // part of every test run
	LTS     bool   // the newest long-term support version
}

// Versions returns the major versions of an ordinary test run, oldest first:
// "18", "20" … Their exact versions stand in versions.txt.
func Versions() []string {
	var majors []string
	for _, pin := range Pins() {
		if pin.Tested {
			majors = append(majors, pin.Major)
		}
	}
	return majors
}

// Pins returns every pinned version for this platform, oldest first.
func Pins() []Pin { return parsePins(pins, runtime.GOOS+"-"+platformArch(runtime.GOARCH)) }

// platformArch is npm's word for a GOARCH.
func platformArch(arch string) string {
	if arch == "amd64" {
		return "x64"
	}
	return arch
}

// parsePins reads the table: comments, the last of which heads the columns.
func parsePins(table, platform string) []Pin {
	const firstPlatform = 2 // columns: major, role, then one a platform
	column := -1
	var all []Pin
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "#" {
			for i, name := range fields[1:] {
				if name == platform {
					column = i
				}
			}
			continue
		}
		if len(fields) < firstPlatform {
			continue
		}
		pin := Pin{Major: fields[0], Tested: fields[1] != "later", LTS: fields[1] == "lts"}
		if column >= firstPlatform && column < len(fields) && fields[column] != "-" {
			pin.Version = fields[column]
		}
		all = append(all, pin)
	}
	return all
}

// Find returns the node binary for version: a major version ("22"), "" for the
// newest LTS, or System. The error is a *MissingError when it is not installed.
func Find(version string) (string, error) {
	if version == System {
		path, err := exec.LookPath("node")
		if err != nil {
			return "", &MissingError{Version: version, Err: err}
		}
		return path, nil
	}
	pin, ok := find(version)
	if !ok {
		return "", fmt.Errorf("finding Node.js %q: not a major version of versions.txt", version)
	}
	tools, err := Tools()
	if err != nil {
		return "", err
	}
	path := filepath.Join(tools, "node", pin.Version, "bin", "node")
	if _, err := os.Stat(path); pin.Version == "" || err != nil {
		return "", &MissingError{Version: pin.Major, Err: err}
	}
	return path, nil
}

func find(version string) (Pin, bool) {
	for _, pin := range Pins() {
		if pin.Major == version || version == "" && pin.LTS {
			return pin, true
		}
	}
	return Pin{}, false
}

// Tools returns the directory of the test tools, which the scripts fill:
// $ECSHEAP_TOOLS, or .tools at the root of the checkout.
func Tools() (string, error) {
	if dir := os.Getenv(toolsVariable); dir != "" {
		return dir, nil
	}
	root, err := Root()
	return filepath.Join(root, ".tools"), err
}

// Root returns the root of the checkout that holds the working directory, which
// for a test is the folder of its package.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the checkout: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the checkout: no go.mod above the working directory")
		}
		dir = parent
	}
}

// MissingError says that a Node.js version is not installed.
type MissingError struct {
	Version string // a major version, or System
	Err     error
}

// Error names the version.
func (e *MissingError) Error() string {
	if e.Version == System {
		return "no node on PATH"
	}
	return "Node.js " + e.Version + " is not installed for the tests"
}

// Unwrap returns the cause, nil where no version is pinned for the platform.
func (e *MissingError) Unwrap() error { return e.Err }

// Hint is the command that installs it.
func (e *MissingError) Hint() string {
	if e.Version == System {
		return "run scripts/npm.sh"
	}
	return "run scripts/nodes.sh " + e.Version
}
