package sourcemap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// version is the only one of source maps that there is (ECMA-426).
const version = 3

// sourceMap says where the code of a script comes from.
type sourceMap struct {
	mappings
	sources []string // with the map's root; "" = none
	names   []string
}

// rawMap is a source map as it is written. sourcesContent, most of many maps, is not
// read.
type rawMap struct {
	Version    int               `json:"version"`
	SourceRoot string            `json:"sourceRoot"`
	Sources    []*string         `json:"sources"`
	Names      []json.RawMessage `json:"names"` // strings, but old tools wrote numbers, too
	Mappings   string            `json:"mappings"`
	Sections   []rawSection      `json:"sections"`
}

// rawSection is a part of an index map, as bundlers write it.
type rawSection struct {
	Offset rawOffset `json:"offset"`
	Map    *rawMap   `json:"map"`
	URL    string    `json:"url"` // in place of Map, in early drafts
}

type rawOffset struct {
	Line   int64 `json:"line"`
	Column int64 `json:"column"`
}

// guard may precede a map that is served by HTTP, so that no page can run it.
var guard = []byte(")]}'")

// parse reads a map.
func parse(data []byte) (*sourceMap, error) {
	if bytes.HasPrefix(data, guard) {
		data = data[max(bytes.IndexByte(data, '\n'), 0):]
	}
	var raw rawMap
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	if raw.Version != version {
		return nil, fmt.Errorf("reading a map of version %d, not %d", raw.Version, version)
	}
	m := &sourceMap{}
	if raw.Sections == nil {
		return m, m.add(&raw, position{}, endless)
	}
	for i, s := range raw.Sections {
		at := position{s.Offset.Line, s.Offset.Column}
		until := endless
		if i+1 < len(raw.Sections) {
			next := raw.Sections[i+1].Offset
			until = position{next.Line, next.Column}
		}
		switch {
		case at.line < 0 || at.column < 0 || !at.less(until):
			return nil, errors.New("reading sections: they are not in order")
		case s.URL != "":
			return nil, errors.New("reading sections: one stands elsewhere")
		case s.Map == nil || s.Map.Sections != nil:
			return nil, errors.New("reading sections: one without a map of its own")
		}
		if err := m.add(s.Map, at, until); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// add appends what a map, which starts at a place of the script, says up to another.
func (m *sourceMap) add(raw *rawMap, at, until position) error {
	d := decoder{
		text: raw.Mappings, offset: at, until: until, sources: len(raw.Sources), names: len(raw.Names),
		firstSource: int32(len(m.sources)), firstName: int32(len(m.names)), out: &m.mappings,
	}
	for _, source := range raw.Sources {
		m.sources = append(m.sources, rooted(raw.SourceRoot, source))
	}
	for _, name := range raw.Names {
		var text string
		if json.Unmarshal(name, &text) != nil {
			text = string(name)
		}
		m.names = append(m.names, text)
	}
	return d.decode()
}

// rooted puts the map's root before a source.
func rooted(root string, source *string) string {
	switch {
	case source == nil:
		return ""
	case root == "" || isAbsolute(*source):
		return *source
	}
	return strings.TrimSuffix(root, "/") + "/" + *source
}
