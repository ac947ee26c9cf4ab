package main

import (
	"fmt"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
	"github.com/ecsheap/ecsheap/sourcemap"
)

// toldMaps is how many source maps that are of no use are told one by one: of a
// build whose maps do not fit there are as many as files.
const toldMaps = 3

// places finds where code was written.
type places struct{ resolver *sourcemap.Resolver }

func newPlaces(scripts capture.Scripts, dir string) (places, error) {
	o := sourcemap.Options{Dir: dir, Scripts: make(map[string]sourcemap.Script, len(scripts))}
	for id, s := range scripts {
		o.Scripts[id] = sourcemap.Script(s)
	}
	r, err := sourcemap.New(o)
	return places{r}, err
}

func (p places) resolve(l heap.Location) leak.Place {
	at := p.resolver.Resolve(l)
	return leak.Place{File: at.File, Line: at.Line, Column: at.Column, Function: at.Name, Original: at.Original}
}

// warnings tells the user, and returns, why places are not in the source.
func (p places) warnings(u *ui) []string {
	var texts []string
	list := p.resolver.Warnings()
	for i, err := range list {
		if i == toldMaps {
			text := fmt.Sprintf("%d more source maps are of no use", len(list)-i)
			u.warn(text, "")
			return append(texts, text)
		}
		u.warn(errorText(err), hintOf(err))
		texts = append(texts, errorText(err))
	}
	return texts
}
