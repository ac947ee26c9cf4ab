package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/leak"
)

// maxPage is the promise of issue and documentation, in bytes.
const maxPage = 3e6

func TestPageTellsTheStory(t *testing.T) {
	page := strings.ReplaceAll(html(t, shop(t)), "<wbr>", "")
	for _, want := range []string{
		"Leak: ThrottlerStorageService.timeoutIds holds 48,210 Timeout objects",
		`<span class="badge">leak</span>`, "confidence 93 %", "It grew by the same amount in both intervals",
		"prod", "22.1.0", "2 h 10 min", "memory limit 512.0 MB",
		">S1<", ">S3<", "Memory over time. Resident memory from 140.0 MB to",
		"timer never cleared", "34 % of the heap", "src/throttler.service.ts:41:7", "setExpirationTime", "by source map",
		"Every call of setTimeout makes a Timeout", "Take a Timeout out of the list", ".timeoutIds", "16,070 → 32,140 → 48,210", "&#43;27/s",
		"ThrottlerHit", "250 classes", "54 more classes", "snapshot 2: it was late", "400 ms", "ecsheap 1.2.3", "ECS Exec is on",
		"This page holds no contents of strings",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPageIsTheSameEachTime(t *testing.T) {
	r := shop(t)
	first := html(t, r)
	for range 3 {
		if html(t, r) != first {
			t.Fatal("two pages of one report differ")
		}
	}
}

func TestPageEscapes(t *testing.T) {
	page := html(t, shop(t))
	if strings.Contains(page, "<img") || strings.Contains(page, "onerror=\"") {
		t.Error("a class name became markup")
	}
	if n := strings.Count(page, "</script"); n != 2 {
		t.Errorf("the page has %d ends of scripts, want its own 2", n)
	}
	if !strings.Contains(page, "Evil&lt;/script&gt;&lt;img") {
		t.Error("the class name is not shown at all")
	}
	names := dataOf(t, page).Names
	if !slices.Contains(names, hostile) {
		t.Error("the class name did not survive the way through the data")
	}
}

func TestPageHoldsNoSecrets(t *testing.T) {
	r := shop(t)
	page := html(t, r)
	for _, hidden := range []string{secret, textSecret, keySecret, strings.Repeat("x", 64)} {
		if strings.Contains(page, hidden) {
			t.Errorf("the page holds %q", hidden)
		}
	}
	for _, want := range []string{maskedKey, "string, 32 chars", "string, 1,024 chars or more", "\\u003csymbol kState\\u003e"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	r.WithStrings = true
	open := html(t, r)
	for _, want := range []string{textSecret, keySecret, "This page holds contents of strings from the heap."} {
		if !strings.Contains(open, want) {
			t.Errorf("with strings, the page lacks %q", want)
		}
	}
}

// TestPageNeedsNothing looks for whatever could make a browser ask somebody.
func TestPageNeedsNothing(t *testing.T) {
	page := html(t, shop(t))
	for _, pattern := range []string{`(?i)\ssrc=`, `(?i)url\(`, `@import`, `(?i)href="[^#d"]`, `\bfetch\(`, `XMLHttpRequest`, `WebSocket`, `(?i)https?://`, `\sstyle="`, `\son[a-z]+="`} {
		if found := regexp.MustCompile(pattern).FindString(withoutNames(strings.ReplaceAll(page, "<wbr>", ""))); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	for _, want := range []string{"default-src &#39;none&#39;", "script-src &#39;sha256-", "style-src &#39;sha256-"} {
		if !strings.Contains(policy[1], want) {
			t.Errorf("the policy %q lacks %q", policy[1], want)
		}
	}
	if strings.Contains(policy[1], "unsafe") {
		t.Errorf("the policy %q allows too much", policy[1])
	}
}

// withoutNames is the page without what comes from the heap.
func withoutNames(page string) string {
	page = regexp.MustCompile(`(?s)<script type="application/json".*?</script>`).ReplaceAllString(page, "")
	return strings.ReplaceAll(page, `&lt;/script&gt;&lt;img src=x onerror=&#34;alert(1)&#34;&gt;`, "")
}

// dataOf is what the script of the page is given.
func dataOf(t *testing.T, page string) scriptData {
	t.Helper()
	found := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the page has no data")
	}
	var data scriptData
	if err := json.Unmarshal([]byte(found[1]), &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPageOfLittle(t *testing.T) {
	empty := &leak.Diagnosis{Verdict: leak.Insufficient}
	one := &leak.Diagnosis{Verdict: leak.Insufficient, Method: leak.Accumulation, Snapshots: []leak.Snapshot{{Nodes: 5, Total: 100}},
		Classes: []leak.Growth{{Class: "A", Counts: []int{1}, Shallow: []int64{8}, Retained: []int64{9}}}}
	lonely := parsed(t, heaptest.New(heaptest.Node24))
	for _, test := range []struct {
		name string
		r    *Report
		want []string
	}{
		{"nothing", New(Info{}, empty, nil), []string{"No diagnosis.", "No suspects", "There is nothing to draw a line from", "No classes are known"}},
		{"zero", New(Info{}, &leak.Diagnosis{}, nil), []string{`<span class="badge">insufficient</span></p>`}},
		{"one snapshot", New(Info{Source: "a.heapsnapshot"}, one, lonely), []string{"Biggest classes", "a.heapsnapshot", "It shows what is big, not what grows"}},
		{"many suspects", New(Info{}, &leak.Diagnosis{Suspects: make([]leak.Suspect, 40)}, lonely), []string{"28 more suspects are in the JSON report"}},
		{"a suspect of another heap", New(Info{}, &leak.Diagnosis{Suspects: []leak.Suspect{{Node: 1e6, ID: 4, Path: []leak.Step{{Node: 1e6}}, Samples: []heap.Node{1e6}}}}, lonely), []string{"Suspects"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			page := html(t, test.r)
			for _, want := range test.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
		})
	}
}

func TestPageReportsItsWriter(t *testing.T) {
	if err := shop(t).HTML(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

var errBroken = errors.New("disk full")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// TestPageStaysSmall builds what would make pages big: a long list, an array of
// many, many classes with long names, many samples.
func TestPageStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a heap of 120,000 objects")
	}
	const links, items, classes = 60_000, 60_000, 8_000
	g := heaptest.New(heaptest.Node24)
	g.Node("list", "object", "ListNode", 32)
	g.Edge(heaptest.Root, "property", "list", "list")
	last := "list"
	for i := range links {
		key := fmt.Sprint("l", i)
		g.Node(key, "object", "ListNode", 32)
		g.Edge(last, "property", "next", key)
		last = key
	}
	g.Node("array", "object", "Array", 32)
	g.Edge(heaptest.Root, "property", "array", "array")
	for i := range items {
		key := fmt.Sprint("i", i)
		g.Node(key, "object", fmt.Sprintf("Class%d%s", i%classes, strings.Repeat("N", 300)), int64(100+i%50))
		g.Edge("array", "element", fmt.Sprint(i), key)
	}
	s := parsed(t, g)
	n := nodeOf(t, s, "Array")
	d := &leak.Diagnosis{Verdict: leak.Leaking, Suspects: []leak.Suspect{{Node: n, ID: s.ID(n), Title: "array"}}}
	for i := range classes {
		d.Classes = append(d.Classes, leak.Growth{Class: fmt.Sprintf("Class%d%s", i, strings.Repeat("N", 300)), Counts: []int{1, i, i}, Shallow: []int64{1, 2, int64(i)}, Retained: []int64{1, 2, 3}})
	}
	d.Snapshots = []leak.Snapshot{{At: noon}, {At: noon.Add(time.Hour)}, {At: noon.Add(2 * time.Hour)}}
	info := Info{}
	for i := range 100_000 {
		info.Samples = append(info.Samples, Sample{At: noon.Add(time.Duration(i) * 50 * time.Millisecond), RSS: int64(i) * 1000})
	}
	start := time.Now()
	page := html(t, New(info, d, s))
	t.Logf("%d nodes: a page of %d bytes in %v", s.NumNodes(), len(page), time.Since(start).Round(time.Millisecond))
	if len(page) > maxPage {
		t.Errorf("the page has %d bytes", len(page))
	}
}
