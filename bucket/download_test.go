package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ecsheap/ecsheap/internal/s3test"
)

// isRange says whether a request is for the bytes of an object.
func isRange(r *http.Request) bool { return r.Method == http.MethodGet && r.Header.Get("Range") != "" }

func TestDownload(t *testing.T) {
	b, f, _ := open(t, Options{})
	tests := []struct {
		name       string
		size, from int
		ranges     int
	}{
		{"one byte", 1, 0, 1},
		{"nothing", 0, 0, 0},
		{"a range", rangeBytes, 0, 1},
		{"a range and a byte", rangeBytes + 1, 0, 2},
		{"some ranges", 3*rangeBytes + 4711, 0, 4},
		{"the rest", 3*rangeBytes + 5, rangeBytes + 7, 2},
		{"no rest", 100, 100, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := noise(tt.size)
			object := upload(t, b, "o", data)
			before := len(f.find(http.MethodGet))
			var got bytes.Buffer
			last := int64(tt.from)
			n, err := object.Download(t.Context(), &got, DownloadOptions{From: int64(tt.from), Progress: func(done, size int64) {
				if done <= last || size != int64(tt.size) {
					t.Errorf("progress from %d to %d of %d", last, done, size)
				}
				last = done
			}})
			if err != nil || n != int64(tt.size-tt.from) || sum(got.Bytes()) != sum(data[tt.from:]) {
				t.Errorf("downloaded %d bytes, %v", n, err)
			}
			if last != int64(tt.size) {
				t.Errorf("progress ended at %d", last)
			}
			for _, r := range f.find(http.MethodGet) {
				if r.Header.Get("X-Amz-Checksum-Mode") != "" {
					t.Error("asked for a checksum, which is of no range")
				}
			}
			if asked := len(f.find(http.MethodGet)) - before; asked != tt.ranges {
				t.Errorf("asked %d times, want %d", asked, tt.ranges)
			}
		})
	}
}

// cutBody ends with an error before it is whole.
type cutBody struct {
	io.Reader
	io.Closer
}

func cut(r *http.Response, after int64) {
	r.Body = cutBody{io.MultiReader(io.LimitReader(r.Body, after), brokenReader{}), r.Body}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("cut") }

// TestDownloadGoesOnAfterCuts breaks off the first answers, one of them before
// the first byte.
func TestDownloadGoesOnAfterCuts(t *testing.T) {
	b, f, _ := open(t, Options{})
	data := noise(2*rangeBytes + 99)
	object := upload(t, b, "o", data)
	var answers atomic.Int64
	f.intercept(nil, func(r *http.Response) error {
		if !isRange(r.Request) {
			return nil
		}
		switch n := answers.Add(1); {
		case n == 1:
			cut(r, 0)
		case n < 6:
			cut(r, 3<<20)
		}
		return nil
	})
	var got bytes.Buffer
	if n, err := object.Download(t.Context(), &got, DownloadOptions{}); err != nil || sum(got.Bytes()) != sum(data) {
		t.Errorf("downloaded %d bytes, %v", n, err)
	}
	if answers.Load() < 6 {
		t.Errorf("%d answers: nothing was cut", answers.Load())
	}
}

// TestDownloadResumes has the second range fail for good, and goes on where the
// first try has ended.
func TestDownloadResumes(t *testing.T) {
	b, f, _ := open(t, Options{})
	data := noise(4 * rangeBytes)
	object := upload(t, b, "o", data)
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		return isRange(r) && strings.HasPrefix(r.Header.Get("Range"), "bytes=8388608-") && refuse(w, http.StatusForbidden, "ExpiredToken", "The provided token has expired.")
	}, nil)
	var got bytes.Buffer
	n, err := object.Download(t.Context(), &got, DownloadOptions{})
	if err == nil || n != rangeBytes || got.Len() != rangeBytes || !strings.Contains(err.Error(), "ExpiredToken") {
		t.Fatalf("downloaded %d bytes, %v", n, err)
	}
	f.intercept(nil, nil)
	if n, err = b.Object(object.Key()).Download(t.Context(), &got, DownloadOptions{From: n}); err != nil || n != 3*rangeBytes || sum(got.Bytes()) != sum(data) {
		t.Errorf("went on for %d bytes, %v", n, err)
	}
}

func TestDownloadFails(t *testing.T) {
	b, f, _ := open(t, Options{})
	data := noise(rangeBytes + 10)
	object := upload(t, b, "o", data)
	stopped := errors.New("stopped")
	tests := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request) bool
		change func(*http.Response) error
		from   int64
		want   func(error) bool
	}{
		{"changed meanwhile", func(w http.ResponseWriter, r *http.Request) bool {
			return isRange(r) && refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "no")
		}, nil, 0, isA[*ChangedError]},
		{"another range", nil, func(r *http.Response) error {
			if isRange(r.Request) {
				r.Header.Set("Content-Range", "bytes 0-9/10")
			}
			return nil
		}, 0, isA[*LengthError]},
		{"denied", func(w http.ResponseWriter, r *http.Request) bool {
			return isRange(r) && refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
		}, nil, 0, isA[*DeniedError]},
		{"shorter than what is there", nil, nil, int64(len(data)) + 1, isA[*LengthError]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.intercept(tt.answer, tt.change)
			if n, err := object.Download(t.Context(), io.Discard, DownloadOptions{From: tt.from}); !tt.want(err) || n != 0 {
				t.Errorf("downloaded %d bytes, %v", n, err)
			}
		})
	}
	f.intercept(nil, nil)
	t.Run("no object", func(t *testing.T) {
		if _, err := b.Object("nosuch").Download(t.Context(), io.Discard, DownloadOptions{}); !isA[*NoObjectError](err) {
			t.Error(err)
		}
	})
	t.Run("replaced meanwhile", func(t *testing.T) {
		var once sync.Once
		f.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if isRange(r) {
				once.Do(func() { upload(t, b, "o", noise(len(data)-1)) })
			}
			return false
		}, nil)
		defer f.intercept(nil, nil)
		if n, err := object.Download(t.Context(), io.Discard, DownloadOptions{}); !isA[*ChangedError](err) || n != 0 {
			t.Errorf("downloaded %d bytes, %v", n, err)
		}
		object = upload(t, b, "o", data)
	})
	t.Run("disk full", func(t *testing.T) {
		full := errors.New("no space left")
		if n, err := object.Download(t.Context(), fullDisk{full}, DownloadOptions{}); !errors.Is(err, full) || n != 3 {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		n, err := object.Download(ctx, io.Discard, DownloadOptions{Progress: func(int64, int64) { cancel(stopped) }})
		if !errors.Is(err, stopped) || n != rangeBytes {
			t.Errorf("downloaded %d bytes, %v", n, err)
		}
	})
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 3, f.err }

// TestDeleteWithVersion has the bucket keep versions.
func TestDeleteWithVersion(t *testing.T) {
	b, f, _ := open(t, Options{})
	object := &Object{bucket: b, key: "ecsheap/o", version: "7"}
	deleted := func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNoContent); return true }
	f.intercept(deleted, nil)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := object.Delete(stopped); err != nil || len(f.find(http.MethodDelete, "versionId=7")) != 1 {
		t.Error(err)
	}
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("versionId") {
			return refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
		}
		return deleted(w, r)
	}, nil)
	if err := object.Delete(t.Context()); !isA[*VersionKeptError](err) || !strings.Contains(err.Error(), "s3://"+s3test.Bucket+"/ecsheap/o") {
		t.Error(err)
	}
	f.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		return refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
	}, nil)
	if err := object.Delete(t.Context()); !isA[*DeniedError](err) || !strings.Contains(err.Error(), "s3:DeleteObject on") {
		t.Error(err)
	}
}

// BenchmarkDownload shows what this side can take, where the network is none.
func BenchmarkDownload(b *testing.B) {
	const size = 16 * rangeBytes
	bucket, _, _ := open(b, Options{})
	object := upload(b, bucket, "o", noise(size))
	b.SetBytes(size)
	for b.Loop() {
		if _, err := object.Download(b.Context(), io.Discard, DownloadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
