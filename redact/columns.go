package redact

const (
	// pageBits is the log of the number of records in a page. Pages let columns grow
	// without a copy, as the header's count alone is no reason to allocate.
	pageBits    = 16
	pageRecords = 1 << pageBits
)

// column is a growing list of numbers.
type column[T any] struct {
	pages []*[pageRecords]T
	n     uint64
}

func (c *column[T]) add(v T) {
	if c.n>>pageBits == uint64(len(c.pages)) {
		c.pages = append(c.pages, new([pageRecords]T))
	}
	c.pages[c.n>>pageBits][c.n%pageRecords] = v
	c.n++
}

func (c *column[T]) at(i uint64) T { return c.pages[i>>pageBits][i%pageRecords] }

// nodes are what is needed of the nodes.
type nodes struct {
	kind  column[uint8]  // the number of the type
	name  column[uint32] // the number of the string
	edges column[uint32] // how many leave it
}

// bits is a set of numbers.
type bits []uint64

func newBits(n uint64) bits { return make(bits, (n+63)/64) }

func (b bits) add(i uint64)      { b[i>>6] |= 1 << (i & 63) }
func (b bits) has(i uint64) bool { return b[i>>6]&(1<<(i&63)) != 0 }
