package bucket

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// Object is a snapshot in S3.
type Object struct {
	bucket  *Bucket
	key     string
	version string // "" where it is not known, or the bucket keeps none
}

// Object returns the object with a key, to go on with what another run has
// uploaded. S3 is not asked for it.
func (b *Bucket) Object(key string) *Object { return &Object{bucket: b, key: key} }

// Key is the key in the bucket.
func (o *Object) Key() string { return o.key }

// URL is the s3:// URL.
func (o *Object) URL() string { return "s3://" + o.bucket.location.Bucket + "/" + o.key }

// head asks for what is known of an object. The answer to a HEAD has no words, so
// a refusal is heard again from a GET.
func (b *Bucket) head(ctx context.Context, key, version string) (*awss3.HeadObjectOutput, error) {
	of := request{doing: "looking at the snapshot", action: "s3:GetObject", key: key}
	out, err := b.client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &b.location.Bucket, Key: &key, VersionId: optional(version)}, b.here)
	if statusOf(err) != http.StatusForbidden {
		return out, b.explain(ctx, err, of)
	}
	got, words := b.client.GetObject(ctx, &awss3.GetObjectInput{
		Bucket: &b.location.Bucket, Key: &key, VersionId: optional(version), Range: aws.String("bytes=0-0"),
	}, b.here)
	if words == nil {
		got.Body.Close()
		words = err
	}
	return nil, b.explain(ctx, words, of)
}

// Delete removes the object, and the version of it where the bucket keeps versions:
// without that, the snapshot would stay for ever behind a marker. It works after
// ctx has ended, for 10 seconds.
//
// Errors: *VersionKeptError, *DeniedError, and what S3 or the network say.
func (o *Object) Delete(ctx context.Context) error {
	ctx, cancel := cleaning(ctx)
	defer cancel()
	err := o.delete(ctx, o.version)
	if _, ok := errors.AsType[*DeniedError](err); !ok || o.version == "" {
		return err
	}
	kept := &VersionKeptError{URL: o.URL(), Version: o.version, Err: err}
	if err := o.delete(ctx, ""); err != nil {
		return err
	}
	return kept
}

func (o *Object) delete(ctx context.Context, version string) error {
	action := "s3:DeleteObject"
	if version != "" {
		action = "s3:DeleteObjectVersion"
	}
	_, err := o.bucket.client.DeleteObject(ctx, &awss3.DeleteObjectInput{
		Bucket: &o.bucket.location.Bucket, Key: &o.key, VersionId: optional(version),
	}, o.bucket.here)
	return o.bucket.explain(ctx, err, request{doing: "deleting the snapshot", action: action, key: o.key})
}

// optional is how the SDK wants what may be left out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
