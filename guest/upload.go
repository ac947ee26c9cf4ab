package guest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MinPart is the least that S3 takes as a part that is not the last (Amazon S3
// User Guide, "Amazon S3 multipart upload limits").
const MinPart = 5 << 20

// maxPart bounds what the target holds of one part in its memory.
const maxPart = 64 << 20

// partLimit bounds the wait for a part to be packed, and for one to be sent: 64 MB at
// 110 kB/s, and much longer than libuv's pool needs when it does not hang.
const partLimit = 10 * time.Minute

// TooSlow is the code of an [*UploadError] of a part that was not there in time: the way
// to the server carries less than 12 kB/s.
const TooSlow = "TOO_SLOW"

// Part is a part of a snapshot for a multipart upload, compressed, which the
// target holds in its memory until it is sent.
type Part struct {
	Bytes int64  `json:"bytes"` // compressed
	Plain int64  `json:"plain"` // bytes of the snapshot in it
	Codec string `json:"codec"` // "zstd" or "gzip": all parts together are one file of that kind
	Last  bool   `json:"last"`  // the snapshot ends with it
}

// PackPart has the target compress what follows a byte of the plain snapshot, until
// it is atLeast bytes or the snapshot ends, and hold that: atLeast and what a piece
// of 2 MiB may be beyond. offset is 0, or the sum of Plain of the parts before.
// While it waits for the next call the target compresses up to three pieces ahead.
//
// The same part may be asked for again, when the answer was lost: it is there once.
//
// The error is a *StalledError when the target does not come to an end with it.
func (g *Guest) PackPart(ctx context.Context, shot Shot, offset, atLeast int64) (Part, error) {
	if atLeast < MinPart || atLeast > maxPart || offset < 0 || offset >= shot.Bytes {
		return Part{}, fmt.Errorf("packing for the upload: no part of %d bytes at %d of %d", atLeast, offset, shot.Bytes)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, partLimit, &StalledError{For: partLimit})
	defer cancel()
	part, err := call[Part](ctx, g, "pack", map[string]any{"id": shot.ID, "offset": offset, "atLeast": atLeast})
	return part, wrap("packing for the upload", err)
}

// Destination is where a part goes.
type Destination struct {
	// URL is presigned, and a secret: it gets into no error.
	URL string
	// Header is what the signature demands beside the host, if anything.
	// Content-Length is set by the target.
	Header map[string]string
}

// SendPart has the target upload the part that was packed at an offset, with an
// HTTP PUT, and forget it once it has arrived; the process runs on. It returns the
// ETag, with the quotes that S3 puts around it. A part that has arrived is not sent
// again: its ETag is remembered.
//
// The error is an *UploadError when the server refuses, cannot be reached or takes
// too long; the target holds the part then, for another try.
func (g *Guest) SendPart(ctx context.Context, shot Shot, offset int64, to Destination) (etag string, err error) {
	header := to.Header
	if header == nil {
		header = map[string]string{}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, partLimit, &UploadError{Code: TooSlow, Message: fmt.Sprintf("the part is not there after %v", partLimit)})
	defer cancel()
	sent, err := call[struct {
		ETag string `json:"etag"`
	}](ctx, g, "send", map[string]any{"id": shot.ID, "offset": offset, "url": to.URL, "headers": header})
	if failed, ok := errors.AsType[*UploadError](err); ok {
		return "", failed // it says what was being done
	}
	return sent.ETag, wrap("uploading from the container", err)
}

// ScrapParts has the target forget the parts of a snapshot that it packed, for an
// upload that has come to nothing. The snapshot stays. What is being sent is waited
// for, for 8 seconds, so that it cannot arrive when the upload was aborted; the error
// says how many parts were cut off after that, which may arrive.
func (g *Guest) ScrapParts(ctx context.Context, shot Shot) error {
	left, err := call[struct {
		Open int `json:"open"`
	}](ctx, g, "scrap", map[string]any{"id": shot.ID})
	if err == nil && left.Open > 0 {
		err = fmt.Errorf("%d parts on their way got no answer", left.Open)
	}
	return wrap("dropping the parts of an upload", err)
}
