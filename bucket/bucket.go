// Package bucket takes snapshots from a container to this machine by way of S3,
// which is not held back by the pace of the tunnel.
//
//	b, err := bucket.Open(ctx, bucket.NewClient(cfg), location, bucket.Options{})
//	err = b.Check(ctx)                       // before anything happens in the process
//	u, err := b.Begin(ctx, bucket.Snapshot{Name: "s1.heapsnapshot.zst", …})
//	defer u.Abort(ctx)                       // does nothing after Complete
//	part, err := u.Part(ctx, 1)              // for the process: it PUTs to part.URL
//	object, err := u.Complete(ctx, []bucket.Uploaded{{Number: 1, ETag: etag}, …})
//	n, err := object.Download(ctx, file, bucket.DownloadOptions{})
//	err = object.Delete(ctx)                 // unless it is to be kept
//
// The process in the container gets no credentials. What it gets are presigned
// URLs, each good for one part of one upload, for a short time. They are secrets
// like a password: no error, log or format verb here shows one.
//
// The object stays in S3 only for who asks for that: a heap holds secrets, and
// a copy that nobody knows of is one too many. So what was downloaded is deleted
// by default, with its version where the bucket keeps versions, and an upload
// that was not completed is aborted on every way out.
package bucket

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// cleanUpTimeout is for what is put in order after a run has ended, however it
// has ended.
const cleanUpTimeout = 10 * time.Second

// Options are what the zero value leaves to S3.
type Options struct {
	// KMSKey is the key of SSE-KMS: an id, an ARN or an alias; "" leaves the
	// encryption to the bucket, whose default encrypts, too.
	KMSKey string
	Log    *slog.Logger // nil = silent
}

// NewClient returns a client as this package needs it. Servers whose endpoint
// (AWS_ENDPOINT_URL_S3) has no name below which buckets could have theirs, which
// is an IP address or localhost, are asked in path style.
func NewClient(cfg aws.Config, with ...func(*awss3.Options)) *awss3.Client {
	return awss3.NewFromConfig(cfg, append([]func(*awss3.Options){func(o *awss3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil && isNameless(*o.BaseEndpoint)
		// S3 has a checksum of the whole object only, which says nothing of a range.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
	}}, with...)...)
}

func isNameless(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err == nil || u.Hostname() == "localhost"
}

// Bucket is a bucket and the prefix in it for our objects. Its methods are safe
// for use by several goroutines.
type Bucket struct {
	client   *awss3.Client
	location Location
	region   string
	listable bool // s3:ListBucket is allowed, so a missing object is told from a forbidden one
	kmsKey   string
	log      *slog.Logger
}

// Open finds out where the bucket is: the client need not be of its region.
// Without s3:ListBucket it works as well, S3 tells the region all the same.
//
// Errors: *NoBucketError, and what S3 or the network say.
func Open(ctx context.Context, client *awss3.Client, location Location, o Options) (*Bucket, error) {
	b := &Bucket{client: client, location: location, region: client.Options().Region, kmsKey: o.KMSKey, log: o.Log}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	head, err := client.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &location.Bucket})
	region := ""
	switch status := statusOf(err); {
	case err == nil:
		b.listable = true
		region = aws.ToString(head.BucketRegion)
	case status == http.StatusForbidden, regionOf(err) != "":
		// No s3:ListBucket, or another region, or a signature for the wrong one. The
		// answer to HEAD has no words, but it tells the region.
		region = regionOf(err)
	default:
		return nil, b.explain(ctx, err, request{doing: "finding the bucket", action: "s3:ListBucket"})
	}
	if region != "" && region != b.region {
		b.log.Debug("the bucket is in another region", "bucket", location.Bucket, "region", region, "configured", b.region)
		b.region = region
	}
	return b, nil
}

// Region is where the bucket is.
func (b *Bucket) Region() string { return b.region }

// Location is what the bucket was opened with.
func (b *Bucket) Location() Location { return b.location }

// here sends a request to the region of the bucket.
func (b *Bucket) here(o *awss3.Options) { o.Region = b.region }

// checkName is the name of an object that is never made.
const checkName = "ecsheap-check"

// Check proves, as far as that is possible without an object, that an upload
// will work: it begins one and aborts it. S3 says only while it does so whether
// the bucket, its policy and the key of its encryption allow it.
//
// Errors: *DeniedError with the IAM action that is missing, *KeyError,
// *NoBucketError, and what S3 or the network say.
func (b *Bucket) Check(ctx context.Context) error {
	u, err := b.Begin(ctx, Snapshot{Name: checkName})
	if err != nil {
		return err
	}
	if err := u.Abort(ctx); err != nil {
		return err
	}
	if !b.listable {
		return nil // 403 would be the answer for what does not exist, too
	}
	_, err = b.head(ctx, u.key, "")
	if _, ok := errors.AsType[*NoObjectError](err); ok {
		return nil
	}
	return err
}

// cleaning returns the context of a clean-up, which works after the run was
// cancelled, too.
func cleaning(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
}

// statusOf returns the HTTP status of what S3 answered, 0 if it did not.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return answer.HTTPStatusCode()
	}
	return 0
}

// regionOf returns the region that S3 names in a refusal.
func regionOf(err error) string {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answer.Response == nil {
		return ""
	}
	return answer.Response.Header.Get("X-Amz-Bucket-Region")
}
