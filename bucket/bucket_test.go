package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/ecsheap/ecsheap/internal/s3test"
)

func TestCheck(t *testing.T) {
	b, f, s := open(t, Options{KMSKey: "alias/heaps"})
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if files := s.Files(t); len(files) != 0 {
		t.Errorf("left in the bucket: %q", files)
	}
	const kms = "User: arn:aws:sts::111122223333:assumed-role/oncall/alice is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:111122223333:key/1 because no identity-based policy allows the kms:GenerateDataKey action"
	is := func(method, query string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == method && (query == "" || r.URL.Query().Has(query)) }
	}
	tests := []struct {
		name          string
		which         func(*http.Request) bool
		status        int
		code, message string
		want          error
		text          string // in the error or its hint
	}{
		{"no upload", is("POST", "uploads"), 403, "AccessDenied", "Access Denied", new(DeniedError), "s3:PutObject on s3://heap-evidence/ecsheap/"},
		{"no key", is("POST", "uploads"), 403, "AccessDenied", kms, new(DeniedError), "kms:GenerateDataKey on arn:aws:kms:eu-west-1:111122223333:key/1"},
		{"no hint without the file", is("POST", "uploads"), 403, "AccessDenied", kms, new(DeniedError), "ecsheap policy operator-s3"},
		{"wrong key", is("POST", "uploads"), 400, "KMS.NotFoundException", "Alias is not found.", new(KeyError), "alias/heaps cannot be used: Alias is not found."},
		{"no bucket", is("POST", "uploads"), 404, "NoSuchBucket", "none", new(NoBucketError), `no bucket "heap-evidence"`},
		{"no abort", is("DELETE", ""), 403, "AccessDenied", "Access Denied", new(DeniedError), "s3:AbortMultipartUpload"},
		{"no reading", func(r *http.Request) bool {
			return r.Method == "HEAD" || r.Method == "GET" && !r.URL.Query().Has("uploadId")
		}, 403, "AccessDenied", "Access Denied", new(DeniedError), "s3:GetObject"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				return tt.which(r) && refuse(w, tt.status, tt.code, tt.message)
			}, nil)
			err := b.Check(t.Context())
			if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", tt.want) {
				t.Fatalf("error %T %v, want a %T", err, err, tt.want)
			}
			text := err.Error() + " | " + err.(interface{ Hint() string }).Hint()
			if api, ok := errors.AsType[smithy.APIError](err); !strings.Contains(text, tt.text) || !ok || api.ErrorCode() == "" {
				t.Errorf("%s (%v), want %q in it", text, api, tt.text)
			}
		})
	}
}

// TestNoSecretInErrors fails in all ways that involve a signature.
func TestNoSecretInErrors(t *testing.T) {
	s := s3test.Start(t)
	cfg := newFront(t, s).config(s, t)
	cfg.Credentials = credentials.NewStaticCredentialsProvider("TESTTESTTESTTESTTEST", "another secret", "")
	b, err := Open(t.Context(), NewClient(cfg), Location{Bucket: s3test.Bucket}, Options{})
	if err != nil {
		t.Fatal(err) // a HEAD tells nothing of why
	}
	_, beginning := b.Begin(t.Context(), Snapshot{Name: "a"})
	_, downloading := b.Object("a").Download(t.Context(), io.Discard, DownloadOptions{})
	for _, err := range []error{beginning, downloading, b.Check(t.Context()), b.Object("a").Delete(t.Context())} {
		if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "SignatureDoesNotMatch" {
			t.Errorf("error %v, want SignatureDoesNotMatch", err)
		}
		for _, secret := range []string{"Signature=", "another secret"} {
			if strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("%q in the error %v", secret, err)
			}
		}
	}
}

// TestOpenFollowsTheRegion has the client be of another region than the bucket.
func TestOpenFollowsTheRegion(t *testing.T) {
	s := s3test.Start(t)
	f := newFront(t, s)
	elsewhere := func(status int, tell bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.Header.Get("Authorization")+r.URL.Query().Get("X-Amz-Credential"), "/"+s3test.Region+"/s3/") {
				return false
			}
			if tell {
				w.Header().Set("X-Amz-Bucket-Region", s3test.Region)
			}
			return refuse(w, status, "PermanentRedirect", "elsewhere")
		}
	}
	cfg := f.config(s, t)
	cfg.Region = "us-west-2"
	for _, status := range []int{http.StatusMovedPermanently, http.StatusBadRequest, http.StatusForbidden} {
		f.intercept(elsewhere(status, true), nil)
		b, err := Open(t.Context(), NewClient(cfg), Location{Bucket: s3test.Bucket}, Options{})
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		if b.Region() != s3test.Region {
			t.Errorf("%d: region %s", status, b.Region())
		}
		// The signature of a part's URL has the region in it, too.
		if err := upload(t, b, "a", noise(5)).Delete(t.Context()); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
	f.intercept(elsewhere(http.StatusMovedPermanently, false), nil)
	if _, err := Open(t.Context(), NewClient(cfg), Location{Bucket: s3test.Bucket}, Options{}); err == nil {
		t.Error("a region that nobody tells was found")
	}
}

func TestOpenFails(t *testing.T) {
	s := s3test.Start(t)
	f := newFront(t, s)
	_, err := Open(t.Context(), NewClient(f.config(s, t)), Location{Bucket: "no-such-bucket"}, Options{})
	if !isA[*NoBucketError](err) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if _, err := Open(ctx, NewClient(f.config(s, t)), Location{Bucket: s3test.Bucket}, Options{}); !errors.Is(err, stopped) {
		t.Errorf("error %v, want the cause of the context", err)
	}
}

// TestOpenWithoutListBucket works as well: the permission is not needed.
func TestOpenWithoutListBucket(t *testing.T) {
	s := s3test.Start(t)
	f := newFront(t, s)
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		// For S3, what does not exist is forbidden then, too.
		reads := r.Method == http.MethodHead || r.Method == http.MethodGet && !r.URL.Query().Has("uploadId")
		return reads && refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
	}, nil)
	b, err := Open(t.Context(), NewClient(f.config(s, t)), Location{Bucket: s3test.Bucket}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if b.Region() != s3test.Region || b.Location().Bucket != s3test.Bucket {
		t.Errorf("in %s, %v", b.Region(), b.Location())
	}
}

func TestNewClient(t *testing.T) {
	tests := map[string]bool{
		"": false, "http://127.0.0.1:9000": true, "https://[::1]:9000": true, "http://localhost:9000": true,
		"https://s3.eu-west-1.amazonaws.com": false, "https://minio.example.com": false, "::": false,
	}
	for endpoint, want := range tests {
		cfg := aws.Config{Region: s3test.Region}
		if endpoint != "" {
			cfg.BaseEndpoint = &endpoint
		}
		if got := NewClient(cfg).Options().UsePathStyle; got != want {
			t.Errorf("%q: path style %v, want %v", endpoint, got, want)
		}
	}
	if !NewClient(aws.Config{Region: s3test.Region}, func(o *awss3.Options) { o.UsePathStyle = true }).Options().UsePathStyle {
		t.Error("the caller's word is not the last")
	}
}
