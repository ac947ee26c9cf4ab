package main

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/klauspost/compress/zstd"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/ecsheap/ecsheap/bucket"
	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

const (
	// uploadPart is how large a part is at least, compressed: the least that S3
	// takes, so that little of the process's memory is taken.
	uploadPart = guest.MinPart

	// uploadsAtOnce is how many parts are on their way while the process packs the
	// next one. It holds these three, of 7 MB at most, and three pieces that it
	// reads and packs ahead: 33 to 42 MB as measured, with what is not collected yet.
	// By then V8 has given back what it took for the snapshot, which is more.
	uploadsAtOnce = 2

	// uploadTries is how often a part is sent when S3 does not answer, or has an
	// error of its own: it says of itself that such requests are to be repeated.
	uploadTries = 4

	// uploadPause is before the second try; it doubles.
	uploadPause = time.Second

	// downloadTries is how often an upload that is whole is fetched: the download
	// itself sits out some ten seconds without a byte.
	downloadTries = 2

	// maxWindow is what the decompressor may be asked to remember: the pieces that
	// the guest compresses have 2 MiB.
	maxWindow = 8 << 20
)

// codecExpression says how the guest will compress what it uploads.
const codecExpression = `(typeof require === "function" ? require : process.getBuiltinModule)("zlib").zstdCompress ? "zstd" : "gzip"`

// codecSuffix is what names of such files end with.
var codecSuffix = map[string]string{"zstd": ".zst", "gzip": ".gz"}

// s3Options are the values of the flags of S3.
type s3Options struct {
	url    string // "" = no S3
	keep   bool
	kmsKey string
}

func s3Flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "s3", Category: categoryS3, Usage: "`s3://bucket/prefix` that the container may upload to, by presigned URLs: faster than the tunnel"},
		&cli.BoolFlag{Name: "s3-keep", Category: categoryS3, Usage: "leave the snapshots there (default: delete them once they are here)"},
		&cli.StringFlag{Name: "s3-kms-key", Category: categoryS3, Usage: "`key` of SSE-KMS: id, ARN or alias (default: the bucket's own encryption)"},
	}
}

// readS3 reads the flags of S3, which must fit --transfer.
func readS3(c *cli.Context, transfer string) (s3Options, error) {
	o := s3Options{url: c.String("s3"), keep: c.Bool("s3-keep"), kmsKey: c.String("s3-kms-key")}
	const example = "for example --s3 s3://heap-evidence/ecsheap"
	switch {
	case o.url != "" && transfer != transferAuto && transfer != string(gate.S3):
		return o, &usageError{text: fmt.Sprintf("--s3 and --transfer %s contradict each other", transfer), hint: "drop one of them"}
	case o.url != "":
		_, err := bucket.ParseURL(o.url)
		return o, err
	case c.IsSet("s3"):
		return o, &usageError{text: "--s3 is empty", hint: example}
	case transfer == string(gate.S3):
		return o, &usageError{text: "--transfer s3 needs to know where to", hint: example}
	case o.keep, o.kmsKey != "":
		return o, &usageError{text: "--s3-keep and --s3-kms-key need --s3", hint: example}
	}
	return o, nil
}

// depot is the place in S3 through which snapshots come here.
type depot struct {
	u      *ui
	audit  *auditor
	bucket *bucket.Bucket
	keep   bool
	folder string          // below the prefix, of this capture
	about  bucket.Snapshot // what all its snapshots have in common
	n      int             // snapshots so far
	// optional says that the tunnel will do when the process cannot upload, which
	// is tried once.
	optional, closed bool
}

// openDepot proves that we may upload, before the process is touched. Without
// --s3 there is none.
func openDepot(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config, target capture.Target) (*depot, error) {
	if o.s3.url == "" {
		return nil, nil //nolint:nilnil // the nil *depot is none
	}
	location, err := bucket.ParseURL(o.s3.url)
	if err != nil {
		return nil, err
	}
	u.step("trying whether %s may be uploaded to", location)
	log := o.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b, err := bucket.Open(ctx, bucket.NewClient(cfg), location, bucket.Options{KMSKey: o.s3.kmsKey, Log: log})
	if err != nil {
		return nil, err
	}
	if err := b.Check(ctx); err != nil {
		return nil, err
	}
	folder := defaultDir("local", localTask, time.Now())
	if target.TaskARN != "" {
		folder = defaultDir(cmp.Or(target.Service, "task"), path.Base(target.TaskARN), time.Now())
	}
	return &depot{
		u: u, audit: o.audit, bucket: b, keep: o.s3.keep, optional: o.transfer == transferAuto,
		folder: folder,
		about:  bucket.Snapshot{Tool: "ecsheap " + version(), Task: target.TaskARN, Container: target.Container},
	}, nil
}

// open tells whether snapshots may go this way.
func (d *depot) open() bool { return d != nil && !d.closed }

// byS3 takes a snapshot on the disk of the process, which uploads it to S3, and
// fetches it from there. What S3 does not do the tunnel does, if it may: the process
// holds the snapshot, and has stood still for it.
func (p *inProcess) byS3(ctx context.Context, need int64, w io.Writer) (capture.Taken, error) {
	var url string
	way := gate.S3
	taken, err := p.held(ctx, guest.Disk, guest.TakeOptions{Need: need}, func(s guest.Shot) (err error) {
		got := &resumable{w: w}
		url, err = p.depot.fetch(ctx, p, s, got)
		if !p.depot.optional || ctx.Err() != nil || !isAs[*elsewhereError](err) {
			return err
		}
		p.u.warn(errorText(err), "the snapshot comes through the tunnel instead")
		p.depot.closed, way = true, gate.Disk
		got.again()
		return p.pull(ctx, s, got)
	})
	taken.Transfer, taken.S3 = string(way), url
	return taken, err
}

// fetch brings a snapshot here. It returns the URL of the object if it stays. After
// an *elsewhereError it may come another way.
func (d *depot) fetch(ctx context.Context, p *inProcess, shot guest.Shot, w *resumable) (url string, err error) {
	about, err := d.describe(ctx, p, shot)
	if err != nil {
		return "", err
	}
	up, err := d.bucket.Begin(ctx, about)
	if err != nil {
		return "", elsewhere(err)
	}
	undone := d.audit.did("upload to S3 begun", up.URL(), "s3:AbortMultipartUpload, or s3:DeleteObject once it is complete")
	object, err := d.upload(ctx, p, up, about.Codec, shot)
	if err != nil {
		d.giveUp(ctx, p, up, shot, undone)
		return "", err
	}
	if d.keep {
		d.u.step("%s stays in S3", object.URL())
		return object.URL(), d.download(ctx, object, about, w)
	}
	defer d.remove(ctx, object, undone)
	return "", d.download(ctx, object, about, w)
}

// giveUp ends an upload, also after ctx has: first in the process, so that no part
// arrives once those that are there are removed. undone is called when none is left.
func (d *depot) giveUp(ctx context.Context, p *inProcess, up *bucket.Upload, shot guest.Shot, undone func()) {
	d.u.step("removing what was uploaded from S3, once the parts on their way have arrived")
	scrapped := p.scrapParts(ctx, shot)
	err := cmp.Or(up.Abort(ctx), scrapped)
	if err == nil {
		undone()
		return
	}
	d.u.warn("parts of "+up.URL()+", with secrets of the heap, may be left in the bucket: "+errorText(err), "a lifecycle rule with AbortIncompleteMultipartUpload removes them")
}

// scrapParts has the process stop sending. Where our helper is gone nobody sends.
func (p *inProcess) scrapParts(ctx context.Context, shot guest.Shot) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	err := p.bound(ctx, func(g *guest.Guest) error { return g.ScrapParts(ctx, shot) })
	if isAs[*guest.GoneError](err) {
		return nil
	}
	return err
}

// elsewhereError says that S3, or a way to it, has failed: the process holds the
// snapshot as before.
type elsewhereError struct{ err error }

func (e *elsewhereError) Error() string { return e.err.Error() }
func (e *elsewhereError) Unwrap() error { return e.err }

// elsewhere makes one of an error; nil stays nil.
func elsewhere(err error) error {
	if err == nil {
		return nil
	}
	return &elsewhereError{err}
}

// resumable writes a snapshot that begins anew when a way has failed: what w has
// already is left out.
type resumable struct {
	w    io.Writer
	has  int64 // bytes that w has
	skip int64 // bytes of this try that w has
	err  error // of w
}

// again is called before the snapshot begins anew.
func (r *resumable) again() { r.skip = r.has }

func (r *resumable) Write(b []byte) (int, error) {
	skipped := min(int64(len(b)), r.skip)
	r.skip -= skipped
	if skipped == int64(len(b)) {
		return len(b), nil
	}
	n, err := r.w.Write(b[skipped:])
	r.has += int64(n)
	r.err = err
	return int(skipped) + n, err
}

// describe names the next object.
func (d *depot) describe(ctx context.Context, p *inProcess, shot guest.Shot) (bucket.Snapshot, error) {
	who, err := p.identity(ctx)
	if err != nil {
		return bucket.Snapshot{}, err
	}
	about := d.about
	if err := p.line.do(ctx, func(c *cdp.Conn) error { return c.Evaluate(ctx, codecExpression, &about.Codec) }); err != nil {
		return about, err
	}
	d.n++
	about.Name = fmt.Sprintf("%s/s%d.heapsnapshot%s", d.folder, d.n, codecSuffix[about.Codec])
	about.Node, about.Shot, about.PlainSize = who.NodeVersion, d.n, shot.Bytes
	return about, nil
}

// upload has the process send the snapshot, part by part.
func (d *depot) upload(ctx context.Context, p *inProcess, up *bucket.Upload, codec string, shot guest.Shot) (*bucket.Object, error) {
	d.u.step("the process uploads %s, compressed, to %s, and runs on", bytesText(shot.Bytes), up.URL())
	began := time.Now()
	parts, err := sendParts(ctx, p, up, codec, shot)
	if isAs[*guest.UploadError](err) {
		return nil, elsewhere(err)
	}
	if err != nil {
		return nil, err
	}
	object, err := up.Complete(ctx, parts)
	if err == nil {
		d.u.step("uploaded in %s, fetching it", durationText(time.Since(began)))
	}
	return object, elsewhere(err)
}

// sendParts has the process pack one part after the other, and send those that are
// ready meanwhile.
func sendParts(ctx context.Context, p *inProcess, up *bucket.Upload, codec string, shot guest.Shot) ([]bucket.Uploaded, error) {
	var etags []*string
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(1 + uploadsAtOnce)
	work.Go(func() error {
		for offset, last := int64(0), false; !last; {
			part, err := packPart(ctx, p, codec, shot, offset)
			if err != nil {
				return err
			}
			number, from, etag := len(etags)+1, offset, new(string)
			work.Go(func() (err error) { // waits for its turn
				*etag, err = sendPart(ctx, p, up, shot, number, from)
				return err
			})
			etags = append(etags, etag)
			offset, last = offset+part.Plain, part.Last
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return nil, err
	}
	parts := make([]bucket.Uploaded, len(etags))
	for i, etag := range etags {
		parts[i] = bucket.Uploaded{Number: i + 1, ETag: *etag}
	}
	return parts, nil
}

// packPart has the process pack the part that begins at an offset.
func packPart(ctx context.Context, p *inProcess, codec string, shot guest.Shot, offset int64) (part guest.Part, err error) {
	err = p.bound(ctx, func(g *guest.Guest) (err error) {
		part, err = g.PackPart(ctx, shot, offset, uploadPart)
		return err
	})
	if err == nil && (part.Codec != codec || part.Plain <= 0) {
		err = fmt.Errorf("uploading from the container: the part at %d has %d bytes as %q, not %q", offset, part.Plain, part.Codec, codec)
	}
	return part, err
}

// sendPart has the process send a part that it has packed, with a fresh URL for
// each try.
func sendPart(ctx context.Context, p *inProcess, up *bucket.Upload, shot guest.Shot, number int, offset int64) (etag string, err error) {
	pause := uploadPause
	for try := 1; ; try++ {
		err = p.bound(ctx, func(g *guest.Guest) error {
			part, err := up.Part(ctx, number)
			if err != nil {
				return elsewhere(err)
			}
			etag, err = g.SendPart(ctx, shot, offset, guest.Destination{URL: part.URL, Header: part.Header})
			return err
		})
		if try == uploadTries || !uploadPasses(err) {
			return etag, err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// uploadPasses tells whether an upload failed for a reason that may pass. A part that
// took ten minutes in vain is not sent again for as long.
func uploadPasses(err error) bool {
	var refused *guest.UploadError
	return errors.As(err, &refused) && refused.Code != guest.TooSlow && (refused.Status == 0 || refused.Status >= 500)
}

// remove deletes an object that is here now, or will not be.
func (d *depot) remove(ctx context.Context, object *bucket.Object, undone func()) {
	if err := object.Delete(ctx); err != nil {
		d.u.warn(errorText(err), "a copy of the heap, with its secrets, is left at "+object.URL()+": delete it")
		return
	}
	undone()
}

// download fetches an object, once more when the way broke off.
func (d *depot) download(ctx context.Context, object *bucket.Object, about bucket.Snapshot, w *resumable) error {
	for try := 1; ; try++ {
		err := download(ctx, object, about, w)
		if try == downloadTries || ctx.Err() != nil || !isAs[*elsewhereError](err) {
			return err
		}
		d.u.warn(errorText(err), "fetching it once more")
		w.again()
	}
}

// errExpanded ends a download that nobody reads any more.
var errExpanded = errors.New("nobody reads on")

// download writes an object, decompressed, to w, which is called from this
// goroutine alone. The error is an *elsewhereError unless it is that of w, or w has
// bytes that may be wrong.
func download(ctx context.Context, object *bucket.Object, about bucket.Snapshot, w *resumable) error {
	ctx, cancel := context.WithCancelCause(ctx)
	r, pipe := io.Pipe()
	var failed error // of the way here
	var wg sync.WaitGroup
	wg.Go(func() {
		_, failed = object.Download(ctx, pipe, bucket.DownloadOptions{})
		_ = pipe.CloseWithError(failed) // it never fails
	})
	n, err := expand(w, r, about.Codec)
	_ = r.CloseWithError(errExpanded) // nor does this
	cancel(errExpanded)
	wg.Wait()
	if err == nil && n != about.PlainSize {
		err = fmt.Errorf("it has %d bytes instead of %d", n, about.PlainSize)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("fetching %s: %w", object.URL(), err)
	broken := failed != nil && !errors.Is(failed, errExpanded)
	switch {
	case w.err != nil:
		return err
	case broken, w.has == 0:
		return elsewhere(err)
	default:
		return fmt.Errorf("%w; %s of it are written already, so no other way is tried", err, bytesText(w.has))
	}
}

// expand decompresses r to w and returns how many bytes w has got.
func expand(w io.Writer, r io.Reader, codec string) (int64, error) {
	if codec == "gzip" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return 0, err
		}
		return io.Copy(w, z) //nolint:gosec // a snapshot is as large as it is; capture watches the disk
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	return io.Copy(w, z)
}
