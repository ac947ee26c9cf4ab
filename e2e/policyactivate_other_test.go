//go:build !linux

package e2e

// activationErrands need containers, which only Linux has.
func activationErrands() []errand { return nil }
