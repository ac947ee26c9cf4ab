package report

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pageFile is the page of the shop on disk.
func pageFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(html(t, shop(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	browser, file := startBrowser(t), pageFile(t)
	for _, test := range []struct {
		name string
		run  func(*tab)
	}{
		{"sort", testSort},
		{"filter", testFilter},
		{"map by mouse", testMapByMouse},
		{"map by keys", testMapByKeys},
		{"inspector", testInspector},
		{"keyboard", testKeyboard},
		{"chart", testChart},
		{"theme", testTheme},
		{"print", testPrint},
		{"policy", testPolicy},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := open(t, browser, file, "light", desk)
			p.t = t
			test.run(p)
			p.calm()
		})
	}
	for _, width := range []int64{phone, 768, desk, 1920} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprint(scheme, " at ", width), func(t *testing.T) {
				p := open(t, browser, file, scheme, width)
				p.want("document.documentElement.scrollWidth <= innerWidth", "true")
				p.want("document.documentElement.dataset.theme", scheme)
				if poor := p.text(poorContrast); poor != "" {
					t.Errorf("text is hard to read: %s", poor)
				}
				p.calm()
			})
		}
	}
}

func testSort(p *tab) {
	first := `document.querySelector('#class-table tbody tr th .class').textContent`
	sorted := `[...document.querySelectorAll('#class-table thead th')].map(h => h.getAttribute('aria-sort') || '').join()`
	p.want(first, hostile) // grows most
	p.want(sorted, ",,,,,descending,,,")
	p.click("#class-table thead th:nth-child(1) button")
	p.want(sorted, "ascending,,,,,,,,")
	p.want(first, "(string)")
	p.do(chromedp.Focus(chromedp.CSS("#class-table thead th:nth-child(7) button")))
	p.press(kb.Enter)
	p.want(sorted, ",,,,,,descending,,")
	p.want(first, "Timeout")
	p.press(" ")
	p.want(sorted, ",,,,,,ascending,,")
	values := `[...document.querySelectorAll('#class-table tbody tr')].map(r => Number(r.cells[6].dataset.v))`
	p.want(values+".every((v, i, all) => i === 0 || all[i-1] <= v)", "true")
	p.want("document.querySelectorAll('#class-table tbody tr').length", fmt.Sprint(shownRows))
}

func testFilter(p *tab) {
	shown := `document.querySelectorAll('#class-table tbody tr:not([hidden])').length`
	const words = "THROTTLER service"
	p.do(chromedp.SendKeys(chromedp.ID("filter"), words))
	p.want(shown, "1")
	p.want("document.getElementById('filtered').textContent", "1 of 250 classes")
	p.press("x")
	p.want(shown, "0")
	for range words + "x" {
		p.press(kb.Backspace)
	}
	p.want(shown, "250")
	p.want("document.getElementById('filtered').textContent", "250 classes")
}

// blockNamed is the selector-like expression of a block of the map.
func blockNamed(name string) string {
	return fmt.Sprintf("[...document.querySelectorAll('#icicle > div')].find(e => e.getAttribute('aria-label').startsWith(%q))", name)
}

const crumbs = "[...document.querySelectorAll('#crumbs li')].map(e => e.textContent).join(' / ')"

func testMapByMouse(p *tab) {
	p.want(crumbs, "Heap")
	p.want(blockNamed("timeoutIds: Array")+".classList.contains('mark')", "true")
	p.text(blockNamed("timeoutIds: Array") + ".id = 'target'")
	p.click("#target")
	p.await(crumbs + ".includes('timeoutIds: Array')")
	if got := p.text(crumbs); !strings.HasPrefix(got, "Heap / ") || !strings.Contains(got, "inspect @") {
		p.t.Errorf("the way of the map is %q", got)
	}
	p.want(blockNamed("timeoutIds: Array")+".offsetWidth === document.getElementById('icicle').clientWidth", "true")
	if got := p.text("document.getElementById('map-detail').textContent"); !strings.Contains(got, " %") || !strings.Contains(got, "itself") {
		p.t.Errorf("the detail is %q", got)
	}
	p.click("#crumbs li:first-child button")
	p.want(crumbs, "Heap")
	p.want("Number.isInteger(document.querySelectorAll('#icicle > div').length) && document.querySelectorAll('#icicle > div[tabindex=\"0\"]').length", "1")
}

func testMapByKeys(p *tab) {
	at := "document.activeElement.getAttribute('aria-label')"
	p.do(chromedp.Focus(chromedp.CSS("#icicle > div")))
	p.press(kb.ArrowDown)
	below := p.text(at)
	if below == p.text("document.querySelector('#icicle > div').getAttribute('aria-label')") {
		p.t.Fatalf("the arrow down stays at %q", below)
	}
	p.press(kb.ArrowDown)
	left := p.text(at)
	p.press(kb.ArrowRight)
	if got := p.text(at); got == left {
		p.t.Errorf("the arrow right stays at %q", got)
	}
	p.press(kb.ArrowLeft)
	p.want(at, left)
	p.press(kb.ArrowUp)
	p.want(at, below)
	p.press(kb.ArrowDown, kb.Enter)
	p.want(at, left)
	p.want("document.querySelectorAll('#crumbs li').length", "3")
	p.press(kb.Escape)
	p.want("document.querySelectorAll('#crumbs li').length", "2")
	p.press(kb.Escape, kb.Escape)
	p.want(crumbs, "Heap")
}

func testInspector(p *tab) {
	title := "document.querySelector('#object h3').textContent"
	p.click("#suspect-1 .button")
	p.await("location.hash.startsWith('#@')")
	p.want(title, "Array")
	p.await("document.activeElement.id === 'object'")
	if way := p.text("document.querySelector('#object .chain').textContent"); !strings.Contains(way, "timeoutIds") || !strings.Contains(way, "global") {
		p.t.Errorf("the way is %q", way)
	}
	p.click("#object .refs > div:first-child a") // [0]
	p.await(title + " === 'Timeout'")
	p.click("#object .refs > div:first-child a") // _onTimeout
	p.await(title + " === 'Function expire'")
	p.do(chromedp.NavigateBack())
	p.await(title + " === 'Timeout'")
	p.click("#object .refs > div:last-child a") // who holds it
	p.await(title + " === 'Array'")
	p.do(chromedp.SetValue(chromedp.ID("find-id"), "@99999999"))
	p.click("#find button")
	p.await("document.getElementById('object').textContent.includes('outside of this report')")
	p.want("document.getElementById('object').querySelectorAll('.outside').length", "0")
}

func testKeyboard(p *tab) {
	p.press(kb.Tab)
	p.want("document.activeElement.className", "skip")
	p.press(kb.Enter)
	p.await("document.activeElement.id === 'main'")
	// On from there: every stop shows where it is.
	stops := ""
	for range 12 {
		p.press(kb.Tab)
		p.want("(e => e.matches(':focus-visible') && getComputedStyle(e).outlineStyle !== 'none')(document.activeElement)", "true")
		stops += p.text("document.activeElement.tagName") + " "
	}
	if !strings.HasPrefix(stops, "SUMMARY ") || !strings.Contains(stops, "A ") || !strings.Contains(stops, "INPUT") {
		p.t.Errorf("the keyboard stops at %s", stops)
	}
	p.do(chromedp.Focus(chromedp.CSS("#suspect-1 summary")))
	p.press(kb.Enter)
	p.want("document.querySelector('#suspect-1 details').open", "false")
}

func testChart(p *tab) {
	p.want("document.querySelectorAll('#plot path').length", "3")
	p.text("document.getElementById('plot').dispatchEvent(new PointerEvent('pointermove', {clientX: innerWidth / 2, clientY: 300}))")
	if got := p.text("document.getElementById('readout').textContent"); !strings.Contains(got, " · resident ") || !strings.Contains(got, "heap ") {
		p.t.Errorf("the chart reads out %q", got)
	}
}

func testTheme(p *tab) {
	ground := "getComputedStyle(document.body).backgroundColor"
	light := p.text(ground)
	p.click("#theme")
	p.want("document.documentElement.dataset.theme", "dark")
	if dark := p.text(ground); dark == light {
		p.t.Errorf("the dark page is %s, as the light one", dark)
	}
	p.do(chromedp.Reload()) // a choice lasts
	p.want("document.documentElement.dataset.theme", "dark")
	p.click("#theme")
	p.want(ground, light)
	p.text("localStorage.clear()") // the other tabs share it
}

func testPrint(p *tab) {
	paper, err := chromedp.Run(p.ctx, chromedp.PrintToPDF())
	if err != nil || len(paper) < 10_000 || !strings.HasPrefix(string(paper), "%PDF") {
		p.t.Errorf("printing gives %d bytes, %v", len(paper), err)
	}
}

// testPolicy attacks the page from within, as a hole in its escaping would. It
// goes last: the console does complain.
func testPolicy(p *tab) {
	p.calm()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	p.text(`((address) => {
		const script = document.createElement('script');
		script.textContent = 'window.broken = true';
		document.body.append(script);
		const image = document.createElement('img');
		image.src = address;
		document.body.append(image);
		fetch(address).catch(() => { window.refused = true; });
		document.body.insertAdjacentHTML('beforeend', '<p style="color: red" onclick="window.broken = true" id="attack">x</p>');
		document.getElementById('attack').click();
		return '';
	})("` + server.URL + `")`)
	p.await("window.refused")
	p.want("window.broken", "undefined")
	p.want("document.getElementById('attack').style.color", "")
	if n := asked.Load(); n != 0 {
		p.t.Errorf("the page reached a server %d times", n)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.trouble) < 3 {
		p.t.Errorf("the policy refused %d of 3 or more: %v", len(p.trouble), p.trouble)
	}
	p.trouble, p.requests = nil, nil
}

// poorContrast lists texts whose contrast is below that of WCAG 2.1 AA: 4.5, and
// 3 for big ones.
const poorContrast = `(() => {
	const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = (c) => {
		const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
		}
		return [255, 255, 255];
	};
	const poor = new Set();
	for (const e of document.body.querySelectorAll('*')) {
		if (e.closest('script, svg, noscript, .unseen, .bar') || !e.checkVisibility()) continue;
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const style = getComputedStyle(e), size = parseFloat(style.fontSize);
		const [a, b] = [light(parse(style.color).slice(0, 3)), light(ground(e))].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05), big = size >= 24 || size >= 18.6 && style.fontWeight >= 700;
		if (ratio < (big ? 3 : 4.5)) poor.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2));
	}
	return [...poor].slice(0, 8).join('; ');
})()`
