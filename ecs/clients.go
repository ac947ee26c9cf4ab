package ecs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

// Clients are what the facts are asked of.
type Clients struct {
	ECS     *awsecs.Client
	SSM     *awsssm.Client
	STS     *awssts.Client
	IAM     *awsiam.Client
	ELB     *awselb.Client
	Scaling *awsscaling.Client
	Metrics *awscloudwatch.Client
	EC2     *EC2
}

// NewClients makes the clients from one configuration.
func NewClients(cfg aws.Config) *Clients {
	return &Clients{
		ECS: awsecs.NewFromConfig(cfg), SSM: awsssm.NewFromConfig(cfg), STS: awssts.NewFromConfig(cfg), IAM: awsiam.NewFromConfig(cfg),
		ELB: awselb.NewFromConfig(cfg), Scaling: awsscaling.NewFromConfig(cfg), Metrics: awscloudwatch.NewFromConfig(cfg), EC2: NewEC2(cfg),
	}
}

// Count has every client that is made of the configuration from now on count its calls.
func Count(cfg *aws.Config) *Calls {
	c := &Calls{of: map[string]int{}}
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), c.watch)
	return c
}

// Calls counts calls to AWS, by "service:Operation". What the SDK tries again counts
// once.
type Calls struct {
	mu sync.Mutex
	of map[string]int
}

// watch puts the count at the beginning of a client's way to AWS.
func (c *Calls) watch(stack *middleware.Stack) error {
	err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ecsheapCalls", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		c.count(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
	if err != nil {
		return fmt.Errorf("counting calls: %w", err)
	}
	return nil
}

func (c *Calls) count(service, operation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[strings.ToLower(strings.ReplaceAll(service, " ", ""))+":"+operation]++
}

// All returns the counts so far.
func (c *Calls) All() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}
