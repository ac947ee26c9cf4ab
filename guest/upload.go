package guest

import (
	"context"
	"errors"
	"fmt"
)

// Part is a part of a multipart upload that the target makes by itself, straight
// to where URL points.
type Part struct {
	// Offset is where it begins in the plain snapshot: 0, or the sum of Plain of
	// the parts before it.
	Offset int64
	// Length is how many plain bytes it has, rounded up to whole pieces of 2 MiB.
	// 0 is as many as make AtLeast bytes compressed, or all that are left.
	Length  int64
	AtLeast int64
	// URL is presigned, and a secret: it gets into no error.
	URL string
	// Header is what the signature demands beside the host, if anything.
	// Content-Length is set by the target.
	Header map[string]string
}

// MinPart is the least that S3 takes as a part that is not the last (Amazon S3
// User Guide, "Amazon S3 multipart upload limits").
const MinPart = 5 << 20

// maxPart bounds what the target holds of one part in its memory.
const maxPart = 64 << 20

// Uploaded is a part that has arrived.
type Uploaded struct {
	ETag  string `json:"etag"`  // with the quotes that S3 puts around it
	Bytes int64  `json:"bytes"` // compressed
	Plain int64  `json:"plain"` // bytes of the snapshot in it
	Codec string `json:"codec"` // "zstd" or "gzip": all parts together are one file of that kind
	Last  bool   `json:"last"`  // the snapshot ends with it
}

// PutPart has the target compress a part of a snapshot and upload it with an
// HTTP PUT. It takes as long as that does, and holds the compressed part in the
// target's memory meanwhile; the process runs on. Uploading the same part twice
// does no harm.
//
// The error is an *UploadError when the server refuses or cannot be reached.
func (g *Guest) PutPart(ctx context.Context, shot Shot, part Part) (Uploaded, error) {
	if part.Length == 0 && part.AtLeast == 0 {
		part.AtLeast = MinPart
	}
	if part.AtLeast > maxPart || part.Length < 0 || part.Offset < 0 || part.Offset >= shot.Bytes {
		return Uploaded{}, fmt.Errorf("uploading from the container: no part of %d bytes at %d of %d", max(part.AtLeast, part.Length), part.Offset, shot.Bytes)
	}
	header := part.Header
	if header == nil {
		header = map[string]string{}
	}
	up, err := call[Uploaded](ctx, g, "put", map[string]any{
		"id": shot.ID, "offset": part.Offset, "length": part.Length, "atLeast": part.AtLeast, "url": part.URL, "headers": header,
	})
	if _, ok := errors.AsType[*UploadError](err); ok {
		return up, err // it says what was being done
	}
	return up, wrap("uploading from the container", err)
}
