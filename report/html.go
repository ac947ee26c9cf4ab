package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

//go:embed assets
var assets embed.FS

// scripts are the parts of the page's one script, in order.
var scripts = []string{"page.js", "table.js", "chart.js", "icicle.js", "inspector.js"}

// HTML writes the report as one page that needs nothing else: it opens from
// disk, asks no network for anything, and its Content-Security-Policy forbids
// whatever is not part of it. Its size is bounded whatever the size of the heap,
// below 3 MB. It holds no contents of strings unless WithStrings is set, and
// keys of objects only where they read like names in code.
//
// The same report gives the same bytes. Errors: those of w.
func (r *Report) HTML(w io.Writer) error {
	page, err := r.page()
	if err != nil {
		return err
	}
	t, err := template.New("page.html").ParseFS(assets, "assets/*.html")
	if err != nil {
		return fmt.Errorf("reading page template: %w", err)
	}
	b := bufio.NewWriter(w)
	if err := t.Execute(b, page); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	return nil
}

// pageMaker is a page in the making.
type pageMaker struct {
	*Report
	name  namer
	names *index
	scrub scrubber
}

// pageData is what the template is filled with.
type pageData struct {
	Policy string
	Style  template.CSS
	Script template.JS
	Data   template.JS

	Head     headView
	Memory   *memoryView
	Parts    []partView // what the heap is made of
	Suspects []suspectView
	More     int // suspects that are left out
	Classes  classesView
	HasHeap  bool
	Facts    factsView
}

// scriptData is what the script of the page is given.
type scriptData struct {
	Names    []string     `json:"names"`
	Icicle   *icicleData  `json:"icicle"`
	Objects  []objectData `json:"objects"`
	Suspects []markData   `json:"suspects"`
	Memory   []momentData `json:"memory"`
	Total    int64        `json:"total"`
}

// markData lets the script find a suspect.
type markData struct {
	ID    heap.ID `json:"i"`
	Title string  `json:"t"`
}

// page makes the page.
func (r *Report) page() (*pageData, error) {
	p := &pageMaker{Report: r, name: r.namer(), names: newIndex()}
	p.scrub = r.scrubber(p.name)
	data := scriptData{Objects: []objectData{}, Suspects: []markData{}, Memory: []momentData{}}
	if r.last != nil {
		icicle, singles := p.icicleData()
		data.Icicle, data.Total = &icicle, r.last.Total()
		data.Objects = filled(p.extract(singles))
	}
	for _, s := range p.suspects() {
		data.Suspects = append(data.Suspects, markData{s.ID, p.text(s.Title)})
	}
	page := &pageData{
		Head: p.head(), Suspects: p.suspectViews(), More: len(r.Diagnosis.Suspects) - len(p.suspects()),
		Classes: p.classesView(), HasHeap: r.last != nil, Facts: p.facts(), Parts: p.parts(),
	}
	page.Memory, data.Memory = p.memoryView()
	data.Names = p.names.list
	raw, err := json.Marshal(data) // escapes what could end a script element
	if err != nil {
		return nil, fmt.Errorf("encoding page data: %w", err)
	}
	page.Data = template.JS(raw)
	return page, page.load()
}

// load adds the style and the script, and the policy that allows just them.
func (p *pageData) load() error {
	style, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return fmt.Errorf("reading style: %w", err)
	}
	var script bytes.Buffer
	script.WriteString("'use strict';\n")
	for _, name := range scripts {
		part, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return fmt.Errorf("reading script: %w", err)
		}
		script.Write(part)
	}
	p.Style, p.Script = template.CSS(style), template.JS(script.String())
	p.Policy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		fingerprint(style), fingerprint(script.Bytes()))
	return nil
}

// fingerprint is the source expression of an inline element.
func fingerprint(content []byte) string {
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// text prepares a sentence of the diagnosis.
func (p *pageMaker) text(sentence string) string { return p.scrub.Replace(sentence) }

// shownCards bounds the suspects of a page. The JSON has all.
const shownCards = 12

// suspects returns the suspects that the page shows.
func (p *pageMaker) suspects() []leak.Suspect {
	return p.Diagnosis.Suspects[:min(len(p.Diagnosis.Suspects), shownCards)]
}

// valid says whether a node of the diagnosis is one of the last snapshot.
func (p *pageMaker) valid(n heap.Node, id heap.ID) bool {
	return p.last != nil && int(n) < p.last.NumNodes() && p.last.ID(n) == id
}

// placeOf is where a node of the last snapshot stands in the code, "" for
// nowhere.
func (p *pageMaker) placeOf(n heap.Node) string {
	l, ok := p.last.Location(n)
	if !ok {
		return ""
	}
	if l.Script == "" {
		return fmt.Sprintf("script %d:%d:%d", l.ScriptID, l.Line+1, l.Column+1)
	}
	return l.String()
}

const (
	// maxNames is how much room the names of a page may take, in bytes of JSON.
	// Those beyond are cut to shortName bytes: that happens when classes have
	// names of kilobytes, as minified or generated ones do.
	maxNames  = 900_000
	shortName = 24
)

// index gives each of many names, which recur, a number. 0 is the empty one.
type index struct {
	list []string
	of   map[string]int
	room int // bytes of JSON that are left
}

func newIndex() *index { return &index{list: []string{""}, of: map[string]int{"": 0}, room: maxNames} }

func (x *index) add(name string) int {
	if i, ok := x.of[name]; ok {
		return i
	}
	whole := name
	if x.room -= jsonLength(name); x.room < 0 {
		name = cut(name, shortName)
	}
	i := len(x.list)
	x.of[whole] = i
	x.list = append(x.list, name)
	return i
}

// jsonLength is about how long a string is as JSON that may stand in HTML.
func jsonLength(s string) int {
	n := len(`"",`)
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == '<' || c == '>' || c == '&':
			n += len(`\u003c`)
		case c == '"' || c == '\\':
			n += 2
		default:
			n++
		}
	}
	return n
}
