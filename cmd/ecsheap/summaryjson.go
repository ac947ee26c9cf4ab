package main

import "github.com/ecsheap/ecsheap/heap"

// summaryJSON is the output of summary --output json.
type summaryJSON struct {
	Schema     int            `json:"schema"`
	File       string         `json:"file"`
	Between    []string       `json:"between,omitempty"`
	Nodes      int            `json:"nodes"`
	Edges      int            `json:"edges"`
	TotalSize  int64          `json:"totalSize"`
	Statistics statisticsJSON `json:"statistics"`
	Classes    []classJSON    `json:"classes"`
}

// statisticsJSON are sizes by kind, in bytes.
type statisticsJSON struct {
	Total       int64 `json:"total"`
	V8Heap      int64 `json:"v8Heap"`
	Code        int64 `json:"code"`
	Strings     int64 `json:"strings"`
	Arrays      int64 `json:"arrays"`
	System      int64 `json:"system"`
	Native      int64 `json:"native"`
	TypedArrays int64 `json:"typedArrays"`
}

type classJSON struct {
	Class        string `json:"class"`
	Location     string `json:"location,omitempty"`
	Count        int    `json:"count"`
	ShallowSize  int64  `json:"shallowSize"`
	RetainedSize int64  `json:"retainedSize"`
	Distance     int    `json:"distance"`
}

func newSummaryJSON(s *heap.Snapshot, o summaryOptions, classes []heap.Class) summaryJSON {
	st := s.Statistics()
	out := summaryJSON{
		Schema: schema, File: o.file, Between: o.between, Nodes: s.NumNodes(), Edges: s.NumEdges(), TotalSize: s.Total(),
		Statistics: statisticsJSON{
			Total: st.Total, V8Heap: st.V8Heap, Code: st.Code, Strings: st.Strings, Arrays: st.Arrays,
			System: st.System, Native: st.Native, TypedArrays: st.TypedArrays,
		},
		Classes: []classJSON{},
	}
	for _, c := range cut(o.listOptions, classes) {
		out.Classes = append(out.Classes, classJSON{
			Class: c.Name, Location: locationText(c.Location), Count: c.Count,
			ShallowSize: c.Shallow, RetainedSize: c.Retained, Distance: c.Distance,
		})
	}
	return out
}

// locationText is script:line:column, "" if there is no location.
func locationText(l *heap.Location) string {
	if l == nil {
		return ""
	}
	return l.String()
}
