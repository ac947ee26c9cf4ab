package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/klauspost/compress/zstd"

	"github.com/ecsheap/ecsheap/activate"
	"github.com/ecsheap/ecsheap/bucket"
	"github.com/ecsheap/ecsheap/guest"
)

// TestExpand reads what the parts of an upload make together: one frame, or
// member, after the other.
func TestExpand(t *testing.T) {
	part := strings.Repeat(`{"snapshot":{}}`, 1000)
	var zipped, packed bytes.Buffer
	for range 3 {
		z := gzip.NewWriter(&zipped)
		_, err := z.Write([]byte(part))
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		s, err := zstd.NewWriter(&packed)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Write([]byte(part))
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for codec, data := range map[string][]byte{"gzip": zipped.Bytes(), "zstd": packed.Bytes()} {
		var got bytes.Buffer
		n, err := expand(&got, bytes.NewReader(data), codec)
		if err != nil || n != int64(3*len(part)) || got.String() != strings.Repeat(part, 3) {
			t.Errorf("%s: %d bytes, %v", codec, n, err)
		}
		if _, err := expand(&got, bytes.NewReader(data[:len(data)-5]), codec); err == nil {
			t.Errorf("%s: a truncated object is taken for a whole one", codec)
		}
		if _, err := expand(&got, strings.NewReader("<Error>"), codec); err == nil {
			t.Errorf("%s: text is taken for an object", codec)
		}
	}
}

// TestResumable has a snapshot come in three tries of which the third is whole.
func TestResumable(t *testing.T) {
	const text = "the whole snapshot"
	for _, size := range []int{1, 2, 5, len(text)} {
		var got bytes.Buffer
		w := &resumable{w: &got}
		for _, until := range []int{7, 3, len(text)} {
			w.again()
			for at := 0; at < until; at += size {
				piece := text[at:min(at+size, until)]
				if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Fatal(n, err)
				}
			}
		}
		if got.String() != text {
			t.Errorf("pieces of %d: %q", size, got.String())
		}
	}
	full := errors.New("full")
	w := &resumable{w: writerFunc(func([]byte) (int, error) { return 2, full }), skip: 3}
	if n, err := w.Write([]byte("abcdef")); n != 5 || !errors.Is(err, full) || w.has != 2 || !errors.Is(w.err, full) {
		t.Errorf("%d, %v, %+v", n, err, w)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestElsewhere keeps the exit code and the words of what failed.
func TestElsewhere(t *testing.T) {
	if elsewhere(nil) != nil {
		t.Error("an error of nothing")
	}
	err := elsewhere(&guest.UploadError{Status: 403, Code: "AccessDenied"})
	if exitCode(err) != codeRefused || hintOf(err) == "" || !strings.Contains(errorText(err), "403") {
		t.Errorf("%d %v", exitCode(err), err)
	}
}

// TestDefaultDir names what has no task by a whole word.
func TestDefaultDir(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 4, 43, 0, time.UTC)
	for task, want := range map[string]string{
		localTask:                          "ecsheap-local-inspector-20261121T080443Z",
		"0123456789abcdef0123456789abcdef": "ecsheap-local-01234567-20261121T080443Z",
	} {
		if got := defaultDir("local", task, at); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestUploadPasses(t *testing.T) {
	for err, want := range map[error]bool{
		&guest.UploadError{Code: "ECONNRESET"}:               true,
		&guest.UploadError{Status: 503, Code: "SlowDown"}:    true,
		fmt.Errorf("x: %w", &guest.UploadError{Status: 500}): true,
		&guest.UploadError{Status: 403}:                      false,
		&guest.UploadError{Code: guest.TooSlow}:              false,
		errors.New("else"):                                   false,
	} {
		if got := uploadPasses(err); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
	if uploadPasses(nil) {
		t.Error("success is tried again")
	}
}

// TestErrorsOfTransfers have their exit codes, and are told in their own words
// rather than those of the SDK below them.
func TestErrorsOfTransfers(t *testing.T) {
	sdk := &smithy.OperationError{ServiceID: "S3", OperationName: "X", Err: &smithy.GenericAPIError{Code: "Odd", Message: "words of the SDK"}}
	tests := []struct {
		err  error
		code int
		text string
	}{
		{&bucket.URLError{Problem: "x"}, codeUsage, "not a place in S3"},
		{&bucket.NoBucketError{Bucket: "b", Err: sdk}, codeNotFound, `no bucket "b"`},
		{&bucket.NoObjectError{URL: "s3://b/k", Err: sdk}, codeNotFound, "s3://b/k"},
		{&bucket.DeniedError{Action: "s3:PutObject", On: "s3://b/k", Err: sdk}, codeRefused, "AWS denies s3:PutObject"},
		{&bucket.KeyError{Key: "k", Err: sdk}, codeRefused, "the KMS key k cannot be used: words"},
		{&bucket.UploadGoneError{URL: "s3://b/k", Err: sdk}, codeRefused, "s3://b/k"},
		{&guest.UploadError{Status: 403, Code: "AccessDenied"}, codeRefused, "403"},
		{&activate.NotEnabledError{Err: sdk}, codeBlocked, "words of the SDK"},
		{&activate.NoNodeError{Err: errors.New("x")}, codeBlocked, "no Node.js"},
		{&activate.RefusedError{Reason: activate.ReasonDisabled}, codeBlocked, "SIGUSR1"},
		{&activate.NoProcessError{PID: 7}, codeNotFound, "process 7"},
		{&activate.AmbiguousError{Processes: []activate.Process{{PID: 7}, {PID: 8}}}, codeNotFound, "2 Node.js processes"},
		{&activate.SilentError{}, codeLost, "SIGUSR1"},
		{&otherProcessError{got: 7, port: 9229}, codeNotFound, "inspector of process 7"},
	}
	for _, tt := range tests {
		wrapped := fmt.Errorf("doing this: %w", tt.err)
		if got := exitCode(wrapped); got != tt.code {
			t.Errorf("%T: exit code %d, want %d", tt.err, got, tt.code)
		}
		text := errorText(wrapped)
		if !strings.Contains(text, tt.text) || isBucket(tt.err) && strings.Contains(text, "AWS refused") {
			t.Errorf("%T: %s", tt.err, text)
		}
		if hintOf(wrapped) == "" {
			t.Errorf("%T: no hint", tt.err)
		}
	}
}
