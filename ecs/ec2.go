package ecs

import (
	"cmp"
	"context"
)

// ec2Page is what every page of a list has.
type ec2Page struct {
	NextToken string `xml:"nextToken"`
}

func (p ec2Page) next() string { return p.NextToken }

type interfacePage struct {
	ec2Page
	Items []struct {
		ID     string     `xml:"networkInterfaceId"`
		Subnet string     `xml:"subnetId"`
		VPC    string     `xml:"vpcId"`
		Owner  string     `xml:"ownerId"`
		Public string     `xml:"association>publicIp"`
		Groups []groupRef `xml:"groupSet>item"`
	} `xml:"networkInterfaceSet>item"`
}

type groupRef struct {
	ID string `xml:"groupId"`
}

func groupIDs(refs []groupRef) []string {
	var ids []string
	for _, r := range refs {
		ids = append(ids, r.ID)
	}
	return ids
}

// ec2Batch is how many values one filter takes (EC2 API reference).
const ec2Batch = 200

// Interfaces describes network interfaces, ec2Batch of them at most. Ids are a filter: one
// that is gone is missing among the others.
func (c *EC2) Interfaces(ctx context.Context, ids []string) (found []Interface, err error) {
	var pages []*interfacePage
	err = c.describe(ctx, "DescribeNetworkInterfaces", filters(append([]string{"network-interface-id"}, ids...)), grow(&pages))
	for _, page := range pages {
		for _, i := range page.Items {
			found = append(found, Interface{ID: i.ID, Subnet: i.Subnet, VPC: i.VPC, Owner: i.Owner, PublicIP: i.Public, Groups: groupIDs(i.Groups)})
		}
	}
	return found, err
}

type subnetPage struct {
	ec2Page
	Items []struct {
		ID    string `xml:"subnetId"`
		VPC   string `xml:"vpcId"`
		Owner string `xml:"ownerId"`
	} `xml:"subnetSet>item"`
}

// Subnets describes subnets, as Interfaces does interfaces.
func (c *EC2) Subnets(ctx context.Context, ids []string) (found []Subnet, err error) {
	var pages []*subnetPage
	err = c.describe(ctx, "DescribeSubnets", filters(append([]string{"subnet-id"}, ids...)), grow(&pages))
	for _, page := range pages {
		for _, s := range page.Items {
			found = append(found, Subnet{ID: s.ID, VPC: s.VPC, Owner: s.Owner})
		}
	}
	return found, err
}

type tablePage struct {
	ec2Page
	Items []struct {
		ID           string `xml:"routeTableId"`
		Associations []struct {
			Subnet string `xml:"subnetId"`
			Main   bool   `xml:"main"`
		} `xml:"associationSet>item"`
		Routes []routeItem `xml:"routeSet>item"`
	} `xml:"routeTableSet>item"`
}

// routeItem is a route: what it leads to is in one of many fields.
type routeItem struct {
	CIDR        string `xml:"destinationCidrBlock"`
	CIDR6       string `xml:"destinationIpv6CidrBlock"`
	List        string `xml:"destinationPrefixListId"`
	Gateway     string `xml:"gatewayId"`
	NAT         string `xml:"natGatewayId"`
	Transit     string `xml:"transitGatewayId"`
	Peering     string `xml:"vpcPeeringConnectionId"`
	EgressOnly  string `xml:"egressOnlyInternetGatewayId"`
	Interface   string `xml:"networkInterfaceId"`
	Instance    string `xml:"instanceId"`
	Local       string `xml:"localGatewayId"`
	Carrier     string `xml:"carrierGatewayId"`
	CoreNetwork string `xml:"coreNetworkArn"`
	State       string `xml:"state"`
}

func (r routeItem) route() Route {
	return Route{
		Destination: cmp.Or(r.CIDR, r.CIDR6, r.List),
		// A NAT instance has both an instance and an interface: the instance says more.
		Via:    cmp.Or(r.NAT, r.Transit, r.Gateway, r.Peering, r.EgressOnly, r.Instance, r.Interface, r.Local, r.Carrier, r.CoreNetwork),
		Active: r.State == "active",
	}
}

// RouteTables describes all tables of a VPC.
func (c *EC2) RouteTables(ctx context.Context, vpc string) (tables []RouteTable, err error) {
	var pages []*tablePage
	err = c.describe(ctx, "DescribeRouteTables", filters([]string{"vpc-id", vpc}), grow(&pages))
	for _, page := range pages {
		for _, item := range page.Items {
			table := RouteTable{ID: item.ID}
			for _, a := range item.Associations {
				table.Main = table.Main || a.Main
				if a.Subnet != "" {
					table.For = append(table.For, a.Subnet)
				}
			}
			for _, r := range item.Routes {
				table.Routes = append(table.Routes, r.route())
			}
			tables = append(tables, table)
		}
	}
	return tables, err
}

type endpointPage struct {
	ec2Page
	Items []struct {
		ID         string     `xml:"vpcEndpointId"`
		Service    string     `xml:"serviceName"`
		State      string     `xml:"state"`
		PrivateDNS bool       `xml:"privateDnsEnabled"`
		Groups     []groupRef `xml:"groupSet>item"`
	} `xml:"vpcEndpointSet>item"`
}

// Endpoints describes all endpoints of a VPC.
func (c *EC2) Endpoints(ctx context.Context, vpc string) (endpoints []Endpoint, err error) {
	var pages []*endpointPage
	err = c.describe(ctx, "DescribeVpcEndpoints", filters([]string{"vpc-id", vpc}), grow(&pages))
	for _, page := range pages {
		for _, e := range page.Items {
			endpoints = append(endpoints, Endpoint{ID: e.ID, Service: e.Service, State: e.State, PrivateDNS: e.PrivateDNS, Groups: groupIDs(e.Groups)})
		}
	}
	return endpoints, err
}

type groupPage struct {
	ec2Page
	Items []struct {
		ID      string           `xml:"groupId"`
		Ingress []permissionItem `xml:"ipPermissions>item"`
		Egress  []permissionItem `xml:"ipPermissionsEgress>item"`
	} `xml:"securityGroupInfo>item"`
}

type permissionItem struct {
	Protocol string     `xml:"ipProtocol"`
	From     int        `xml:"fromPort"`
	To       int        `xml:"toPort"`
	Groups   []groupRef `xml:"groups>item"`
	CIDRs    []struct {
		CIDR string `xml:"cidrIp"`
	} `xml:"ipRanges>item"`
	CIDRs6 []struct {
		CIDR string `xml:"cidrIpv6"`
	} `xml:"ipv6Ranges>item"`
	Lists []struct {
		ID string `xml:"prefixListId"`
	} `xml:"prefixListIds>item"`
}

func permissions(items []permissionItem) []Permission {
	var list []Permission
	for _, item := range items {
		p := Permission{Protocol: item.Protocol, From: item.From, To: item.To, Groups: groupIDs(item.Groups)}
		for _, r := range item.CIDRs {
			p.CIDRs = append(p.CIDRs, r.CIDR)
		}
		for _, r := range item.CIDRs6 {
			p.CIDRs = append(p.CIDRs, r.CIDR)
		}
		for _, l := range item.Lists {
			p.Lists = append(p.Lists, l.ID)
		}
		list = append(list, p)
	}
	return list
}

// SecurityGroups describes security groups. One that another account shares may not be
// seen: ids are a filter, so that the others are.
func (c *EC2) SecurityGroups(ctx context.Context, ids []string) (groups []SecurityGroup, err error) {
	var pages []*groupPage
	err = c.describe(ctx, "DescribeSecurityGroups", filters(append([]string{"group-id"}, ids...)), grow(&pages))
	for _, page := range pages {
		for _, g := range page.Items {
			groups = append(groups, SecurityGroup{ID: g.ID, Ingress: permissions(g.Ingress), Egress: permissions(g.Egress)})
		}
	}
	return groups, err
}

// grow makes another page of a list.
func grow[T any, P interface {
	*T
	next() string
}](pages *[]P) func() interface{ next() string } {
	return func() interface{ next() string } {
		page := P(new(T))
		*pages = append(*pages, page)
		return page
	}
}
