package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
)

// policy is the one in iam-policies with the permissions that this package needs.
const policy = "operator-s3"

// URLError says that a text is no place in S3.
type URLError struct{ Problem string }

func (e *URLError) Error() string { return "not a place in S3: " + e.Problem }

// Hint shows the form.
func (e *URLError) Hint() string { return "write s3://bucket/prefix" }

// NoBucketError means that there is no such bucket.
type NoBucketError struct {
	Bucket string
	Err    error
}

func (e *NoBucketError) Error() string { return fmt.Sprintf("no bucket %q", e.Bucket) }

// Unwrap returns the refusal of S3.
func (e *NoBucketError) Unwrap() error { return e.Err }

// Hint says where to look.
func (e *NoBucketError) Hint() string {
	return "check the name and --profile; `aws s3 ls` shows the buckets of the account"
}

// DeniedError means that AWS denies an action.
type DeniedError struct {
	Action string // "s3:PutObject", "kms:GenerateDataKey"
	On     string // s3://bucket/key, or what AWS names
	Err    error
}

func (e *DeniedError) Error() string { return fmt.Sprintf("AWS denies %s on %s", e.Action, e.On) }

// Unwrap returns the refusal of AWS.
func (e *DeniedError) Unwrap() error { return e.Err }

// Hint names the permission.
func (e *DeniedError) Hint() string {
	who := "the role of who runs ecsheap"
	if strings.HasPrefix(e.Action, "kms:") {
		who += ", and in the policy of the key,"
	}
	return fmt.Sprintf("allow %s there for %s (`ecsheap policy %s` prints all that is needed), or use --transfer disk, which needs no bucket", e.Action, who, policy)
}

// KeyError means that the key of SSE-KMS cannot be used.
type KeyError struct {
	Key string // as it was given, "" for that of the bucket
	Err error
}

func (e *KeyError) Error() string {
	if e.Key == "" {
		return "the KMS key of the bucket cannot be used: " + messageOf(e.Err)
	}
	return fmt.Sprintf("the KMS key %s cannot be used: %s", e.Key, messageOf(e.Err))
}

// Unwrap returns the refusal of AWS.
func (e *KeyError) Unwrap() error { return e.Err }

// Hint says what a key must be.
func (e *KeyError) Hint() string {
	return "the key must exist and be enabled, in the region of the bucket; a key of another account must be given by its ARN"
}

// UploadGoneError means that S3 knows nothing of the upload any more.
type UploadGoneError struct {
	URL string // of the object that was to be
	Err error
}

func (e *UploadGoneError) Error() string { return "the upload of " + e.URL + " is gone" }

// Unwrap returns the refusal of S3.
func (e *UploadGoneError) Unwrap() error { return e.Err }

// Hint says who ends uploads.
func (e *UploadGoneError) Hint() string {
	return "somebody aborted it, or a lifecycle rule of the bucket: take the snapshot again"
}

// PartsError says that the parts of an upload do not make an object.
type PartsError struct {
	Problem string
	Err     error // what S3 says, may be nil
}

func (e *PartsError) Error() string { return "the upload is not whole: " + e.Problem }

// Unwrap returns the refusal of S3.
func (e *PartsError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *PartsError) Hint() string { return "take the snapshot again" }

// PartsLeftError means that an upload was aborted, and that it could not be seen in
// time that nothing of it is left.
type PartsLeftError struct{ URL string }

func (e *PartsLeftError) Error() string { return "parts of the upload of " + e.URL + " may be left" }

// Hint says what removes them.
func (e *PartsLeftError) Hint() string {
	return "a lifecycle rule with AbortIncompleteMultipartUpload removes them"
}

// NoObjectError means that there is no such object.
type NoObjectError struct {
	URL string
	Err error
}

func (e *NoObjectError) Error() string { return "no object " + e.URL }

// Unwrap returns the refusal of S3.
func (e *NoObjectError) Unwrap() error { return e.Err }

// Hint says who removes objects.
func (e *NoObjectError) Hint() string {
	return "it was deleted, perhaps by a lifecycle rule of the bucket: take the snapshot again"
}

// ChangedError means that the object was replaced during the download.
type ChangedError struct{ URL string }

func (e *ChangedError) Error() string { return e.URL + " has changed during the download" }

// Hint says what to do.
func (e *ChangedError) Hint() string {
	return "something else writes to the same place: choose another prefix"
}

// LengthError means that S3 sent something else than it was asked for.
type LengthError struct {
	URL       string
	Want, Got string
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("downloading %s: asked for %s, got %s", e.URL, e.Want, e.Got)
}

// VersionKeptError is the warning that an object was deleted, but that a version
// of it is left.
type VersionKeptError struct {
	URL, Version string
	Err          error
}

func (e *VersionKeptError) Error() string {
	return fmt.Sprintf("version %s of %s is left in the bucket", e.Version, e.URL)
}

// Unwrap returns the refusal of S3.
func (e *VersionKeptError) Unwrap() error { return e.Err }

// Hint names the permission.
func (e *VersionKeptError) Hint() string {
	return "the bucket keeps versions: delete it by hand, and allow s3:DeleteObjectVersion (`ecsheap policy " + policy + "`)"
}

// request is what was asked of S3, for its errors.
type request struct {
	doing  string // "beginning the upload"
	action string // of IAM, which a plain refusal is about
	key    string // of the object, "" if it is about the bucket
}

// explain makes an error of ours of what the SDK says. nil stays nil.
func (b *Bucket) explain(ctx context.Context, err error, r request) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	place := "s3://" + b.location.Bucket
	if r.key != "" {
		place += "/" + r.key
	}
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	switch {
	case code == "NoSuchBucket", r.key == "" && statusOf(err) == http.StatusNotFound:
		return &NoBucketError{Bucket: b.location.Bucket, Err: err}
	case code == "NoSuchUpload":
		return &UploadGoneError{URL: place, Err: err}
	case code == "InvalidPart", code == "InvalidPartOrder", code == "EntityTooSmall":
		return &PartsError{Problem: messageOf(err), Err: err}
	case code == "NoSuchKey", code == "NoSuchVersion", code == "NotFound":
		return &NoObjectError{URL: place, Err: err}
	case code == "AccessDenied", code == "Forbidden", code == "AllAccessDisabled":
		return denied(err, r.action, place)
	case strings.HasPrefix(code, "KMS."):
		return &KeyError{Key: b.kmsKey, Err: err}
	}
	return fmt.Errorf("%s in %s: %w", r.doing, place, err)
}

// denial is how AWS names what it denies, when it does.
var denial = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)(?: on resource: "?([^" ]+)"?)?`)

// denied makes an error of a refusal. Where S3 needs the key of a bucket, it
// denies its own action and tells of KMS in its words only.
func denied(err error, action, on string) *DeniedError {
	if m := denial.FindStringSubmatch(messageOf(err)); m != nil {
		action = m[1]
		if m[2] != "" {
			on = m[2]
		}
	}
	return &DeniedError{Action: action, On: on, Err: err}
}

// messageOf returns the words of AWS itself.
func messageOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorMessage()
	}
	return err.Error()
}
