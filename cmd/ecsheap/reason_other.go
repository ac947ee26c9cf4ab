//go:build !(linux || darwin)

package main

// pidPlace would name what a pid is told in; it is not known here.
func pidPlace() string { return "" }

// processStart would be when a process began; it is not known here.
func processStart(int) string { return "" }

// dead would tell a process that waits for its parent to notice its end.
func dead(int) bool { return false }
