package guest

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestUploadIsBounded gives up a part that is never packed, or never sent.
func TestUploadIsBounded(t *testing.T) {
	for method, test := range map[string]func(t *testing.T, g *Guest) error{
		"pack": func(t *testing.T, g *Guest) error {
			_, err := g.PackPart(t.Context(), Shot{Bytes: 1}, 0, MinPart)
			if _, ok := errors.AsType[*StalledError](err); !ok {
				t.Errorf("packing ended with %v", err)
			}
			return err
		},
		"send": func(t *testing.T, g *Guest) error {
			_, err := g.SendPart(t.Context(), Shot{Bytes: 1}, 0, Destination{URL: "https://secret"})
			if slow, ok := errors.AsType[*UploadError](err); !ok || slow.Code != TooSlow {
				t.Errorf("sending ended with %v", err)
			}
			return err
		},
	} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &target{size: pieceSize, hangs: method}
				g := f.install(t)
				began := time.Now()
				err := test(t, g)
				if took := time.Since(began); took != partLimit || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "evaluating") && method == "send" {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

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
