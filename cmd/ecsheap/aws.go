package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"

	"github.com/ecsheap/ecsheap/ecs"
)

// loadAWS reads the usual configuration of the SDK. The region of an ARN or an
// address wins over the profile's, and must not contradict --region.
func loadAWS(ctx context.Context, u *ui, o targetOptions) (aws.Config, error) {
	region, by, err := o.query.Region()
	switch {
	case err != nil:
		return aws.Config{}, err
	case region == "":
		region = o.region
	case o.region != "" && o.region != region:
		return aws.Config{}, &ecs.ContradictionError{Flag: "region", Given: o.region, By: by, What: "region", Told: region}
	}
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awsHTTP()),
		config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) { a.TokenProvider = u.askMFA }),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	if o.profile != "" {
		options = append(options, config.WithSharedConfigProfile(o.profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, &usageError{text: "reading the AWS configuration: " + oneLine(err.Error()), hint: "check --profile and AWS_PROFILE; `aws configure list-profiles` shows what there is"}
	}
	if cfg.Region == "" {
		return cfg, &usageError{text: "no AWS region", hint: "give --region, or set AWS_REGION"}
	}
	// Asked for here, a missing login is one clear line instead of the first
	// call's wrapped error.
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if e := unreachable(err); e != nil { // a login may be there; its provider does not answer
			return cfg, because(ctx, &unreachableError{during: "getting credentials: ", host: e.host, err: e.err})
		}
		return cfg, because(ctx, &credentialsError{err: err})
	}
	return cfg, nil
}

const (
	// connectTimeout is for one connection to AWS: a SYN that is lost is sent
	// again after 1, 3 and 7 seconds.
	connectTimeout = 10 * time.Second

	// answerTimeout is from a request to its answer, and from one byte of that
	// to the next. No call that we make waits for anything at AWS: they take less
	// than a second. Without a limit, which the SDK does not set by itself, an
	// endpoint that never answers would hold us for ever. The SDK tries again
	// twice after it.
	answerTimeout = 10 * time.Second
)

// awsHTTP is the SDK's own HTTP client, with an end to all waiting.
func awsHTTP() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
		WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = answerTimeout }).
		WithReadTimeout(answerTimeout)
}

// askMFA asks for the code of a profile with an MFA device, on a terminal only.
func (u *ui) askMFA() (string, error) {
	if !u.prompt {
		return "", errors.New("the profile needs an MFA code and there is no terminal to ask for it")
	}
	fmt.Fprint(u.err, "ecsheap: MFA code: ")
	line, err := bufio.NewReader(u.in).ReadString('\n')
	return strings.TrimSpace(line), err
}

// debugLog is the logger for --debug, nil otherwise.
func debugLog(u *ui, on bool) *slog.Logger {
	if !on {
		return nil
	}
	return slog.New(slog.NewTextHandler(debugWriter{u}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// debugWriter passes log lines through the goroutine that owns stderr.
type debugWriter struct{ u *ui }

func (w debugWriter) Write(p []byte) (int, error) {
	w.u.ops <- printable(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// runReason is what AWS records with our sessions. It starts with reasonPrefix
// and names the process, so that a later run can tell what a killed one left.
func runReason(command string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s%s on %s, pid %d", reasonPrefix, command, host, os.Getpid())
}

const reasonPrefix = "ecsheap "
