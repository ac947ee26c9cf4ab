package ecs

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/ec2query"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// EC2 asks EC2 for the five things that the checks of the network need. The SDK's own
// package for EC2 takes minutes to compile, so this is a client of five operations on
// the SDK's stack: its retries, its signer, its HTTP client, its way to find endpoints
// (docs/decisions/0008-own-client-of-ec2.md).
type EC2 struct {
	cfg      aws.Config
	retryer  aws.Retryer
	signer   *v4.Signer
	endpoint string // of the configuration, "" for that of the region
}

// NewEC2 makes a client of the configuration.
func NewEC2(cfg aws.Config) *EC2 {
	c := &EC2{cfg: cfg, signer: v4.NewSigner(), endpoint: configuredEndpoint(cfg)}
	if c.cfg.HTTPClient == nil {
		c.cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	switch {
	case cfg.Retryer != nil:
		c.retryer = cfg.Retryer()
	case cfg.RetryMode == aws.RetryModeAdaptive:
		c.retryer = retry.NewAdaptiveMode()
	default:
		c.retryer = retry.NewStandard()
	}
	if cfg.RetryMaxAttempts > 0 {
		c.retryer = retry.AddWithMaxAttempts(c.retryer, cfg.RetryMaxAttempts)
	}
	return c
}

const (
	ec2ID      = "EC2"
	ec2Signing = "ec2"
	ec2Version = "2016-11-15"

	// maxEC2Answer bounds an answer: a page of 1000 security groups has about 5 MB.
	maxEC2Answer = 32 << 20

	// maxEC2Pages bounds the pages of a list.
	maxEC2Pages = 100
)

// configuredEndpoint is where the environment or the shared configuration send EC2's
// calls, as the clients of the SDK read them: the service's own address wins.
func configuredEndpoint(cfg aws.Config) string {
	_, all := os.LookupEnv("AWS_ENDPOINT_URL")
	_, own := os.LookupEnv("AWS_ENDPOINT_URL_EC2")
	for _, source := range cfg.ConfigSources {
		ignoring, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		})
		if !ok {
			continue
		}
		if ignore, found, err := ignoring.GetIgnoreConfiguredEndpoints(context.Background()); err == nil && found && ignore {
			return aws.ToString(cfg.BaseEndpoint)
		}
	}
	if all && !own {
		return aws.ToString(cfg.BaseEndpoint)
	}
	for _, source := range cfg.ConfigSources {
		provider, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if address, found, err := provider.GetServiceBaseEndpoint(context.Background(), ec2ID); err == nil && found {
			return address
		}
	}
	return aws.ToString(cfg.BaseEndpoint)
}

// address is the endpoint. The partitions and their domains are in the rules of every
// service of the SDK: those of Elastic Load Balancing name the host of EC2 but for its
// first label, with FIPS and dual stack as without.
func (c *EC2) address(ctx context.Context) (*url.URL, error) {
	if c.endpoint != "" {
		return url.Parse(c.endpoint)
	}
	fips, dual := c.variants(ctx)
	e, err := awselb.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, awselb.EndpointParameters{Region: aws.String(c.cfg.Region), UseFIPS: &fips, UseDualStack: &dual})
	if err != nil {
		return nil, fmt.Errorf("finding the endpoint of EC2: %w", err)
	}
	u := e.URI
	u.Host = strings.Replace(u.Host, "elasticloadbalancing", ec2Signing, 1)
	return &u, nil
}

// variants tells whether the configuration wants FIPS or dual-stack endpoints.
func (c *EC2) variants(ctx context.Context) (fips, dual bool) {
	for _, source := range c.cfg.ConfigSources {
		if p, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			state, found, err := p.GetUseFIPSEndpoint(ctx)
			fips = fips || err == nil && found && state == aws.FIPSEndpointStateEnabled
		}
		if p, ok := source.(interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}); ok {
			state, found, err := p.GetUseDualStackEndpoint(ctx)
			dual = dual || err == nil && found && state == aws.DualStackEndpointStateEnabled
		}
	}
	return fips, dual
}

// describe calls an operation until its last page, and has each page read into a value
// that page returns. The value tells the token of the next.
func (c *EC2) describe(ctx context.Context, operation string, form url.Values, page func() interface{ next() string }) error {
	form = cloneForm(form)
	form.Set("Action", operation)
	form.Set("Version", ec2Version)
	for range maxEC2Pages {
		into := page()
		if err := c.call(ctx, operation, form, into); err != nil {
			return err
		}
		token := into.next()
		if token == "" {
			return nil
		}
		form.Set("NextToken", token)
	}
	return fmt.Errorf("%s:%s has more than %d pages", ec2Signing, operation, maxEC2Pages)
}

func cloneForm(form url.Values) url.Values {
	out := url.Values{}
	for key, values := range form {
		out[key] = slices.Clone(values)
	}
	return out
}

// filters is a request for what one of the values of each filter fits.
func filters(pairs ...[]string) url.Values {
	form := url.Values{}
	for i, p := range pairs {
		prefix := "Filter." + strconv.Itoa(i+1)
		form.Set(prefix+".Name", p[0])
		for n, value := range p[1:] {
			form.Set(prefix+".Value."+strconv.Itoa(n+1), value)
		}
	}
	return form
}

// call makes one call.
func (c *EC2) call(ctx context.Context, operation string, form url.Values, into any) error {
	ctx = middleware.ClearStackValues(ctx)
	ctx = middleware.WithServiceID(ctx, ec2ID)
	ctx = middleware.WithOperationName(ctx, operation)
	ctx = awsmiddleware.SetServiceID(ctx, ec2ID)
	stack := middleware.NewStack(operation, smithyhttp.NewStackRequest)
	err := c.fill(stack, form, into)
	for _, option := range c.cfg.APIOptions {
		if err == nil {
			err = option(stack)
		}
	}
	if err == nil {
		_, _, err = middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(c.cfg.HTTPClient), stack).Handle(ctx, form)
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: ec2ID, OperationName: operation, Err: err}
	}
	return nil
}

// fill puts the steps of a call on its stack.
func (c *EC2) fill(stack *middleware.Stack, form url.Values, into any) error {
	for _, add := range []func() error{
		func() error {
			return stack.Initialize.Add(&awsmiddleware.RegisterServiceMetadata{Region: c.cfg.Region, ServiceID: ec2ID, SigningName: ec2Signing, OperationName: stack.ID()}, middleware.Before)
		},
		func() error {
			return stack.Serialize.Add(middleware.SerializeMiddlewareFunc("OperationSerializer", c.serialize(form)), middleware.After)
		},
		func() error {
			return awsmiddleware.AddSDKAgentKeyValue(awsmiddleware.APIMetadata, ec2Signing, ec2Version)(stack)
		},
		func() error {
			return stack.Finalize.Add(retry.NewAttemptMiddleware(c.retryer, smithyhttp.RequestCloner), middleware.After)
		},
		func() error { return stack.Finalize.Add(&v4.ComputePayloadSHA256{}, middleware.After) },
		func() error {
			return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Signing", c.sign), middleware.After)
		},
		func() error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("OperationDeserializer", deserialize(into)), middleware.After)
		},
		func() error { return awsmiddleware.AddRequestIDRetrieverMiddleware(stack) },
		func() error { return awshttp.AddResponseErrorMiddleware(stack) },
	} {
		if err := add(); err != nil {
			return fmt.Errorf("preparing a call: %w", err)
		}
	}
	return nil
}

// serialize writes the request.
func (c *EC2) serialize(form url.Values) func(context.Context, middleware.SerializeInput, middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
	return func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, metadata, fmt.Errorf("a request of type %T", in.Request)
		}
		if request.URL, err = c.address(ctx); err != nil {
			return out, metadata, err
		}
		if request.URL.Path == "" {
			request.URL.Path = "/"
		}
		request.Method = http.MethodPost
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if in.Request, err = request.SetStream(strings.NewReader(form.Encode())); err != nil {
			return out, metadata, err
		}
		return next.HandleSerialize(ctx, in)
	}
}

// sign signs each attempt.
func (c *EC2) sign(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
	request, ok := in.Request.(*smithyhttp.Request)
	if !ok || c.cfg.Credentials == nil {
		return out, metadata, &v4.SigningError{Err: fmt.Errorf("no credentials, or a request of type %T", in.Request)}
	}
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err == nil {
		err = c.signer.SignHTTP(ctx, credentials, request.Request, v4.GetPayloadHash(ctx), ec2Signing, c.cfg.Region, time.Now())
	}
	if err != nil {
		return out, metadata, &v4.SigningError{Err: err}
	}
	return next.HandleFinalize(ctx, in)
}

// deserialize reads the answer.
func deserialize(into any) func(context.Context, middleware.DeserializeInput, middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	return func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		if out, metadata, err = next.HandleDeserialize(ctx, in); err != nil {
			return out, metadata, err
		}
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok {
			return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("an answer of type %T", out.RawResponse)}
		}
		defer func() { smithyhttp.CloseResponseBody(ctx, response, false, err) }()
		body, err := io.ReadAll(io.LimitReader(response.Body, maxEC2Answer))
		if err != nil {
			return out, metadata, &smithy.DeserializationError{Err: err}
		}
		if response.StatusCode < 200 || response.StatusCode > 299 {
			return out, metadata, refusal(body)
		}
		if err := xml.Unmarshal(body, into); err != nil {
			return out, metadata, &smithy.DeserializationError{Err: err, Snapshot: body[:min(len(body), 1024)]}
		}
		out.Result = into
		return out, metadata, nil
	}
}

// refusal is the error in an answer.
func refusal(body []byte) error {
	e, err := ec2query.GetErrorResponseComponents(bytes.NewReader(body))
	if err != nil || e.Code == "" {
		return &smithy.GenericAPIError{Code: "UnknownError", Message: "EC2 gives no reason"}
	}
	return &smithy.GenericAPIError{Code: e.Code, Message: e.Message}
}
