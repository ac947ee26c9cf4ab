package ecs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestEC2 reads what a VPC has in it.
func TestEC2(t *testing.T) {
	server, clients, target := sound(t)
	vpc, subnet := "", ""
	server.UpdateVPC(func(v *fakeaws.VPC) {
		vpc, subnet = v.ID, v.Subnets[0].ID
		v.RouteTables = []fakeaws.RouteTable{
			{ID: "rtb-main", Main: true, Routes: []fakeaws.Route{{Destination: "10.0.0.0/16", Target: "local"}}},
			{ID: "rtb-own", Subnets: []string{subnet}, Routes: []fakeaws.Route{
				{Destination: "0.0.0.0/0", Target: "tgw-1", State: "blackhole"}, {Destination: "::/0", Target: "eigw-1"}, {Destination: "pl-1", Target: "vpce-1"},
			}},
		}
		v.SecurityGroups = append(v.SecurityGroups, fakeaws.SecurityGroup{ID: "sg-2", Name: "x", Ingress: []fakeaws.Rule{
			{From: 443, To: 443, Groups: []string{"sg-3"}}, {Protocol: "-1", CIDRs: []string{"10.0.0.0/8", "fd00::/8"}, PrefixLists: []string{"pl-1"}},
		}})
		v.Endpoints = []fakeaws.Endpoint{{ID: "vpce-2", Service: "com.amazonaws.eu-west-1.ssmmessages", State: "pending", PrivateDNSOff: true, SecurityGroups: []string{"sg-2"}}}
	})
	ctx, ec2, found := t.Context(), clients.EC2, target()
	i, err := ec2.Interfaces(ctx, []string{"eni-gone", found.attached("networkInterfaceId")})
	want(t, err, i, []Interface{{ID: found.attached("networkInterfaceId"), Subnet: subnet, VPC: vpc, Owner: "111122223333", Groups: []string{"sg-0123456789abcdef0"}}})
	s, err := ec2.Subnets(ctx, []string{subnet, "subnet-gone"})
	want(t, err, s, []Subnet{{ID: subnet, VPC: vpc, Owner: "111122223333"}})
	tables, err := ec2.RouteTables(ctx, vpc)
	want(t, err, tables, []RouteTable{
		{ID: "rtb-main", Main: true, Routes: []Route{{"10.0.0.0/16", "local", true}}},
		{ID: "rtb-own", For: []string{subnet}, Routes: []Route{{"0.0.0.0/0", "tgw-1", false}, {"::/0", "eigw-1", true}, {"pl-1", "vpce-1", true}}},
	})
	endpoints, err := ec2.Endpoints(ctx, vpc)
	want(t, err, endpoints, []Endpoint{{ID: "vpce-2", Service: "com.amazonaws.eu-west-1.ssmmessages", State: "pending", Groups: []string{"sg-2"}}})
	groups, err := ec2.SecurityGroups(ctx, []string{"sg-2", "sg-gone"})
	want(t, err, groups, []SecurityGroup{{ID: "sg-2", Ingress: []Permission{
		{Protocol: "tcp", From: 443, To: 443, Groups: []string{"sg-3"}}, {Protocol: "-1", CIDRs: []string{"10.0.0.0/8", "fd00::/8"}, Lists: []string{"pl-1"}},
	}}})
	server.Fault(fakeaws.Fault{Operation: "ec2.DescribeSubnets", Code: "InvalidSubnetID.NotFound", Message: "no"})
	if _, err := ec2.Subnets(ctx, []string{subnet}); err == nil || !strings.Contains(err.Error(), "EC2: DescribeSubnets") || !strings.Contains(err.Error(), "InvalidSubnetID.NotFound") {
		t.Errorf("got %v", err)
	}
}

func want[T any](t *testing.T, err error, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestEC2Pages follows the tokens to the last page.
func TestEC2Pages(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		next := "<nextToken>more</nextToken>"
		if r.FormValue("NextToken") == "more" {
			next = ""
		}
		_, _ = w.Write([]byte(`<DescribeVpcEndpointsResponse>` + next + `<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId></item></vpcEndpointSet></DescribeVpcEndpointsResponse>`))
	}))
	defer server.Close()
	all, err := NewEC2(aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(), Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}).Endpoints(t.Context(), "vpc-1")
	if err != nil || len(all) != 2 || asked != 2 {
		t.Errorf("%d endpoints of %d pages: %v", len(all), asked, err)
	}
}

// TestEC2TriesAgain with the SDK's patience: a throttled call, and an answer that breaks off.
func TestEC2TriesAgain(t *testing.T) {
	server, _, target := sound(t)
	found := target()
	server.Throttle(fakeaws.Throttle{Operations: []string{"ec2."}, Burst: 0, Refusals: 1})
	c := NewEC2(aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")})
	if _, err := c.Subnets(t.Context(), []string{found.attached("subnetId")}); err != nil {
		t.Error(err)
	}
	n := 0
	for _, call := range server.Calls() {
		if call.Action == "ec2:DescribeSubnets" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

// TestEC2Address has EC2 be where AWS has it, in every partition.
func TestEC2Address(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "https://ec2.eu-west-1.amazonaws.com", "cn-north-1": "https://ec2.cn-north-1.amazonaws.com.cn",
		"us-gov-west-1": "https://ec2.us-gov-west-1.amazonaws.com", "us-iso-east-1": "https://ec2.us-iso-east-1.c2s.ic.gov",
	} {
		got, err := NewEC2(aws.Config{Region: region}).address(t.Context())
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", region, got, err, want)
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://all.example")
	t.Setenv("AWS_ENDPOINT_URL_EC2", "http://ec2.example")
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://all.example"), ConfigSources: []any{environment("http://ec2.example")}}
	if got, err := NewEC2(cfg).address(t.Context()); err != nil || got.String() != "http://ec2.example" {
		t.Errorf("%v, %v", got, err)
	}
}

// environment is what the SDK reads AWS_ENDPOINT_URL_EC2 into.
type environment string

func (e environment) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	return string(e), id == "EC2", nil
}
