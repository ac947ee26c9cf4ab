//go:build !linux

package nodetest

import (
	"errors"
	"fmt"
)

// OpenFiles needs Linux; here it fails with errors.ErrUnsupported.
func OpenFiles(int) ([]string, error) { return nil, unsupported() }

// Listeners needs Linux; here it fails with errors.ErrUnsupported.
func Listeners(int) ([]string, error) { return nil, unsupported() }

// Connections needs Linux; here it fails with errors.ErrUnsupported.
func Connections(int) ([]string, error) { return nil, unsupported() }

func unsupported() error {
	return fmt.Errorf("looking at a process without /proc: %w", errors.ErrUnsupported)
}
