package heap

import "unsafe"

// number is what columns are made of.
type number interface {
	~uint8 | ~int32 | ~uint32 | ~uint64
}

// hugeBytes is from when on a column is worth huge pages: they are 2 MB on most
// systems.
const hugeBytes = 4 << 20

// column returns n zeros. The graph is walked in no order that a cache could follow, so
// that most of the time would go by in page faults and address translation without huge
// pages.
func column[T number](n int) []T {
	s := make([]T, n)
	var zero T
	if size := n * int(unsafe.Sizeof(zero)); size >= hugeBytes {
		adviseHuge(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size))
	}
	return s
}

// grown returns a copy of old with n elements.
func grown[T number](old []T, n int) []T {
	if n <= len(old) {
		return old
	}
	all := column[T](n)
	copy(all, old)
	return all
}

// words returns the memory of a column as two of half the width.
func words(wide []uint64) [][]uint32 {
	n := len(wide)
	if n == 0 {
		return nil
	}
	all := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(wide))), 2*n)
	return [][]uint32{all[:n:n], all[n:]}
}
