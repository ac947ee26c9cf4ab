// Package s3test starts an S3 server that verifies signatures: versitygw, on a
// port of 127.0.0.1 and a directory of the test.
//
//	s := s3test.Start(t)
//	client := bucket.NewClient(s.Config())
//
// scripts/versitygw.sh installs it; a test without it is skipped, and fails under
// CI=true.
package s3test

import (
	"bytes"
	_ "embed" // the version
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

//go:embed version.txt
var version string

const (
	// Region is the only region of the server: it takes signatures for no other.
	Region = "eu-west-1"

	// Bucket is there from the start.
	Bucket = "heap-evidence"

	accessKey = "TESTTESTTESTTESTTEST"
	secretKey = "secret-of-the-test-server"

	// startTimeout is generous: the binary is large and the machines of CI are slow.
	startTimeout = 30 * time.Second
	startTick    = 20 * time.Millisecond

	// startTries is how often another port is tried, when somebody takes the one
	// that was free.
	startTries = 3

	healthPath = "/health"
)

// Server is a running S3 server. It ends with the test.
type Server struct {
	// URL is the endpoint, http://127.0.0.1:PORT.
	URL string
	// Dir holds a directory for each bucket, with the objects as files. What
	// begins with a dot is the server's own.
	Dir string
}

// Start starts a server with one empty bucket.
func Start(t testing.TB) *Server {
	t.Helper()
	tools, err := nodetest.Tools()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(tools, "bin", "versitygw-"+strings.TrimSpace(version))
	if _, err := os.Stat(program); err != nil {
		nodetest.Missing(t, "versitygw is not installed", "run scripts/versitygw.sh")
	}
	s := &Server{Dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.Dir, Bucket), 0o700); err != nil {
		t.Fatal(err)
	}
	for range startTries {
		if s.run(t, program) {
			return s
		}
	}
	t.Fatal("versitygw does not start")
	return nil
}

// Config is the configuration of an SDK that uses the server, with the defaults of
// config.LoadDefaultConfig for checksums.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(s.URL),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}
}

// Env is the environment of a program that uses the server for S3.
func (s *Server) Env() []string {
	return []string{"AWS_ENDPOINT_URL_S3=" + s.URL, "AWS_REGION=" + Region, "AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey}
}

// Files returns what is in the bucket, with the server's own of what is not yet an
// object: paths below it, sorted.
func (s *Server) Files(t testing.TB) []string {
	t.Helper()
	root := filepath.Join(s.Dir, Bucket)
	files := []string{}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(root, path) // path is below root
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// run starts the program on a port that is free now, and says whether it came up.
func (s *Server) run(t testing.TB, program string) bool {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	var output safeBuffer
	cmd := exec.Command(program, "--quiet", "--port", address, "--region", Region, "--health", healthPath, "posix", s.Dir)
	cmd.Env = []string{"ROOT_ACCESS_KEY_ID=" + accessKey, "ROOT_SECRET_ACCESS_KEY=" + secretKey, "ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey, "HOME=" + s.Dir}
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed in the end
		close(ended)
	}()
	if !healthy("http://"+address+healthPath, ended) {
		_ = cmd.Process.Kill() // unless it has ended
		<-ended
		t.Logf("versitygw on %s: %s", address, output.String())
		return false
	}
	s.URL = "http://" + address
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // unless it has ended; it has nothing to save
		<-ended
	})
	return true
}

// healthy waits until the server answers. ended closes when there is none any more.
func healthy(url string, ended <-chan struct{}) bool {
	client := &http.Client{Timeout: startTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(startTick)
	defer ticker.Stop()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		case <-ticker.C:
		}
		answer, err := client.Get(url)
		if err == nil {
			answer.Body.Close()
			return answer.StatusCode == http.StatusOK
		}
	}
	return false
}

// safeBuffer is written by the process and read by the test.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
