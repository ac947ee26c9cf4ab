package bucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/internal/s3test"
)

// sender is what the process in the container does: it has a URL, and no more.
const sender = `
const http = require('http');
const fs = require('fs');
const {file, parts} = JSON.parse(fs.readFileSync(0, 'utf8'));
const data = fs.readFileSync(file);
(async () => {
  const etags = [];
  for (const {Number, URL, Header, from, to} of parts) {
    etags.push(await new Promise((resolve, reject) => {
      const body = data.subarray(from, to);
      const request = http.request(URL, {method: 'PUT', headers: {...Header, 'Content-Length': body.length}}, (answer) => {
        answer.resume();
        answer.on('end', () => answer.statusCode === 200 ? resolve({Number, ETag: answer.headers.etag}) : reject(new Error(String(answer.statusCode))));
      });
      request.on('error', reject);
      request.end(body);
    }));
  }
  console.log(JSON.stringify(etags));
})();
`

// TestNodeUploads is the whole way: a real Node.js sends the parts, last one
// first, with http.request and nothing but the length of each.
func TestNodeUploads(t *testing.T) {
	node := nodetest.Require(t, "")
	b, f, s := open(t, Options{})
	data := noise(2*MinPart + 1<<20 + 17)
	file := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := b.Begin(t.Context(), Snapshot{
		Name: "run/s1.heapsnapshot.zst", Codec: "zstd", Tool: "ecsheap 1.2.3", Task: "arn:aws:ecs:eu-west-1:111122223333:task/prod/8fa3",
		Container: "app", Node: "v22.23.3", Shot: 1, PlainSize: 4711,
	})
	if err != nil {
		t.Fatal(err)
	}
	type piece struct {
		Part
		From int `json:"from"`
		To   int `json:"to"`
	}
	var pieces []piece
	for i, bounds := range [][2]int{{0, MinPart + 1<<20}, {MinPart + 1<<20, 2*MinPart + 1<<20}, {2*MinPart + 1<<20, len(data)}} {
		part, err := u.Part(t.Context(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, piece{part, bounds[0], bounds[1]})
	}
	slices.Reverse(pieces)
	in, err := json.Marshal(map[string]any{"file": file, "parts": pieces})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", sender)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v %+v", err, err)
	}
	var parts []Uploaded
	if err := json.Unmarshal(out, &parts); err != nil {
		t.Fatal(err)
	}
	for _, r := range f.find(http.MethodPut) {
		for name := range r.Header {
			if !slices.Contains([]string{"Connection", "Content-Length"}, name) {
				t.Errorf("the sender needed the header %s", name)
			}
		}
	}
	object, err := u.Complete(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	if want := "s3://" + s3test.Bucket + "/ecsheap/run/s1.heapsnapshot.zst"; object.URL() != want || u.URL() != want {
		t.Errorf("the object is %s, the upload %s, want %s", object.URL(), u.URL(), want)
	}
	if err := u.Abort(t.Context()); err != nil || len(f.find(http.MethodDelete)) != 0 {
		t.Errorf("aborted what is complete: %v", err)
	}
	var got bytes.Buffer
	if n, err := object.Download(t.Context(), &got, DownloadOptions{}); err != nil || n != int64(len(data)) || sum(got.Bytes()) != sum(data) {
		t.Errorf("downloaded %d of %d bytes, %v", n, len(data), err)
	}
	head, err := b.head(t.Context(), object.Key(), "")
	if err != nil {
		t.Fatal(err)
	}
	if head.Metadata["task"] != "arn:aws:ecs:eu-west-1:111122223333:task/prod/8fa3" || head.Metadata["plain-size"] != "4711" || aws.ToString(head.ContentType) != "application/zstd" {
		t.Errorf("kept with it: %v, %s", head.Metadata, aws.ToString(head.ContentType))
	}
	if err := object.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	if files := s.Files(t); len(files) != 0 {
		t.Errorf("left in the bucket: %q", files)
	}
}

// oldSigner signs as a machine did two hours ago.
type oldSigner struct{ *v4.Signer }

func (s oldSigner) PresignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, at time.Time, with ...func(*v4.SignerOptions)) (string, http.Header, error) {
	return s.Signer.PresignHTTP(ctx, c, r, hash, service, region, at.Add(-2*time.Hour), with...)
}

// TestPartURLIsGoodForOnePart has a URL be good for nothing but what it is for.
func TestPartURLIsGoodForOnePart(t *testing.T) {
	b, _, s := open(t, Options{})
	begin := func() (*Upload, Part) {
		t.Helper()
		u, err := b.Begin(t.Context(), Snapshot{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		part, err := u.Part(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return u, part
	}
	u, part := begin()
	other, _ := begin()
	old := &Upload{bucket: u.bucket, key: u.key, id: u.id}
	old.presign = awss3.NewPresignClient(b.client, awss3.WithPresignExpires(partExpiry), func(o *awss3.PresignOptions) { o.Presigner = oldSigner{v4.NewSigner()} })
	expired, err := old.Part(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	wrong := &Upload{bucket: u.bucket, key: u.key, id: u.id}
	cfg := s.Config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider("TESTTESTTESTTESTTEST", "another secret", "")
	cfg.BaseEndpoint = b.client.Options().BaseEndpoint
	wrong.presign = awss3.NewPresignClient(NewClient(cfg))
	forged, err := wrong.Part(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, url string
		status            int
	}{
		{"another part", http.MethodPut, strings.Replace(part.URL, "partNumber=1", "partNumber=2", 1), http.StatusForbidden},
		{"another upload", http.MethodPut, strings.Replace(part.URL, u.id, other.id, 1), http.StatusForbidden},
		{"another object", http.MethodPut, strings.Replace(part.URL, "/ecsheap/a?", "/ecsheap/b?", 1), http.StatusForbidden},
		{"longer", http.MethodPut, strings.Replace(part.URL, "X-Amz-Expires=900", "X-Amz-Expires=9000", 1), http.StatusForbidden},
		{"to read", http.MethodGet, part.URL, http.StatusForbidden},
		{"to abort", http.MethodDelete, part.URL, http.StatusForbidden},
		{"expired", http.MethodPut, expired.URL, http.StatusForbidden},
		{"another secret", http.MethodPut, forged.URL, http.StatusForbidden},
		{"as it is", http.MethodPut, part.URL, http.StatusOK},
	}
	for _, tt := range tests {
		if tt.url == part.URL && tt.method == http.MethodPut && tt.name != "as it is" {
			t.Errorf("%s: the test changes nothing: %s", tt.name, tt.url)
		}
		if status, _, answer := put(t, tt.method, tt.url, part.Header, []byte("text")); status != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.name, status, tt.status, answer)
		}
	}
}

// TestPartIsASecret prints parts in every way there is.
func TestPartIsASecret(t *testing.T) {
	p := Part{Number: 3, URL: "https://example.com/?X-Amz-Signature=secret"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("part", "part", p)
	slog.New(slog.NewTextHandler(&log, nil)).Info("part", "part", p)
	if text := fmt.Sprintf("%v %+v %#v %s %v", p, p, p, p, []Part{p}) + log.String(); strings.Contains(text, "secret") || !strings.Contains(text, "part 3") {
		t.Error(text)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	b, f, s := open(t, Options{})
	u, err := b.Begin(t.Context(), Snapshot{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	part, err := u.Part(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, answer := put(t, http.MethodPut, part.URL, part.Header, noise(1000)); status != http.StatusOK {
		t.Fatal(status, answer)
	}
	if len(s.Files(t)) == 0 {
		t.Fatal("a part is nowhere; the test would see nothing of it")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped"))
	if err := u.Abort(ctx); err != nil {
		t.Error(err)
	}
	if files := s.Files(t); len(files) != 0 {
		t.Errorf("left in the bucket: %q", files)
	}
	open, err := b.client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String(s3test.Bucket)})
	if err != nil || len(open.Uploads) != 0 {
		t.Errorf("%d uploads are open, %v", len(open.Uploads), err)
	}
	aborts := len(f.find(http.MethodDelete))
	if err := u.Abort(t.Context()); err != nil || len(f.find(http.MethodDelete)) != aborts {
		t.Errorf("aborted twice: %v", err)
	}
	if status, _, _ := put(t, http.MethodPut, part.URL, part.Header, noise(1000)); status != http.StatusNotFound {
		t.Errorf("a part after the end: status %d", status)
	}

	object := upload(t, b, "b", noise(10))
	if files := s.Files(t); !slices.Equal(files, []string{object.Key()}) {
		t.Errorf("in the bucket: %q", files)
	}
}

// TestEncryption looks at what is asked of S3.
func TestEncryption(t *testing.T) {
	for _, key := range []string{"", "alias/heaps"} {
		b, f, _ := open(t, Options{KMSKey: key})
		u, err := b.Begin(t.Context(), Snapshot{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Abort(t.Context()); err != nil {
			t.Error(err)
		}
		begun := f.find(http.MethodPost, "uploads")
		if len(begun) != 1 {
			t.Fatalf("%d uploads begun", len(begun))
		}
		header, want := begun[0].Header, ""
		if key != "" {
			want = "aws:kms"
		}
		if got := header.Get("X-Amz-Server-Side-Encryption"); got != want || header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != key {
			t.Errorf("key %q: encryption %q with %q", key, got, header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
		}
		// Parts of an upload that was begun with a checksum would have to have one, too.
		for name := range header {
			if strings.HasPrefix(name, "X-Amz-Checksum") {
				t.Errorf("asked for %s", name)
			}
		}
	}
}

// TestCompletionWithLostAnswer has the second try hear that there is no upload.
func TestCompletionWithLostAnswer(t *testing.T) {
	b, f, _ := open(t, Options{})
	completions := 0
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
			return false
		}
		completions++
		return completions > 1 && refuse(w, http.StatusNotFound, "NoSuchUpload", "none")
	}, func(r *http.Response) error {
		if r.Request.Method == http.MethodPost && r.Request.URL.Query().Has("uploadId") {
			return errors.New("lost")
		}
		return nil
	})
	data := noise(100)
	object := upload(t, b, "a", data)
	f.intercept(nil, nil)
	var got bytes.Buffer
	if _, err := object.Download(t.Context(), &got, DownloadOptions{}); err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Errorf("downloaded %d bytes, %v", got.Len(), err)
	}
	if completions != 2 {
		t.Errorf("%d completions", completions)
	}

	// The object of somebody else is not taken for ours.
	u, err := b.Begin(t.Context(), Snapshot{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && refuse(w, http.StatusNotFound, "NoSuchUpload", "none")
	}, nil)
	_, err = u.Complete(t.Context(), []Uploaded{{Number: 1, ETag: `"x"`}})
	if gone, ok := errors.AsType[*UploadGoneError](err); !ok || gone.Hint() == "" {
		t.Errorf("completed what is gone: %v", err)
	}
}

// TestCompletionOfWrongParts has the server refuse what we cannot know.
func TestCompletionOfWrongParts(t *testing.T) {
	b, _, s := open(t, Options{})
	u, err := b.Begin(t.Context(), Snapshot{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	var parts []Uploaded
	for number := 1; number <= 2; number++ {
		part, err := u.Part(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		_, etag, _ := put(t, http.MethodPut, part.URL, part.Header, noise(1000))
		parts = append(parts, Uploaded{number, etag})
	}
	for name, parts := range map[string][]Uploaded{"small part": parts, "wrong tag": {parts[0], {2, `"0123456789abcdef0123456789abcdef"`}}} {
		if _, err := u.Complete(t.Context(), parts); !isA[*PartsError](err) || errors.Unwrap(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := u.Abort(t.Context()); err != nil || len(s.Files(t)) != 0 {
		t.Errorf("left after the abort: %q, %v", s.Files(t), err)
	}
}

func TestCompleted(t *testing.T) {
	tests := []struct {
		name  string
		parts []Uploaded
		want  string // of the error
	}{
		{"in order", []Uploaded{{1, "a"}, {2, "b"}}, ""},
		{"out of order", []Uploaded{{2, "b"}, {3, "c"}, {1, "a"}}, ""},
		{"none", nil, "no parts"},
		{"no first", []Uploaded{{2, "b"}}, "part 1 is missing"},
		{"hole", []Uploaded{{3, "c"}, {1, "a"}}, "part 2 is missing"},
		{"twice", []Uploaded{{1, "a"}, {2, "b"}, {1, "a"}}, "part 1 is there twice"},
		{"zero", []Uploaded{{0, "a"}, {1, "b"}}, "part 0 is there twice"},
		{"no tag", []Uploaded{{1, "a"}, {2, ""}}, "part 2 has no ETag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.parts)
			got, err := completed(tt.parts)
			if tt.want != "" {
				if _, ok := errors.AsType[*PartsError](err); !ok || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil || len(got) != len(tt.parts) || !slices.Equal(before, tt.parts) {
				t.Fatalf("%d parts, %v", len(got), err)
			}
			for i, p := range got {
				if aws.ToInt32(p.PartNumber) != int32(i+1) || aws.ToString(p.ETag) != string(rune('a'+i)) {
					t.Errorf("part %d is %d %s", i+1, aws.ToInt32(p.PartNumber), aws.ToString(p.ETag))
				}
			}
		})
	}
	if _, err := new(Upload).Part(t.Context(), MaxParts+1); err == nil {
		t.Error("a part too many is taken")
	}
}

func TestMetadata(t *testing.T) {
	got := Snapshot{Name: "x", Container: "bücher\r\nX-Amz-Acl: public-read", Node: strings.Repeat("long", 100), Codec: "gzip", Shot: 2}.metadata()
	if got["container"] != "b%C3%BCcher%0D%0AX-Amz-Acl: public-read" || len(got["node"]) != maxMetadata || got["shot"] != "2" {
		t.Errorf("got %q", got)
	}
	for _, absent := range []string{"tool", "task", "plain-size"} {
		if _, ok := got[absent]; ok {
			t.Errorf("%s is there", absent)
		}
	}
}
