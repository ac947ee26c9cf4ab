package bucket

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPrefix is the longest prefix, in bytes: keys have 1024 (Amazon S3 user
// guide, "Naming Amazon S3 objects"), and the rest is for the name of the capture and
// of its files.
const maxPrefix = 512

// bucketName is what the Amazon S3 user guide allows, "General purpose bucket
// naming rules"; aliases of access points look the same.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Location is a bucket and a prefix in it.
type Location struct {
	Bucket string
	Prefix string // without a slash at its ends, may be ""
}

// ParseURL reads s3://bucket/prefix. Errors: *URLError.
func ParseURL(text string) (Location, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !strings.EqualFold(scheme, "s3") {
		// The text is not shown: it may be a presigned URL.
		return Location{}, &URLError{Problem: "it does not begin with s3://"}
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(bucket, "arn:") {
		return Location{}, &URLError{Problem: "it has an ARN in place of a bucket"}
	}
	if !bucketName.MatchString(bucket) {
		return Location{}, &URLError{Problem: "it names no bucket: names have 3 to 63 small letters, digits, dots and hyphens"}
	}
	prefix = strings.Trim(prefix, "/")
	if problem := prefixProblem(prefix); problem != "" {
		return Location{}, &URLError{Problem: problem}
	}
	return Location{Bucket: bucket, Prefix: prefix}, nil
}

// prefixProblem says why a prefix is none, "" if it is one. S3 would take what is
// refused here, but tools that mirror a bucket into a file system would not.
func prefixProblem(prefix string) string {
	switch {
	case prefix == "":
		return ""
	case len(prefix) > maxPrefix:
		return "its prefix is too long"
	case !utf8.ValidString(prefix) || strings.ContainsFunc(prefix, unicode.IsControl) || strings.Contains(prefix, `\`):
		return "its prefix has characters that do not belong into a name"
	case path.Clean(prefix) != prefix || prefix == ".." || strings.HasPrefix(prefix, "../") || prefix == ".":
		return "its prefix is no plain path"
	}
	return ""
}

// String returns s3://bucket/prefix.
func (l Location) String() string {
	if l.Prefix == "" {
		return "s3://" + l.Bucket
	}
	return "s3://" + l.Bucket + "/" + l.Prefix
}

// key returns the key of an object below the prefix.
func (l Location) key(name string) string { return path.Join(l.Prefix, name) }

// URL returns the s3:// URL of an object below the prefix.
func (l Location) URL(name string) string { return "s3://" + l.Bucket + "/" + l.key(name) }
