package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

const (
	// rangeBytes is asked for at once: S3 gives some 85 MB/s a connection, and
	// advises ranges of 8 to 16 MB (Amazon S3 user guide, "Performance design
	// patterns").
	rangeBytes = 8 << 20

	// rangesAhead is how many ranges are on their way or wait for their turn, and
	// so the memory: 64 MB. It fills 5 Gbit/s.
	rangesAhead = 8

	// rangeTries is how often in a row a range may break off without a byte. With
	// the pauses, a network that is away for some ten seconds is sat out.
	rangeTries = 6

	// firstPause is after the first failure; each further one doubles it.
	firstPause = 200 * time.Millisecond
)

// DownloadOptions are for a download. The zero value is all of the object.
type DownloadOptions struct {
	// From is how many bytes of the object the writer has already, from an earlier
	// download that failed.
	From     int64
	Progress func(done, size int64) // of the object, in bytes; nil = none. Called in order.
}

// Download writes the object to w, in order, from several requests at once. What
// breaks off is asked for again. n bytes have been written when it fails, so the
// next try may go on with From + n.
//
// Errors: *NoObjectError, *DeniedError, *ChangedError, *LengthError, those of w,
// and what S3 or the network say.
func (o *Object) Download(ctx context.Context, w io.Writer, opts DownloadOptions) (n int64, err error) {
	head, err := o.bucket.head(ctx, o.key, o.version)
	if err != nil {
		return 0, err
	}
	d := &download{object: o, etag: head.ETag, size: aws.ToInt64(head.ContentLength)}
	if opts.From < 0 || opts.From > d.size {
		return 0, &LengthError{URL: o.URL(), Want: fmt.Sprintf("byte %d", opts.From), Got: fmt.Sprintf("an object of %d", d.size)}
	}
	// All requests end with this call.
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	ranges := make(chan *piece, rangesAhead-2) // one is being written, one is in the sender's hand
	running.Go(func() { d.ask(ctx, opts.From, ranges, &running) })
	for p := range ranges {
		if err := p.wait(ctx); err != nil {
			return n, err
		}
		written, err := w.Write(p.bytes)
		n += int64(written)
		if err != nil {
			return n, fmt.Errorf("writing the snapshot: %w", err)
		}
		d.buffers.Put(&p.bytes)
		if opts.Progress != nil {
			opts.Progress(opts.From+n, d.size)
		}
	}
	if opts.From+n < d.size {
		return n, context.Cause(ctx) // which ended the asking
	}
	return n, nil
}

// download is one that is under way.
type download struct {
	object  *Object
	etag    *string
	size    int64
	buffers sync.Pool // of *[]byte with room for rangeBytes
}

// piece is a range of the object.
type piece struct {
	from  int64
	bytes []byte
	err   error
	done  chan struct{}
}

// wait waits for the bytes, unless ctx has ended.
func (p *piece) wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask sends the ranges in order, each of them on its way already.
func (d *download) ask(ctx context.Context, from int64, ranges chan<- *piece, running *sync.WaitGroup) {
	defer close(ranges)
	for ; from < d.size; from += rangeBytes {
		p := &piece{from: from, bytes: d.buffer(min(rangeBytes, d.size-from)), done: make(chan struct{})}
		running.Go(func() {
			defer close(p.done)
			p.err = d.fetch(ctx, p.from, p.bytes)
		})
		select {
		case ranges <- p:
		case <-ctx.Done():
			return
		}
	}
}

func (d *download) buffer(size int64) []byte {
	if b, ok := d.buffers.Get().(*[]byte); ok {
		return (*b)[:size]
	}
	return make([]byte, size, rangeBytes)
}

// fetch fills b from an offset of the object on, with as many requests as it takes.
func (d *download) fetch(ctx context.Context, from int64, b []byte) error {
	pause := firstPause
	for got, failures := 0, 0; ; {
		n, err := d.read(ctx, from+int64(got), b[got:])
		if got += n; got == len(b) {
			return nil
		}
		if n > 0 {
			failures, pause = 0, firstPause
		}
		if isOurs(err) {
			return err
		}
		if failures++; failures == rangeTries || isFinal(err) || ctx.Err() != nil {
			return d.object.bucket.explain(ctx, err, request{doing: "downloading", action: "s3:GetObject", key: d.object.key})
		}
		d.object.bucket.log.Debug("download broke off", "key", d.object.key, "at", from+int64(got), "error", err)
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
		}
	}
}

// read makes one request, and returns how many of the bytes came.
func (d *download) read(ctx context.Context, from int64, b []byte) (int, error) {
	o := d.object
	out, err := o.bucket.client.GetObject(ctx, &awss3.GetObjectInput{
		Bucket: &o.bucket.location.Bucket, Key: &o.key, VersionId: optional(o.version), IfMatch: d.etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, from+int64(len(b))-1)),
	}, o.bucket.here)
	switch {
	case statusOf(err) == http.StatusPreconditionFailed:
		return 0, &ChangedError{URL: o.URL()}
	case err != nil:
		return 0, err
	}
	defer out.Body.Close()
	want := fmt.Sprintf("bytes %d-%d/%d", from, from+int64(len(b))-1, d.size)
	if got := aws.ToString(out.ContentRange); got != want {
		return 0, &LengthError{URL: o.URL(), Want: want, Got: got}
	}
	return io.ReadFull(out.Body, b)
}

// isFinal says whether to ask again would not help: S3 itself refuses, after the
// SDK has repeated what it holds worth repeating.
func isFinal(err error) bool {
	_, ok := errors.AsType[smithy.APIError](err)
	return ok && statusOf(err) < http.StatusInternalServerError
}

// isOurs says whether an answer was understood, and is wrong.
func isOurs(err error) bool {
	_, changed := errors.AsType[*ChangedError](err)
	_, length := errors.AsType[*LengthError](err)
	return changed || length
}
