package main

import "strings"

const (
	// lettersPerTypo is how long a word must be for each mistake in it that is
	// still taken for a slip of the fingers rather than for another word.
	lettersPerTypo = 3

	// shortestPrefix is the shortest beginning of a word that suggests it.
	shortestPrefix = 2
)

// nearest returns the name that was probably meant, or "": the one with the
// fewest mistakes, else the only one that begins so.
func nearest(word string, names []string) string {
	best, fewest := "", len(word)/lettersPerTypo
	var longer []string
	for _, name := range names {
		if d := typos(word, name); len(name) > 1 && (d < fewest || d == fewest && d > 0 && best == "") {
			best, fewest = name, d
		}
		if len(word) >= shortestPrefix && strings.HasPrefix(name, word) {
			longer = append(longer, name)
		}
	}
	if best == "" && len(longer) == 1 {
		return longer[0]
	}
	return best
}

// typos is the optimal string alignment distance of two words in bytes: how many letters
// are added, missing, wrong, or changed places with their neighbour (L. Boytsov,
// "Indexing methods for approximate dictionary searching", 2011, section 2).
func typos(a, b string) int {
	var before []int // the row for a[:i-2]
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			wrong := last[j-1]
			if a[i-1] != b[j-1] {
				wrong++
			}
			row[j] = min(wrong, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
