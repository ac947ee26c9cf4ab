package fakeaws

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// epoch is a time as the JSON services write it: seconds with a fraction.
type epoch time.Time

// MarshalJSON writes milliseconds as the fraction.
func (t epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', 3, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *epoch) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil {
		return err
	}
	*t = epoch(time.UnixMilli(int64(seconds * 1000)))
	return nil
}

// optionalEpoch leaves a zero time out.
func optionalEpoch(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	e := epoch(t)
	return &e
}

type tagJSON struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type nameValueJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func sortedPairs(m map[string]string) []nameValueJSON {
	pairs := []nameValueJSON{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, nameValueJSON{name, m[name]})
	}
	return pairs
}

// tagsJSON lists tags by key.
func tagsJSON(tags map[string]string) []tagJSON {
	out := []tagJSON{}
	for _, p := range sortedPairs(tags) {
		out = append(out, tagJSON{p.Name, p.Value})
	}
	return out
}

// containerARN ends in an id that stays the same for the same container.
func (s *Server) containerARN(t *task, c *Container) string {
	i := slices.IndexFunc(t.Containers, func(other Container) bool { return other.Name == c.Name })
	return s.ecsARN(fmt.Sprintf("container/%s/%s/%s-%012d", t.Cluster, t.ID, t.eni[:23], i+1))
}
