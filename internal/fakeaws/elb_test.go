package fakeaws

import (
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func elbClient(s *Server) *awselb.Client {
	return awselb.NewFromConfig(awsConfig(s, accessKeyID, defaultRegion))
}

// balancedWorld is a service of two tasks behind one target group, and a second group of no service.
func balancedWorld(t *testing.T) (s *Server, used, other string) {
	t.Helper()
	s = start(t, Config{})
	used = s.AddTargetGroup(TargetGroup{Name: "api", Port: 3000, Path: "/health", Interval: 15, Timeout: 6, Unhealthy: 3, State: "unhealthy"})
	other = s.AddTargetGroup(TargetGroup{Name: "other"})
	s.AddService(Service{Cluster: "prod", Name: "api", LoadBalancers: []LoadBalancer{{TargetGroup: used, Container: "web", Port: 3000}}})
	for range 2 {
		s.AddTask(Task{Cluster: "prod", Service: "api", Containers: []Container{{Name: "web"}}})
	}
	s.AddTask(Task{Cluster: "prod", Service: "api", LastStatus: "PENDING", Containers: []Container{{Name: "web"}}})
	s.AddTask(Task{Cluster: "prod", Service: "batch", Containers: []Container{{Name: "web"}}})
	return s, used, other
}

func TestDescribeTargetGroups(t *testing.T) {
	s, used, other := balancedWorld(t)
	client := elbClient(s)
	tests := map[string]struct {
		in   awselb.DescribeTargetGroupsInput
		want []string
		code string
	}{
		"all":      {want: []string{used, other}},
		"by ARN":   {in: awselb.DescribeTargetGroupsInput{TargetGroupArns: []string{other, used}}, want: []string{other, used}},
		"by name":  {in: awselb.DescribeTargetGroupsInput{Names: []string{"api"}}, want: []string{used}},
		"no such":  {in: awselb.DescribeTargetGroupsInput{Names: []string{"api", "none"}}, code: "TargetGroupNotFound"},
		"both":     {in: awselb.DescribeTargetGroupsInput{Names: []string{"api"}, TargetGroupArns: []string{used}}, code: "ValidationError"},
		"page":     {in: awselb.DescribeTargetGroupsInput{PageSize: aws.Int32(1)}, want: []string{used}},
		"bad page": {in: awselb.DescribeTargetGroupsInput{PageSize: aws.Int32(401)}, code: "ValidationError"},
		"marker":   {in: awselb.DescribeTargetGroupsInput{Marker: aws.String(pageToken(1))}, want: []string{other}},
		"bad mark": {in: awselb.DescribeTargetGroupsInput{Marker: aws.String("x")}, code: "ValidationError"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := client.DescribeTargetGroups(t.Context(), &tt.in)
			if errorCode(err) != tt.code {
				t.Fatalf("got %v, want code %q", err, tt.code)
			}
			if err != nil {
				return
			}
			var got []string
			for _, g := range out.TargetGroups {
				got = append(got, aws.ToString(g.TargetGroupArn))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if more := out.NextMarker != nil; more != (name == "page") {
				t.Errorf("next marker %v", out.NextMarker)
			}
		})
	}
}

// TestTargetGroupIsFilled looks at every field that the fake knows, through the SDK's own reader.
func TestTargetGroupIsFilled(t *testing.T) {
	s, used, _ := balancedWorld(t)
	out, err := elbClient(s).DescribeTargetGroups(t.Context(), &awselb.DescribeTargetGroupsInput{TargetGroupArns: []string{used}})
	if err != nil {
		t.Fatal(err)
	}
	g := out.TargetGroups[0]
	if aws.ToString(g.TargetGroupName) != "api" || aws.ToInt32(g.Port) != 3000 || g.Protocol != elbtypes.ProtocolEnumHttp ||
		g.TargetType != elbtypes.TargetTypeEnumIp || g.VpcId == nil || g.IpAddressType != elbtypes.TargetGroupIpAddressTypeEnumIpv4 {
		t.Errorf("got %+v", g)
	}
	if !aws.ToBool(g.HealthCheckEnabled) || aws.ToString(g.HealthCheckPath) != "/health" || aws.ToInt32(g.HealthCheckIntervalSeconds) != 15 ||
		aws.ToInt32(g.HealthCheckTimeoutSeconds) != 6 || aws.ToInt32(g.UnhealthyThresholdCount) != 3 || aws.ToInt32(g.HealthyThresholdCount) != 5 ||
		aws.ToString(g.Matcher.HttpCode) != "200" {
		t.Errorf("health check of %+v", g)
	}
}

func TestDescribeTargetHealth(t *testing.T) {
	s, used, other := balancedWorld(t)
	client := elbClient(s)
	out, err := client.DescribeTargetHealth(t.Context(), &awselb.DescribeTargetHealthInput{TargetGroupArn: &used})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(out.TargetHealthDescriptions); n != 2 {
		t.Fatalf("%d targets, want the 2 running tasks", n)
	}
	first, second := out.TargetHealthDescriptions[0], out.TargetHealthDescriptions[1]
	if aws.ToString(first.Target.Id) == aws.ToString(second.Target.Id) || aws.ToInt32(first.Target.Port) != 3000 {
		t.Errorf("targets %+v and %+v", first.Target, second.Target)
	}
	if first.TargetHealth.State != elbtypes.TargetHealthStateEnumUnhealthy || first.TargetHealth.Reason != elbtypes.TargetHealthReasonEnumTimeout {
		t.Errorf("health %+v", first.TargetHealth)
	}
	if out, err := client.DescribeTargetHealth(t.Context(), &awselb.DescribeTargetHealthInput{TargetGroupArn: &other}); err != nil || len(out.TargetHealthDescriptions) != 0 {
		t.Errorf("group of no service: %+v, %v", out, err)
	}
	_, err = client.DescribeTargetHealth(t.Context(), &awselb.DescribeTargetHealthInput{TargetGroupArn: aws.String("arn:none")})
	if errorCode(err) != "TargetGroupNotFound" {
		t.Errorf("got %v", err)
	}
}

// TestBalancedService looks at what ECS says of load balancers and health checks.
func TestBalancedService(t *testing.T) {
	s, used, _ := balancedWorld(t)
	s.AddTask(Task{Cluster: "prod", Family: "checked", Containers: []Container{{Name: "web", HealthCheck: &HealthCheck{Command: []string{"CMD", "true"}, Interval: 7}}}})
	client := awsecs.NewFromConfig(awsConfig(s, accessKeyID, defaultRegion))
	out, err := client.DescribeServices(t.Context(), &awsecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	lbs := out.Services[0].LoadBalancers
	if len(lbs) != 1 || aws.ToString(lbs[0].TargetGroupArn) != used || aws.ToString(lbs[0].ContainerName) != "web" || aws.ToInt32(lbs[0].ContainerPort) != 3000 {
		t.Errorf("load balancers %+v", lbs)
	}
	definition, err := client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("checked")})
	if err != nil {
		t.Fatal(err)
	}
	h := definition.TaskDefinition.ContainerDefinitions[0].HealthCheck
	if h == nil || aws.ToInt32(h.Interval) != 7 || aws.ToInt32(h.Timeout) != 5 || aws.ToInt32(h.Retries) != 3 {
		t.Errorf("health check %+v", h)
	}
}

func TestBalancersAuthorization(t *testing.T) {
	s, _, _ := balancedWorld(t)
	expired := awselb.NewFromConfig(awsConfig(s, expiredAccessKey, defaultRegion))
	if _, err := expired.DescribeTargetGroups(t.Context(), &awselb.DescribeTargetGroupsInput{}); errorCode(err) != "ExpiredToken" {
		t.Errorf("expired: %v", err)
	}
	if out, err := awselb.NewFromConfig(awsConfig(s, accessKeyID, "us-east-2")).DescribeTargetGroups(t.Context(), &awselb.DescribeTargetGroupsInput{}); err != nil || len(out.TargetGroups) != 0 {
		t.Errorf("another region: %+v, %v", out, err)
	}
	s.Fault(Fault{Operation: "elasticloadbalancing.DescribeTargetGroups", Code: "AccessDenied", Status: http.StatusForbidden})
	if _, err := elbClient(s).DescribeTargetGroups(t.Context(), &awselb.DescribeTargetGroupsInput{}); errorCode(err) != "AccessDenied" {
		t.Errorf("denied: %v", err)
	}
	if last := s.Calls()[0]; last.Action != "elasticloadbalancing:DescribeTargetGroups" || last.Err != "ExpiredToken" {
		t.Errorf("recorded %+v", last)
	}
}
