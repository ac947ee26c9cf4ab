package bucket

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ecsheap/ecsheap/internal/s3test"
)

// network is a server without sockets, for a time that is not the real one. It has
// an object of some size; body answers for a range of it.
type network struct {
	size int
	body func(r *http.Request) io.Reader
}

func (n network) Do(r *http.Request) (*http.Response, error) {
	header := http.Header{"Etag": {`"e"`}, "Content-Length": {strconv.Itoa(n.size)}}
	answer := &http.Response{StatusCode: http.StatusOK, Header: header, Body: http.NoBody, Request: r}
	if isRange(r) {
		header.Set("Content-Range", fmt.Sprintf("bytes %s/%d", strings.TrimPrefix(r.Header.Get("Range"), "bytes="), n.size))
		header.Del("Content-Length")
		answer.StatusCode, answer.Body = http.StatusPartialContent, io.NopCloser(n.body(r))
	}
	return answer, nil
}

// object is the one that the network has.
func (n network) object() *Object {
	client := NewClient(aws.Config{Region: s3test.Region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: n})
	return (&Bucket{client: client, location: Location{Bucket: "b"}, region: s3test.Region, log: slog.New(slog.DiscardHandler)}).Object("o")
}

// TestDownloadGivesUp has a network that gets through with some bytes, and then
// with none.
func TestDownloadGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const good = 3
		asked := 0
		object := network{1000, func(*http.Request) io.Reader {
			if asked++; asked <= good {
				return io.MultiReader(strings.NewReader("x"), brokenReader{})
			}
			return brokenReader{}
		}}.object()
		began := time.Now()
		n, err := object.Download(t.Context(), io.Discard, DownloadOptions{})
		if n != 0 || err == nil || !strings.Contains(err.Error(), "downloading in s3://b/o: cut") {
			t.Errorf("downloaded %d bytes, %v", n, err)
		}
		// Each byte that comes begins the count anew, and the pauses with it.
		if asked != good+rangeTries-1 {
			t.Errorf("asked %d times", asked)
		}
		if took := time.Since(began); took < 5*time.Second || took > 20*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

// gate lets nothing pass until it is opened.
type gate chan struct{}

func (g gate) Write(b []byte) (int, error) {
	<-g
	return len(b), nil
}

// TestDownloadHoldsSomeRanges has a disk that does not take anything for a while.
func TestDownloadHoldsSomeRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		object := network{3 * rangesAhead * rangeBytes, func(*http.Request) io.Reader {
			asked.Add(1)
			return endless{}
		}}.object()
		disk := make(gate)
		done := make(chan error)
		go func() {
			_, err := object.Download(t.Context(), disk, DownloadOptions{})
			done <- err
		}()
		synctest.Wait()
		if n := asked.Load(); n != rangesAhead {
			t.Errorf("asked for %d ranges ahead, want %d", n, rangesAhead)
		}
		close(disk)
		if err := <-done; err != nil || asked.Load() != 3*rangesAhead {
			t.Errorf("asked for %d ranges, %v", asked.Load(), err)
		}
	})
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// slowEnd is an answer that takes its time to end.
type slowEnd struct {
	done    <-chan struct{}
	running *atomic.Int64
}

func (s slowEnd) Read([]byte) (int, error) {
	<-s.done
	time.Sleep(time.Second)
	s.running.Add(-1)
	return 0, errors.New("ended")
}

// TestDownloadLeavesNoRequest ends with the requests that wait for an answer.
func TestDownloadLeavesNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		object := network{3 * rangeBytes, func(r *http.Request) io.Reader {
			if strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
				return endless{}
			}
			running.Add(1)
			return slowEnd{r.Context().Done(), &running}
		}}.object()
		full := errors.New("no space left")
		waiting := writerFunc(func([]byte) (int, error) {
			synctest.Wait()
			if running.Load() != 2 {
				t.Errorf("%d requests wait; the test would see nothing of them", running.Load())
			}
			return 0, full
		})
		if _, err := object.Download(t.Context(), waiting, DownloadOptions{}); !errors.Is(err, full) {
			t.Error(err)
		}
		if n := running.Load(); n != 0 {
			t.Errorf("%d requests are left", n)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
