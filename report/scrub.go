package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minSecret is how long a masked key must be for being looked for in sentences, in bytes:
// shorter ones are parts of ordinary words.
const minSecret = 3

var (
	// plainWord is a name that may as well be a word of the sentence around it.
	plainWord = regexp.MustCompile(`^[A-Z]?[a-z]+$`)
	// anyWord finds names and words.
	anyWord = regexp.MustCompile(`[\p{L}\p{N}_$]+`)
	// plainObject is a class of objects by their properties, which may be in quotes.
	plainObject = regexp.MustCompile(`\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\}`)
	// namedEvent is the event in the title of listeners.
	namedEvent = regexp.MustCompile(`listeners of ("(?:[^"\\]|\\.)*")`)
)

// scrubber takes the names that are masked elsewhere out of sentences. The words of the
// sentences stay: data may well have a key "holds".
type scrubber struct {
	name  namer
	exact *strings.Replacer
	words map[string]string // names that are plain words, and what stands for them
}

// scrubber returns that of the report's sentences.
func (r *Report) scrubber(m namer) scrubber {
	b := scrubber{name: m, words: map[string]string{}}
	masked := map[string]string{}
	if m.open {
		return b
	}
	hide := func(raw, shown string) {
		switch {
		case len(raw) < minSecret || raw == shown:
		case plainWord.MatchString(raw):
			b.words[raw] = shown
		default:
			masked[raw] = shown
		}
	}
	class := func(raw string) {
		if m.class(raw) == maskedClass {
			hide(raw, maskedClass)
		}
		inner, ok := strings.CutPrefix(raw, "{")
		for _, property := range properties(strings.TrimSuffix(inner, "}")) {
			if ok && m.class("{"+property+"}") == "{"+maskedKey+"}" {
				hide(property, maskedKey)
			}
		}
	}
	for _, s := range r.Diagnosis.Suspects {
		class(s.Class)
		for _, step := range s.Path {
			if prefix, ok := strings.CutSuffix(r.step(m, step), maskedKey); ok { // what they have in common is no secret
				raw := strings.TrimPrefix(step.Edge, prefix)
				hide(raw, maskedKey)
				hide(bareName(raw), maskedKey)
			}
			class(step.Class)
		}
		for _, k := range s.Keeps {
			class(k.Class)
		}
		for _, event := range namedEvent.FindAllStringSubmatch(s.Title, -1) {
			if name, err := strconv.Unquote(event[1]); err == nil && !m.isName(name) {
				hide(event[1], `"`+maskedKey+`"`)
				hide(name, maskedKey)
			}
		}
	}
	for _, g := range r.Diagnosis.Classes { // notes name some
		if m.class(g.Class) == maskedClass {
			hide(g.Class, maskedClass)
		}
	}
	b.exact = replacer(masked)
	return b
}

// Replace returns the text without the names.
func (b scrubber) Replace(text string) string {
	if b.name.open {
		return text
	}
	text = plainObject.ReplaceAllStringFunc(text, b.name.class)
	text = b.exact.Replace(text)
	var out strings.Builder
	done := 0
	for _, at := range anyWord.FindAllStringIndex(text, -1) {
		shown, ok := b.words[text[at[0]:at[1]]]
		if !ok || shown == maskedKey && !namesSlot(text, at[0]) {
			continue
		}
		out.WriteString(text[done:at[0]] + shown)
		done = at[1]
	}
	return out.String() + text[done:]
}

// namesSlot tells whether the word at a position names a property, ".holds", or an event,
// and is no word of the sentence nor of a file's name.
func namesSlot(text string, at int) bool {
	if at == 0 || !strings.ContainsRune(`."`, rune(text[at-1])) {
		return false
	}
	from := strings.LastIndexByte(text[:at], ' ') + 1
	to := at + strings.IndexByte(text[at:]+" ", ' ')
	return !strings.ContainsAny(text[from:to], `/\\`)
}

// replacer replaces the longest first, and the same way each time.
func replacer(masked map[string]string) *strings.Replacer {
	raw := make([]string, 0, len(masked))
	for name := range masked {
		raw = append(raw, name)
	}
	slices.SortFunc(raw, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, name := range raw {
		pairs = append(pairs, name, masked[name])
	}
	return strings.NewReplacer(pairs...)
}
