//go:build !linux

package heap

// adviseHuge asks for huge pages, which only Linux lets a program do.
func adviseHuge([]byte) {}
