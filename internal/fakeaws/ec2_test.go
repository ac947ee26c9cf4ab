package fakeaws

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
)

func ec2Call(t testing.TB, s *Server, action string, parameters ...string) (int, string) {
	t.Helper()
	return postForm(t, s, "ec2", action, "2016-11-15", parameters...)
}

// ids reads the values of one element of an answer, wherever it is.
func ids(t *testing.T, body, element string) (found []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(body))
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != element {
			continue
		}
		var value string
		if err := decoder.DecodeElement(&value, &start); err != nil {
			t.Fatal(err)
		}
		found = append(found, value)
	}
}

func TestDescribeNetwork(t *testing.T) {
	s := start(t, Config{})
	s.AddTask(Task{Subnet: secondSubnet, PublicIP: "203.0.113.7", Containers: []Container{{Name: "a"}}})
	s.AddTask(Task{NetworkMode: "bridge", Containers: []Container{{Name: "a"}}})
	s.UpdateVPC(func(v *VPC) {
		v.Subnets = append(v.Subnets, Subnet{ID: "subnet-shared", VPC: "vpc-other", Owner: "999988887777"})
		v.RouteTables = append(v.RouteTables, RouteTable{ID: "rtb-pub", Subnets: []string{secondSubnet}, Routes: []Route{
			{Destination: "0.0.0.0/0", Target: "igw-1"}, {Destination: "::/0", Target: "eigw-1"}, {Destination: "pl-1", Target: "vpce-2"},
			{Destination: "10.9.0.0/16", Target: "tgw-1", State: "blackhole"}, {Destination: "10.8.0.0/16", Target: "pcx-1"},
			{Destination: "10.7.0.0/16", Target: "eni-1"}, {Destination: "10.6.0.0/16", Target: "i-1"}, {Destination: "10.5.0.0/16", Target: "lgw-1"},
		}})
		v.SecurityGroups = append(v.SecurityGroups, SecurityGroup{ID: "sg-open", Name: "open", Ingress: []Rule{
			{From: 9229, To: 9229, CIDRs: []string{"0.0.0.0/0", "::/0"}, Groups: []string{defaultGroup}, PrefixLists: []string{"pl-1"}},
		}})
		v.Endpoints = append(v.Endpoints, Endpoint{ID: "vpce-1", Service: "com.amazonaws.eu-west-1.ssmmessages", State: "pending", PrivateDNSOff: true},
			Endpoint{ID: "vpce-2", Service: "com.amazonaws.eu-west-1.s3", Type: "Gateway", RouteTables: []string{"rtb-pub"}})
	})
	for _, tt := range []struct {
		action     string
		parameters []string
		element    string
		want       string
	}{
		{"DescribeSubnets", nil, "subnetId", defaultSubnet + " " + secondSubnet + " subnet-shared"},
		{"DescribeSubnets", []string{"SubnetId.1", "subnet-shared"}, "ownerId", "999988887777"},
		{"DescribeSubnets", []string{"Filter.1.Name", "vpc-id", "Filter.1.Value.1", "vpc-other"}, "subnetId", "subnet-shared"},
		{"DescribeRouteTables", []string{"Filter.1.Name", "association.subnet-id", "Filter.1.Value.1", secondSubnet}, "routeTableAssociationId", "rtbassoc-0bb22cc33dd44ee55"},
		{"DescribeRouteTables", []string{"Filter.1.Name", "association.main", "Filter.1.Value.1", "true"}, "natGatewayId", defaultNAT},
		{"DescribeRouteTables", []string{"RouteTableId.1", "rtb-pub"}, "gatewayId", "igw-1 vpce-2"},
		{"DescribeRouteTables", []string{"RouteTableId.1", "rtb-pub"}, "state", "active active active blackhole active active active active associated"},
		{"DescribeRouteTables", []string{"RouteTableId.1", "rtb-pub"}, "transitGatewayId", "tgw-1"},
		{"DescribeRouteTables", []string{"RouteTableId.1", "rtb-pub"}, "destinationPrefixListId", "pl-1"},
		{"DescribeSecurityGroups", []string{"GroupId.1", "sg-open"}, "cidrIpv6", "::/0"},
		{"DescribeSecurityGroups", []string{"GroupId.1", "sg-open"}, "fromPort", "9229"},
		{"DescribeSecurityGroups", []string{"GroupId.1", defaultGroup}, "fromPort", ""},
		{"DescribeVpcEndpoints", []string{"Filter.1.Name", "vpc-endpoint-state", "Filter.1.Value.1", "available"}, "vpcEndpointId", "vpce-2"},
		{"DescribeVpcEndpoints", []string{"VpcEndpointId.1", "vpce-1"}, "privateDnsEnabled", "false"},
		{"DescribeNetworkInterfaces", nil, "subnetId", secondSubnet},
		{"DescribeNetworkInterfaces", []string{"Filter.1.Name", "private-ip-address", "Filter.1.Value.1", "10.0.0.5"}, "publicIp", "203.0.113.7 203.0.113.7"},
	} {
		status, body := ec2Call(t, s, tt.action, tt.parameters...)
		if got := strings.Join(ids(t, body, tt.element), " "); status != http.StatusOK || got != tt.want {
			t.Errorf("%s %v: %d, %s %q, want %q\n%s", tt.action, tt.parameters, status, tt.element, got, tt.want, body)
		}
	}
	for _, tt := range [][]string{
		{"DescribeSubnets", "InvalidSubnetID.NotFound", "SubnetId.1", "subnet-none"},
		{"DescribeRouteTables", "InvalidRouteTableID.NotFound", "RouteTableId.1", "rtb-none"},
		{"DescribeSecurityGroups", "InvalidGroup.NotFound", "GroupId.1", "sg-none"},
		{"DescribeVpcEndpoints", "InvalidVpcEndpointId.NotFound", "VpcEndpointId.1", "vpce-none"},
		{"DescribeNetworkInterfaces", "InvalidNetworkInterfaceID.NotFound", "NetworkInterfaceId.1", "eni-none"},
		{"DescribeSubnets", "InvalidParameterValue", "Filter.1.Name", "colour"},
		{"DescribeSubnets", "InvalidParameterValue", "MaxResults", "4"},
		{"DescribeSubnets", "InvalidParameterValue", "NextToken", "x"},
		{"DescribeEverything", "InvalidAction", "A", "b"},
	} {
		if status, body := ec2Call(t, s, tt[0], tt[2:]...); status != http.StatusBadRequest || !strings.Contains(body, "<Code>"+tt[1]+"</Code>") {
			t.Errorf("%v: %d %s", tt, status, body)
		}
	}
}
