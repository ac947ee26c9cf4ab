package fakeaws

import "cmp"

// Ids of the world's network.
const (
	defaultVPC      = "vpc-0123456789abcdef0"
	defaultSubnet   = "subnet-0aa11bb22cc33dd44"
	secondSubnet    = "subnet-0bb22cc33dd44ee55"
	defaultGroup    = "sg-0123456789abcdef0"
	defaultTable    = "rtb-0123456789abcdef0"
	everywhere      = "0.0.0.0/0"
	defaultNAT      = "nat-0123456789abcdef0"
	localTarget     = "local"
	interfaceType   = "Interface"
	stateAvailable  = "available"
	anyProtocol     = "-1"
	allowAllActions = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
)

// VPC is the network that tasks lie in. It begins with two private subnets, one main route table
// with a NAT gateway, and a security group that lets everything out and nothing in.
type VPC struct {
	ID, CIDR       string
	Subnets        []Subnet
	RouteTables    []RouteTable
	SecurityGroups []SecurityGroup
	Endpoints      []Endpoint
}

// Subnet is a subnet. VPC and Owner are the VPC's and the account by default; a shared subnet
// belongs to another account.
type Subnet struct {
	ID, CIDR, Zone, VPC, Owner string
	MapPublicIP                bool
}

// RouteTable is a route table, of the subnets that it names or, if Main, of those that no other
// names.
type RouteTable struct {
	ID, VPC string
	Main    bool
	Subnets []string
	Routes  []Route
}

// Route leads to a Destination, a CIDR block or prefix list, by way of a Target: local, or the id
// of a gateway, a NAT gateway, a transit gateway, a peering connection or an interface.
type Route struct {
	Destination, Target string
	State               string // active by default, or blackhole
}

// SecurityGroup is a security group.
type SecurityGroup struct {
	ID, Name, VPC, Owner string
	Ingress, Egress      []Rule
}

// Rule lets traffic of a protocol, tcp by default or -1 for all, through to ports From to To.
type Rule struct {
	Protocol    string
	From, To    int
	CIDRs       []string // of IPv4 and IPv6
	Groups      []string // ids of security groups
	PrefixLists []string
}

// Endpoint is a VPC endpoint.
type Endpoint struct {
	ID      string
	VPC     string
	Service string // such as com.amazonaws.eu-west-1.ssmmessages
	Type    string // Interface by default, or Gateway
	State   string // available by default, pending, failed …
	// PrivateDNSOff is PrivateDnsEnabled turned round.
	PrivateDNSOff           bool
	Subnets, SecurityGroups []string
	RouteTables             []string // of a Gateway
	Policy                  string   // allows all by default
}

// newVPC is the network that a world begins with.
func newVPC(region string) VPC {
	return VPC{
		ID: defaultVPC, CIDR: "10.0.0.0/16",
		Subnets: []Subnet{
			{ID: defaultSubnet, CIDR: "10.0.0.0/20", Zone: region + "a"},
			{ID: secondSubnet, CIDR: "10.0.16.0/20", Zone: region + "b"},
		},
		RouteTables: []RouteTable{{
			ID: defaultTable, Main: true,
			Routes: []Route{{Destination: "10.0.0.0/16", Target: localTarget}, {Destination: everywhere, Target: defaultNAT}},
		}},
		SecurityGroups: []SecurityGroup{{
			ID: defaultGroup, Name: "service", Egress: []Rule{{Protocol: anyProtocol, CIDRs: []string{everywhere}}},
		}},
	}
}

// UpdateVPC changes the network under the world's lock.
func (s *Server) UpdateVPC(change func(*VPC)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.world.vpc)
}

// firstSubnet is where tasks are that name no subnet.
func (v *VPC) firstSubnet() string {
	if len(v.Subnets) == 0 {
		return defaultSubnet
	}
	return v.Subnets[0].ID
}

// firstGroup is what guards tasks that name no security group.
func (v *VPC) firstGroup() string {
	if len(v.SecurityGroups) == 0 {
		return defaultGroup
	}
	return v.SecurityGroups[0].ID
}

// vpcOfSubnet is the VPC that a subnet lies in.
func (v *VPC) vpcOfSubnet(id string) string {
	for _, subnet := range v.Subnets {
		if subnet.ID == id {
			return cmp.Or(subnet.VPC, v.ID)
		}
	}
	return v.ID
}

// groupName is the name of a security group.
func (v *VPC) groupName(id string) string {
	for _, g := range v.SecurityGroups {
		if g.ID == id {
			return g.Name
		}
	}
	return id
}
