package capture

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

const (
	// maxHeader bounds the "snapshot" section, the only one that is kept: it is
	// 2 KB from Node.js 14 to 26.
	maxHeader = 1 << 20

	// maxName bounds the name of a section.
	maxName = 1 << 10

	// maxSections bounds the number of sections; Node.js 14 to 26 write nine.
	maxSections = 1000
)

// Header is what a heap snapshot says of its own size.
type Header struct {
	Nodes int64
	Edges int64
}

// Verify reads a heap snapshot to its end and returns a *FormatError unless it
// is whole: well-formed JSON with the sections that V8 writes, as many numbers
// in each as the header announces, and nothing but white space after the end. It
// needs a few KB of memory, whatever the size. Sections that it does not know
// are fine, as long as they are well-formed.
func Verify(r io.Reader) (Header, error) {
	v := newVerifier()
	if _, err := io.Copy(v, r); err != nil {
		return Header{}, err
	}
	return v.finish()
}

// part is where a verifier is in the outermost object.
type part uint8

const (
	beforeObject part = iota
	beforeFirstName
	beforeName
	inName
	inNameEscape
	beforeColon
	beforeSection
	inSection
	afterSection
	afterObject
)

// expected says in words what may come at a part.
var expected = [...]string{
	beforeObject: "{", beforeFirstName: "a section", beforeName: "the name of a section", inName: "the end of a section's name",
	inNameEscape: "the end of a section's name", beforeColon: "a colon", beforeSection: "a section", inSection: "the rest of a section",
	afterSection: "a comma or the closing }", afterObject: "the end",
}

// section is a member of the outermost object.
type section struct {
	end   int64 // offset after it
	count int64 // elements, if it is an array
}

// verifier is Verify as a writer. It knows the outermost object; what is in the
// sections it leaves to a scanner.
type verifier struct {
	part     part
	offset   int64
	name     []byte // of the section, with quotation marks and escapes
	value    scanner
	header   []byte // text of the section "snapshot"
	sections map[string]section
	section  string // name of the running section
	err      error
}

func newVerifier() *verifier { return &verifier{sections: make(map[string]section)} }

// Write checks p, the next bytes of the snapshot. After an error every Write
// returns it again.
func (v *verifier) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) && v.err == nil {
		n := 0
		if v.part == inSection {
			n, v.err = v.scan(p[done:])
		} else {
			n, v.err = 1, v.next(p[done])
		}
		done += n
		v.offset += int64(n)
	}
	if v.err != nil {
		return done, v.err
	}
	return done, nil
}

// scan takes bytes of the running section.
func (v *verifier) scan(p []byte) (int, error) {
	n, err := v.value.scan(p)
	if v.section == "snapshot" {
		if len(v.header)+n > maxHeader {
			return n, &FormatError{v.offset, fmt.Sprintf("at most %d bytes of header", maxHeader), "more"}
		}
		v.header = append(v.header, p[:n]...)
	}
	if err != nil {
		where := ""
		if v.section != "" {
			where = fmt.Sprintf(" in %q", v.section)
		}
		return n, &FormatError{v.offset + int64(n), err.Error() + where, show(p[n])}
	}
	if v.value.state == finished {
		v.sections[v.section] = section{end: v.offset + int64(n), count: v.value.count}
		v.part = afterSection
	}
	return n, nil
}

// next moves on by a byte of the outermost object itself.
func (v *verifier) next(c byte) error {
	switch v.part {
	case inName:
		return v.nextOfName(c)
	case inNameEscape:
		v.name, v.part = append(v.name, c), inName
		return nil
	}
	space := c == ' ' || c == '\n' || c == '\r' || c == '\t'
	switch {
	case space:
	case v.part == beforeObject && c == '{':
		v.part = beforeFirstName
	case v.part == beforeFirstName && c == '}', v.part == afterSection && c == '}':
		v.part = afterObject
	case (v.part == beforeFirstName || v.part == beforeName) && c == '"':
		v.name, v.part = append(v.name[:0], c), inName
	case v.part == beforeColon && c == ':':
		v.part = beforeSection
	case v.part == beforeSection:
		return v.begin(c)
	case v.part == afterSection && c == ',':
		v.part = beforeName
	default:
		return &FormatError{v.offset, expected[v.part], show(c)}
	}
	return nil
}

// nextOfName moves on by a byte of a section's name.
func (v *verifier) nextOfName(c byte) error {
	if v.name = append(v.name, c); len(v.name) > maxName {
		return &FormatError{v.offset, fmt.Sprintf("a name of at most %d bytes", maxName), "a longer one"}
	}
	switch c {
	case '\\':
		v.part = inNameEscape
	case '"':
		if err := json.Unmarshal(v.name, &v.section); err != nil {
			return &FormatError{v.offset, "the name of a section", "a malformed string"}
		}
		if _, ok := v.sections[v.section]; ok {
			return &FormatError{v.offset, "each section once", fmt.Sprintf("%q again", v.section)}
		}
		if len(v.sections) == maxSections {
			return &FormatError{v.offset, fmt.Sprintf("at most %d sections", maxSections), "more"}
		}
		v.part = beforeColon
	}
	return nil
}

// begin starts the section whose first byte is c.
func (v *verifier) begin(c byte) error {
	v.value = scanner{stack: v.value.stack[:0]}
	switch v.section {
	case "snapshot":
		if c != '{' {
			return &FormatError{v.offset, `an object as "snapshot"`, show(c)}
		}
		v.header = append(v.header, c)
	case "nodes", "edges", "trace_function_infos", "samples", "locations":
		v.value.only = number
	case "strings":
		v.value.only = text
	}
	if v.value.only != anything && c != '[' {
		return &FormatError{v.offset, fmt.Sprintf("an array as %q", v.section), show(c)}
	}
	if _, err := v.value.next(c); err != nil {
		return &FormatError{v.offset, err.Error(), show(c)}
	}
	v.part = inSection
	return nil
}

// header is the section "snapshot".
type header struct {
	Meta struct {
		NodeFields     []string `json:"node_fields"`
		EdgeFields     []string `json:"edge_fields"`
		FunctionFields []string `json:"trace_function_info_fields"`
		SampleFields   []string `json:"sample_fields"`
		LocationFields []string `json:"location_fields"`
	} `json:"meta"`
	NodeCount     int64 `json:"node_count"`
	EdgeCount     int64 `json:"edge_count"`
	FunctionCount int64 `json:"trace_function_count"`
}

// finish says whether what was written is a whole snapshot.
func (v *verifier) finish() (Header, error) {
	if v.err != nil {
		return Header{}, v.err
	}
	if v.part != afterObject {
		want := expected[v.part]
		if v.part == inSection {
			want = fmt.Sprintf("the rest of %q", v.section)
		}
		return Header{}, &FormatError{v.offset, want, "the end"}
	}
	for _, name := range []string{"snapshot", "nodes", "edges", "strings"} {
		if _, ok := v.sections[name]; !ok {
			return Header{}, &FormatError{v.offset, fmt.Sprintf("a section %q", name), "none"}
		}
	}
	var h header
	if err := json.Unmarshal(v.header, &h); err != nil {
		return Header{}, &FormatError{v.sections["snapshot"].end, "a header", err.Error()}
	}
	if err := v.counts(h); err != nil {
		return Header{}, err
	}
	return Header{Nodes: h.NodeCount, Edges: h.EdgeCount}, nil
}

// counts compares the numbers in the sections with the header.
func (v *verifier) counts(h header) error {
	checks := []struct {
		name    string
		records int64 // -1 = any number, but whole ones
		fields  []string
	}{
		{"nodes", h.NodeCount, h.Meta.NodeFields},
		{"edges", h.EdgeCount, h.Meta.EdgeFields},
		{"trace_function_infos", h.FunctionCount, h.Meta.FunctionFields},
		{"samples", -1, h.Meta.SampleFields},
		{"locations", -1, h.Meta.LocationFields},
	}
	for _, c := range checks {
		s, ok := v.sections[c.name]
		if !ok || s.count == 0 && c.records <= 0 {
			continue
		}
		per := int64(len(c.fields))
		switch {
		case per == 0:
			return &FormatError{s.end, fmt.Sprintf("a header that names the fields of %q", c.name), "none"}
		case s.count%per != 0:
			return &FormatError{s.end, fmt.Sprintf("records of %d numbers in %q", per, c.name), fmt.Sprintf("%d numbers", s.count)}
		case c.records >= 0 && s.count/per != c.records:
			return &FormatError{s.end, fmt.Sprintf("%d records in %q", c.records, c.name), fmt.Sprintf("%d", s.count/per)}
		}
	}
	if v.sections["nodes"].count == 0 || v.sections["strings"].count == 0 {
		return &FormatError{v.offset, "nodes and strings", "none"}
	}
	return nil
}

// show is a byte as an error message has it.
func show(c byte) string { return strconv.QuoteRune(rune(c)) }
