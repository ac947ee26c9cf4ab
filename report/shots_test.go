package report

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestShots saves pictures of the page into the folder that ECSHEAP_SHOTS names,
// of the report in the file ECSHEAP_PAGE instead of the shop if that is set.
func TestShots(t *testing.T) {
	dir := os.Getenv("ECSHEAP_SHOTS")
	if dir == "" {
		t.Skip("ECSHEAP_SHOTS names no folder")
	}
	file := os.Getenv("ECSHEAP_PAGE")
	if file == "" {
		file = pageFile(t)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	browser := startBrowser(t)
	for _, width := range []int64{desk, phone} {
		for _, scheme := range []string{"light", "dark"} {
			p := open(t, browser, file, scheme, width)
			for name, shot := range map[string]chromedp.Action[[]byte]{
				"": chromedp.CaptureScreenshot(), "-whole": chromedp.FullScreenshot(100), "-map": chromedp.Screenshot(chromedp.ID("map")),
			} {
				picture, err := chromedp.Run(p.ctx, shot)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("report-%s-%d%s.png", scheme, width, name)), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p.calm()
		}
	}
}
