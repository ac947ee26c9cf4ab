package e2e

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/internal/s3test"
)

// TestS3InterruptedWhileItUploads has parts on their way, through a slow network,
// when the run is stopped: none arrives in the bucket, at once or later.
func TestS3InterruptedWhileItUploads(t *testing.T) {
	t.Parallel()
	const (
		rate   = 2e6 // bytes in a second: two parts of 6 MB are on their way for some seconds
		before = 3e6 // bytes that are through when the run is stopped
	)
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			server := s3test.Start(t)
			node := nodetest.Start(t, nodetest.Options{Version: version, Script: watchedApp, Ready: "up", Inspect: true})
			w := newWorld(t, fakeaws.Config{}, node)
			endpoint, through, closed := slowNetwork(t, server, rate, before)
			r := s3Task(t, w, server, endpoint, "--s3", "s3://"+s3test.Bucket+"/evidence", "--dir", "out")
			select {
			case <-through:
			case <-time.After(time.Minute):
				t.Fatal("nothing is uploaded")
			}
			if err := r.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			r.wantCode(t, 130)
			if left := open(w.auditOf(t, "out")); slices.Contains(left, "upload to S3 begun") || slices.Contains(left, "helper installed") {
				t.Errorf("not undone: %v\n%s", left, r.stderr)
			}
			for _, when := range []string{"at once", "when the network has delivered all"} {
				if files := server.Files(t); len(files) != 0 {
					t.Errorf("left in the bucket %s: %v\n%s", when, files, r.stderr)
				}
				closed()
			}
			w.wantEnded(t, 1)
		})
	}
}

// slowNetwork stands before the S3 server and lets through so many bytes in a
// second of what is sent there. through is closed when so many have passed; closed
// waits until all that was sent has been delivered.
func slowNetwork(t *testing.T, s *s3test.Server, rate, bytes int64) (endpoint string, through <-chan struct{}, closed func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const chunk = 16 << 10
	reached := make(chan struct{})
	tell := sync.OnceFunc(func() { close(reached) })
	var passed atomic.Int64
	var pumps sync.WaitGroup
	slowly := func(to, from net.Conn) {
		defer to.Close()
		buffer := make([]byte, chunk)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				<-time.After(time.Duration(n) * time.Second / time.Duration(rate))
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
				if passed.Add(int64(n)) >= bytes {
					tell()
				}
			}
			if err != nil {
				return
			}
		}
	}
	pumps.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			pumps.Go(func() { slowly(server, client) })
			pumps.Go(func() {
				defer client.Close()
				_, _ = io.Copy(client, server)
			})
		}
	})
	closed = sync.OnceFunc(func() {
		_ = listener.Close()
		pumps.Wait()
	})
	t.Cleanup(closed)
	return "http://" + listener.Addr().String(), reached, closed
}
