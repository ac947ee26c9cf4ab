package s3test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestServerVerifiesSignatures has the server be worth its name: it takes what is
// signed with its secret and nothing else.
func TestServerVerifiesSignatures(t *testing.T) {
	s := Start(t)
	put := func(change func(*aws.Config)) error {
		cfg := s.Config()
		change(&cfg)
		_, err := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true; o.RetryMaxAttempts = 1 }).PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: aws.String(Bucket), Key: aws.String("a/b"), Body: bytes.NewReader([]byte("text")),
		})
		return err
	}
	for name, change := range map[string]func(*aws.Config){
		"wrong secret": func(c *aws.Config) {
			c.Credentials = credentials.NewStaticCredentialsProvider(accessKey, "another", "")
		},
		"wrong region": func(c *aws.Config) { c.Region = "us-west-2" },
	} {
		if err := put(change); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	answer, err := http.Get(s.URL + "/" + Bucket + "/a/b")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("without a signature: %s", answer.Status)
	}
	if files := s.Files(t); len(files) != 0 {
		t.Errorf("in the bucket: %q", files)
	}
	if err := put(func(*aws.Config) {}); err != nil {
		t.Error(err)
	}
	if files := s.Files(t); !slices.Equal(files, []string{"a/b"}) {
		t.Errorf("in the bucket: %q", files)
	}
}
