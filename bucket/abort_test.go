package bucket

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ecsheap/ecsheap/internal/s3test"
)

// lateParts is an S3 where parts arrive after an upload was aborted. It counts what
// it is asked.
type lateParts struct {
	late           int // aborts after which there is a part yet
	denied         bool
	object         string // token of the object that there is, "" = none
	aborts, looks  int
	heads, deletes int
}

func (s *lateParts) Do(r *http.Request) (*http.Response, error) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	none := "<Error><Code>NoSuchUpload</Code><Message>none</Message></Error>"
	switch upload := r.URL.Query().Has("uploadId"); {
	case r.Method == http.MethodDelete && upload:
		if s.aborts++; s.object != "" {
			return answer(http.StatusNotFound, none)
		}
		return answer(http.StatusNoContent, "")
	case r.Method == http.MethodDelete:
		s.deletes++
		return answer(http.StatusNoContent, "")
	case r.Method == http.MethodGet && s.denied:
		s.looks++
		return answer(http.StatusForbidden, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
	case r.Method == http.MethodGet:
		if s.looks++; s.aborts <= s.late {
			return answer(http.StatusOK, "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>5</Size></Part></ListPartsResult>")
		}
		return answer(http.StatusNotFound, none)
	case r.Method == http.MethodHead:
		s.heads++
		got, err := answer(http.StatusOK, "")
		got.Header.Set("X-Amz-Meta-"+tokenKey, s.object)
		return got, err
	}
	return nil, errors.New("cut") // a completion whose answer is lost
}

func (s *lateParts) upload() *Upload {
	client := NewClient(aws.Config{
		Region: s3test.Region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: s, RetryMaxAttempts: 1,
	})
	b := &Bucket{client: client, location: Location{Bucket: "b"}, region: s3test.Region, log: slog.New(slog.DiscardHandler)}
	return &Upload{bucket: b, key: "k", id: "i", token: "ours"}
}

// TestAbortWaitsForLateParts aborts until nothing has been there for a while.
func TestAbortWaitsForLateParts(t *testing.T) {
	tests := map[string]struct {
		s      lateParts
		sent   bool
		aborts int
		took   time.Duration
		left   bool
	}{
		"nothing was sent":      {aborts: 1},
		"nothing is left":       {sent: true, aborts: 1, took: abortPause},
		"one comes late":        {s: lateParts{late: 1}, sent: true, aborts: 2, took: 2 * abortPause},
		"many come late":        {s: lateParts{late: 6}, sent: true, aborts: 7, took: 7 * abortPause},
		"we may not look":       {s: lateParts{denied: true}, sent: true, aborts: 2, took: abortPause},
		"they come without end": {s: lateParts{late: 1 << 20}, sent: true, aborts: 10, took: cleanUpTimeout, left: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := tt.s.upload()
				u.sent.Store(tt.sent)
				began := time.Now()
				err := u.Abort(t.Context())
				left, ok := errors.AsType[*PartsLeftError](err)
				if ok != tt.left || !ok && err != nil || u.ended == tt.left {
					t.Errorf("error %v, ended %t", err, u.ended)
				}
				if ok && (!strings.Contains(left.Error(), "s3://b/k") || left.Hint() == "") {
					t.Errorf("error %v", left)
				}
				aborts := tt.s.aborts
				if tt.left { // the last pause and the time for all of it end at the same moment
					aborts = min(aborts, tt.aborts)
				}
				if took := time.Since(began); took != tt.took || aborts != tt.aborts {
					t.Errorf("aborted %d times in %v, want %d in %v", tt.s.aborts, took, tt.aborts, tt.took)
				}
			})
		})
	}
}

// TestAbortAfterCompletion: what a completion made, whose answer was lost, does not
// stay; what somebody else has put there does.
func TestAbortAfterCompletion(t *testing.T) {
	for object, deletes := range map[string]int{"ours": 1, "of others": 0} {
		synctest.Test(t, func(t *testing.T) {
			s := &lateParts{object: object}
			u := s.upload()
			if _, err := u.Complete(t.Context(), []Uploaded{{Number: 1, ETag: `"e"`}}); err == nil {
				t.Fatal("completed; the test would see nothing")
			}
			if err := u.Abort(t.Context()); err != nil || s.deletes != deletes {
				t.Errorf("%s: deleted %d times, %v", object, s.deletes, err)
			}
		})
	}
}
