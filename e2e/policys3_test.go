package e2e

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/s3test"
)

// snapshotByS3 uploads and fetches a snapshot, and notes what S3 is asked on the way
// to a server that verifies the signatures. s3:ListBucket is asked for too, and goes
// without: it is refused here.
func snapshotByS3(t *testing.T, h holder) []permission {
	server := s3test.Start(t)
	w := h.world(t, fakeaws.Config{})
	var mu sync.Mutex
	var seen []permission
	front := s3Front(t, server, func(r *http.Request) int {
		arn, key := s3Object(r.URL.Path)
		p := permission{Action: s3Action(r.Method, key, r.URL.Query().Has), Resource: arn}
		if p.Action == "s3:ListBucket" {
			return http.StatusForbidden
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.ContainsFunc(seen, func(q permission) bool { return q.Action == p.Action && q.Resource == p.Resource }) {
			seen = append(seen, p)
		}
		return 0
	})
	r := s3Task(t, w, server, front.URL, "--s3", "s3://"+s3test.Bucket+"/evidence", "--transfer", "s3", "--dir", "out")
	r.wantCode(t, 0)
	mu.Lock()
	defer mu.Unlock()
	return append(w.asked(), seen...)
}
