package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	// MinPart is the least size of all parts but the last, in bytes (Amazon S3 user
	// guide, "Amazon S3 multipart upload limits").
	MinPart = 5 << 20

	// MaxParts is the highest number of a part (same source).
	MaxParts = 10_000

	// partExpiry is how long a presigned URL is good. A part is sent as soon as its
	// URL is known, and an upload that has begun in time may take longer; but the
	// time of this machine counts, and S3 takes requests of clocks that are up to a
	// quarter of an hour off.
	partExpiry = 15 * time.Minute

	// abortPause is how long nothing of an aborted upload may be there until it is
	// taken for gone: parts that were on their way when it was aborted may arrive
	// later, stay, and are paid for (Amazon S3 API reference, AbortMultipartUpload).
	abortPause = time.Second

	// maxMetadata is how much of a value is kept, in bytes: S3 takes 2 KB of all
	// metadata of an object together.
	maxMetadata = 200
)

// tokenKey is the metadata by which an upload knows its object again.
const tokenKey = "ecsheap-upload"

// Snapshot is what S3 keeps of a snapshot beside its bytes, as metadata of the
// object. Empty fields are left out.
type Snapshot struct {
	Name      string // below the prefix: "prod-8fa3…/s1.heapsnapshot.zst"
	Codec     string // of the bytes: "zstd", "gzip" or, for plain ones, ""
	Tool      string // "ecsheap 1.2.3"
	Task      string // ARN
	Container string
	Node      string // "v22.23.3"
	Shot      int    // number in the series, from 1
	PlainSize int64  // bytes, once decompressed; 0 = not known
}

// contentType is what the bytes are.
func (s Snapshot) contentType() string {
	switch s.Codec {
	case "":
		return "application/json"
	case "zstd", "gzip":
		return "application/" + s.Codec // RFC 8878 and RFC 6713
	}
	return "application/octet-stream"
}

// metadata returns the fields as S3 takes them: in ASCII, all of it well below 2 KB.
func (s Snapshot) metadata() map[string]string {
	all := map[string]string{"tool": s.Tool, "task": s.Task, "container": s.Container, "node": s.Node, "codec": s.Codec}
	if s.Shot > 0 {
		all["shot"] = strconv.Itoa(s.Shot)
	}
	if s.PlainSize > 0 {
		all["plain-size"] = strconv.FormatInt(s.PlainSize, 10)
	}
	for name, value := range all {
		if all[name] = headerValue(value); value == "" {
			delete(all, name)
		}
	}
	return all
}

// headerValue escapes what cannot stand in a header as URLs do it.
func headerValue(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < maxMetadata; i++ {
		if s[i] < ' ' || s[i] > '~' || s[i] == '%' {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return strings.TrimSpace(b.String())
}

// Upload is a multipart upload. Its methods are safe for use by several
// goroutines, but for Complete and Abort.
type Upload struct {
	bucket *Bucket
	key    string
	id     string
	token  string // in the metadata of the object
	ended  bool   // completed or aborted

	sent       atomic.Bool // somebody knows where a part goes
	completing bool        // S3 was asked to, and may have done it

	presign *awss3.PresignClient
}

// Begin begins the upload of a snapshot. The caller calls Abort on every way out.
//
// Errors: as those of Check.
func (b *Bucket) Begin(ctx context.Context, s Snapshot) (*Upload, error) {
	u := &Upload{bucket: b, key: b.location.key(s.Name), token: rand.Text()}
	metadata := s.metadata()
	metadata[tokenKey] = u.token
	in := &awss3.CreateMultipartUploadInput{
		Bucket: &b.location.Bucket, Key: &u.key, ContentType: aws.String(s.contentType()), Metadata: metadata,
	}
	if b.kmsKey != "" {
		in.ServerSideEncryption = types.ServerSideEncryptionAwsKms
		in.SSEKMSKeyId = &b.kmsKey
	}
	out, err := b.client.CreateMultipartUpload(ctx, in, b.here)
	if err != nil {
		return nil, b.explain(ctx, err, request{doing: "beginning the upload", action: "s3:PutObject", key: u.key})
	}
	u.id = aws.ToString(out.UploadId)
	u.presign = awss3.NewPresignClient(b.client, awss3.WithPresignExpires(partExpiry), awss3.WithPresignClientFromClientOptions(b.here))
	b.log.Debug("upload begun", "key", u.key, "encryption", out.ServerSideEncryption)
	return u, nil
}

// URL is the s3:// URL of the object that is to be.
func (u *Upload) URL() string { return "s3://" + u.bucket.location.Bucket + "/" + u.key }

// Part is where one part goes: the sender PUTs the bytes to the URL, with their
// length and with Header, and keeps the ETag of the answer.
type Part struct {
	Number int
	URL    string            // a secret, good for a quarter of an hour
	Header map[string]string // what is signed beside the host and must be sent; usually nothing
}

// String names the part. The URL is in no output.
func (p Part) String() string { return "part " + strconv.Itoa(p.Number) }

// GoString names the part, for %#v.
func (p Part) GoString() string { return p.String() }

// LogValue names the part.
func (p Part) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Part returns where a part goes, number 1 to MaxParts. S3 is not asked for it.
// A part that is sent again replaces itself.
func (u *Upload) Part(ctx context.Context, number int) (Part, error) {
	if number < 1 || number > MaxParts {
		return Part{}, &PartsError{Problem: fmt.Sprintf("part %d is none of 1 to %d", number, MaxParts)}
	}
	u.sent.Store(true)
	signed, err := u.presign.PresignUploadPart(ctx, &awss3.UploadPartInput{
		Bucket: &u.bucket.location.Bucket, Key: &u.key, UploadId: &u.id, PartNumber: aws.Int32(int32(number)),
	})
	if err != nil {
		return Part{}, u.bucket.explain(ctx, err, request{doing: "signing for the upload", key: u.key})
	}
	return Part{Number: number, URL: signed.URL, Header: signedHeader(signed.SignedHeader)}, nil
}

// signedHeader returns what a sender would not send by itself.
func signedHeader(signed http.Header) map[string]string {
	header := map[string]string{}
	for name, values := range signed {
		if !strings.EqualFold(name, "Host") && !strings.EqualFold(name, "Content-Length") {
			header[name] = strings.Join(values, ",")
		}
	}
	return header
}

// Uploaded is a part that has arrived.
type Uploaded struct {
	Number int
	ETag   string // as the answer had it, with its quotes
}

// Complete makes an object of the parts, in any order. All from 1 to the last
// must be there: a hole would be a hole in the snapshot.
//
// Errors: *PartsError, *UploadGoneError, *DeniedError, and what S3 or the network
// say. Abort is still to be called then.
func (u *Upload) Complete(ctx context.Context, parts []Uploaded) (*Object, error) {
	sorted, err := completed(parts)
	if err != nil {
		return nil, err
	}
	u.completing = true
	out, err := u.bucket.client.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: &u.bucket.location.Bucket, Key: &u.key, UploadId: &u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: sorted},
	}, u.bucket.here)
	object := u.bucket.Object(u.key)
	if err == nil {
		object.version = aws.ToString(out.VersionId)
		u.ended = true
		return object, nil
	}
	err = u.bucket.explain(ctx, err, request{doing: "completing the upload", action: "s3:PutObject", key: u.key})
	if _, gone := errors.AsType[*UploadGoneError](err); gone && u.arrived(ctx, object) {
		u.ended = true
		return object, nil
	}
	return nil, err
}

// arrived says whether the object is that of this upload: when the answer to a
// completion is lost, the second try hears that there is no such upload.
func (u *Upload) arrived(ctx context.Context, object *Object) bool {
	head, err := u.bucket.head(ctx, u.key, "")
	if err != nil || head.Metadata[tokenKey] != u.token {
		return false
	}
	object.version = aws.ToString(head.VersionId)
	return true
}

// completed sorts the parts and looks for holes.
func completed(parts []Uploaded) ([]types.CompletedPart, error) {
	if len(parts) == 0 {
		return nil, &PartsError{Problem: "there are no parts"}
	}
	parts = slices.SortedFunc(slices.Values(parts), func(a, b Uploaded) int { return a.Number - b.Number })
	all := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		switch number := i + 1; {
		case p.Number < number:
			return nil, &PartsError{Problem: fmt.Sprintf("part %d is there twice", p.Number)}
		case p.Number > number:
			return nil, &PartsError{Problem: fmt.Sprintf("part %d is missing", number)}
		case p.ETag == "":
			return nil, &PartsError{Problem: fmt.Sprintf("part %d has no ETag", number)}
		}
		all[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.ETag)}
	}
	return all, nil
}

// Abort ends the upload and removes its parts, those that arrive late too, unless
// it is completed or aborted. So that none arrives after that the senders have to
// have ended. An object that a completion has made of them without an answer is
// deleted. It works after ctx has ended, for 10 seconds, and takes one at least when
// there may be parts. After an error it may be called again.
//
// Errors: *DeniedError for s3:AbortMultipartUpload, *PartsLeftError, and what S3 or
// the network say. The parts are still there then.
func (u *Upload) Abort(ctx context.Context) error {
	if u.ended {
		return nil
	}
	ctx, cancel := cleaning(ctx)
	defer cancel()
	if err := u.abort(ctx); err != nil {
		return err
	}
	for u.sent.Load() {
		select {
		case <-time.After(abortPause):
		case <-ctx.Done():
			return &PartsLeftError{URL: u.URL()}
		}
		left, err := u.hasParts(ctx)
		if ctx.Err() != nil {
			return &PartsLeftError{URL: u.URL()}
		}
		if err == nil && !left {
			break
		}
		// Where it is not known whether there are some, too: who may abort need not be
		// allowed to look, and it does no harm.
		if again := u.abort(ctx); again != nil {
			return again
		}
		if _, denied := errors.AsType[*DeniedError](err); denied {
			break
		}
	}
	u.ended = true
	return nil
}

// abort asks S3 once to abort the upload. One that is gone was aborted before, or
// has become an object.
func (u *Upload) abort(ctx context.Context) error {
	_, err := u.bucket.client.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{
		Bucket: &u.bucket.location.Bucket, Key: &u.key, UploadId: &u.id,
	}, u.bucket.here)
	err = u.bucket.explain(ctx, err, request{doing: "aborting the upload", action: "s3:AbortMultipartUpload", key: u.key})
	if _, gone := errors.AsType[*UploadGoneError](err); err != nil && !gone {
		return err
	}
	object := u.bucket.Object(u.key)
	if u.completing && u.arrived(ctx, object) {
		return object.Delete(ctx)
	}
	return nil
}

// hasParts says whether there are parts of an upload that was aborted.
func (u *Upload) hasParts(ctx context.Context) (bool, error) {
	out, err := u.bucket.client.ListParts(ctx, &awss3.ListPartsInput{
		Bucket: &u.bucket.location.Bucket, Key: &u.key, UploadId: &u.id, MaxParts: aws.Int32(1),
	}, u.bucket.here)
	err = u.bucket.explain(ctx, err, request{doing: "looking for parts", action: "s3:ListMultipartUploadParts", key: u.key})
	if _, gone := errors.AsType[*UploadGoneError](err); gone {
		return false, nil
	}
	return err == nil && len(out.Parts) > 0, err
}
