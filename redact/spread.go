package redact

// spread is a growing list of small values, of which any may be set: those of the strings,
// before it is known how many there are.
type spread struct {
	pages [][]place
	n     int    // pages that are there
	seen  uint64 // values set
}

// freePages is how many pages there may be at any rate, 128 MB; freePerPage how many
// values have to be set for each further one. V8 numbers strings as they come, so only
// a damaged file needs many pages for few values.
const (
	freePages   = 1024
	freePerPage = 64
)

// or adds a place to string i. It returns false if that is too far away.
func (s *spread) or(i uint32, p place) bool {
	at := int(i >> pageBits)
	if at >= len(s.pages) {
		s.pages = append(s.pages, make([][]place, at+1-len(s.pages))...)
	}
	if s.pages[at] == nil {
		if s.n >= freePages && uint64(s.n)*freePerPage > s.seen {
			return false
		}
		s.pages[at] = make([]place, pageRecords)
		s.n++
	}
	s.seen++
	s.pages[at][i%pageRecords] |= p
	return true
}

// at returns the places of string i.
func (s *spread) at(i uint64) place {
	at := int(i >> pageBits)
	if at >= len(s.pages) || s.pages[at] == nil {
		return 0
	}
	return s.pages[at][i%pageRecords]
}

// beyond returns a string that has a place though there are but n.
func (s *spread) beyond(n uint64) (uint64, bool) {
	for at := int(n >> pageBits); at < len(s.pages); at++ {
		for j, p := range s.pages[at] {
			if i := uint64(at)<<pageBits + uint64(j); p != 0 && i >= n {
				return i, true
			}
		}
	}
	return 0, false
}
