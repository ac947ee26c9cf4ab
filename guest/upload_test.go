package guest

import (
	"errors"
	"strings"
	"testing"
)

// TestScrapPartsTells when parts may still arrive.
func TestScrapPartsTells(t *testing.T) {
	f := &target{size: pieceSize}
	g := f.install(t)
	for answer, want := range map[string]string{
		`{"value":{"open":0}}`: "",
		`{"value":{}}`:         "",
		`{"value":{"open":2}}`: "2 parts on their way got no answer",
		`{"error":{"code":"NO_SHOT","message":"snapshot 4 is not held any more"}}`: "not held",
	} {
		f.answers = map[string]string{"scrap": answer}
		err := g.ScrapParts(t.Context(), Shot{ID: 4})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", answer, err)
		}
		if err != nil && errors.As(err, new(*UploadError)) {
			t.Errorf("%s: %v is of an upload", answer, err)
		}
	}
}
