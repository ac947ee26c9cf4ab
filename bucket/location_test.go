package bucket

import (
	"errors"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	tests := []struct{ in, bucket, prefix string }{
		{"s3://heap-evidence/ecsheap", "heap-evidence", "ecsheap"},
		{"S3://heap-evidence/a/b/", "heap-evidence", "a/b"},
		{"s3://heap-evidence", "heap-evidence", ""},
		{"s3://heap-evidence/", "heap-evidence", ""},
		{"s3://my.bucket.1/what? #1 %20 ü", "my.bucket.1", "what? #1 %20 ü"},
		{"s3://alias-abc123-s3alias/x", "alias-abc123-s3alias", "x"},
	}
	for _, tt := range tests {
		got, err := ParseURL(tt.in)
		if err != nil || got.Bucket != tt.bucket || got.Prefix != tt.prefix {
			t.Errorf("ParseURL(%q) = %+v, %v", tt.in, got, err)
		}
		if want := strings.TrimSuffix(got.String(), "/") + "/s1"; got.URL("s1") != want {
			t.Errorf("%q: URL %s, want %s", tt.in, got.URL("s1"), want)
		}
	}
	for _, in := range []string{
		"", "heap-evidence/ecsheap", "https://heap-evidence.s3.amazonaws.com/x?X-Amz-Signature=secret", "s3:/heap-evidence", "s3:///x", "s3://ab/x",
		"s3://Upper/x", "s3://under_score/x", "s3://-dash/x", "s3://bucket:80/x", "s3://user@bucket/x", "s3://arn:aws:s3:::bucket/x", "s3://" + strings.Repeat("b", 64) + "/x",
		"s3://bucket/a//b", "s3://bucket/../b", "s3://bucket/a/../../b", "s3://bucket/./b", "s3://bucket/a\nb", "s3://bucket/a\\b", "s3://bucket/\xff",
		"s3://bucket/" + strings.Repeat("p", maxPrefix+1),
	} {
		_, err := ParseURL(in)
		if e, ok := errors.AsType[*URLError](err); !ok || e.Hint() == "" {
			t.Errorf("ParseURL(%q): %v", in, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret in the error: %v", err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"s3://heap-evidence/a/b", "s3://bucket", "s3://bucket/a/../b", "S3://a.b/\x00", "s3://bucket/ü/%2e%2e", "https://x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseURL(s)
		if err != nil {
			return
		}
		if again, err := ParseURL(l.String()); err != nil || again != l {
			t.Errorf("%q is %+v, which is written as %s and read as %+v, %v", s, l, l, again, err)
		}
		if key := l.key("s1"); strings.HasPrefix(key, "/") || strings.Contains(key, "//") || !strings.HasSuffix(key, "s1") || strings.Contains("/"+key+"/", "/../") {
			t.Errorf("%q has the key %q", s, key)
		}
	})
}
