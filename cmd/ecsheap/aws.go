package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/smithy-go/logging"

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
	cfg, err := readAWS(ctx, u, o.profile, region)
	if err != nil {
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, &usageError{text: "no AWS region", hint: "give --region, or set AWS_REGION"}
	}
	if o.log != nil {
		cfg.Logger = sdkLog{o.log}
	}
	return cfg, haveLogin(ctx, cfg)
}

// readAWS reads the usual configuration of the SDK; without a region it has the
// profile's, or none.
func readAWS(ctx context.Context, u *ui, profile, region string) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awsHTTP()),
		config.WithLogger(logging.Nop{}), // its own writes to stderr, across a line that is being drawn
		config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) { a.TokenProvider = u.askMFA }),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, &usageError{text: "reading the AWS configuration: " + oneLine(err.Error()), hint: "check --profile and AWS_PROFILE; `aws configure list-profiles` shows what there is"}
	}
	return cfg, nil
}

// haveLogin asks for the credentials. Asked for before the first call, a missing
// login is one clear line instead of that call's wrapped error.
func haveLogin(ctx context.Context, cfg aws.Config) error {
	_, err := cfg.Credentials.Retrieve(ctx)
	if err == nil {
		return nil
	}
	if e := unreachable(err); e != nil { // a login may be there; its provider does not answer
		return because(ctx, &unreachableError{during: "getting credentials: ", host: e.host, err: e.err})
	}
	return because(ctx, &credentialsError{err: err})
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

	// keptConnections to one host outlast their calls: as many as are made at once.
	keptConnections = 16
)

// awsHTTP is the SDK's own HTTP client, with an end to all waiting.
func awsHTTP() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = answerTimeout
			t.MaxIdleConnsPerHost = keptConnections
		}).
		WithReadTimeout(answerTimeout)
}

// sdkLog has what the SDK has to say in the log of --debug.
type sdkLog struct{ log *slog.Logger }

// Logf is that of [logging.Logger].
func (l sdkLog) Logf(level logging.Classification, format string, args ...any) {
	l.log.Debug("the AWS SDK says", "level", string(level), "text", oneLine(fmt.Sprintf(format, args...)))
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
