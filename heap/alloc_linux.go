package heap

import (
	"os"
	"syscall"
	"unsafe"
)

// adviseHuge asks for huge pages where the memory has none yet. It changes nothing but
// the speed, so that a system that refuses does no harm.
func adviseHuge(b []byte) {
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	skip := -start & (page - 1)
	if uintptr(len(b)) <= skip+page {
		return
	}
	end := (uintptr(len(b)) - skip) &^ (page - 1)
	_ = syscall.Madvise(b[skip:skip+end], syscall.MADV_HUGEPAGE)
}
