package ecs

import (
	"slices"
	"strings"
)

// Interface is a network interface, as ec2:DescribeNetworkInterfaces tells it.
type Interface struct {
	ID, Subnet, VPC string
	Owner           string // account
	PublicIP        string // "" for none
	Groups          []string
}

// Subnet is as ec2:DescribeSubnets tells it.
type Subnet struct {
	ID, VPC string
	Owner   string // account: another one's when the subnet is shared
	Public  bool   // gives its interfaces public addresses by default
}

// Route is one row of a route table.
type Route struct {
	Destination string // CIDR block or prefix list
	Via         string // id of the gateway, the instance and so on
	Active      bool
}

// RouteTable is as ec2:DescribeRouteTables tells it.
type RouteTable struct {
	ID     string
	Main   bool     // of the VPC
	For    []string // subnets
	Routes []Route
}

// Endpoint is one of a VPC, as ec2:DescribeVpcEndpoints tells it.
type Endpoint struct {
	ID, Service string
	State       string
	PrivateDNS  bool
	Groups      []string
}

// SecurityGroup is as ec2:DescribeSecurityGroups tells it.
type SecurityGroup struct {
	ID      string
	Ingress []Permission
	Egress  []Permission
}

// Permission is a rule of a security group.
type Permission struct {
	Protocol string // -1 for all
	From, To int    // ports
	CIDRs    []string
	Groups   []string
	Lists    []string // prefix lists, whose addresses are not known here
}

// covers tells whether the rule is for a TCP port.
func (p Permission) covers(port int) bool {
	switch p.Protocol {
	case "-1":
		return true
	case "tcp", "6":
		return p.From <= port && port <= p.To
	}
	return false
}

// lets tells whether the rule is for a TCP port and a peer in one of the groups, or
// anywhere in the addresses that it names.
func (p Permission) lets(port int, groups []string) bool {
	if !p.covers(port) {
		return false
	}
	return len(p.CIDRs) > 0 || len(p.Lists) > 0 || slices.ContainsFunc(p.Groups, func(g string) bool { return slices.Contains(groups, g) })
}

// wayOut is how a subnet reaches the Internet, by its default route: the id of what
// it leads to, "" for none.
func (t RouteTable) wayOut() string {
	for _, everywhere := range []string{"0.0.0.0/0", "::/0"} {
		for _, r := range t.Routes {
			if r.Active && r.Destination == everywhere && r.Via != "" {
				return r.Via
			}
		}
	}
	return ""
}

// endpointOf finds the VPC endpoint of a service by the end of its name: in China
// names may begin otherwise.
func endpointOf(all []Endpoint, service string) (Endpoint, bool) {
	i := slices.IndexFunc(all, func(e Endpoint) bool { return strings.HasSuffix(e.Service, "."+service) })
	if i < 0 {
		return Endpoint{}, false
	}
	return all[i], true
}
