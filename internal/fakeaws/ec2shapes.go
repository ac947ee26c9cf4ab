package fakeaws

import (
	"cmp"
	"strings"
)

// createdXML is when the world's endpoints were made.
const createdXML = "2026-01-02T03:04:05.000Z"

type subnetXML struct {
	ID     string `xml:"subnetId"`
	Arn    string `xml:"subnetArn"`
	State  string `xml:"state"`
	VPC    string `xml:"vpcId"`
	CIDR   string `xml:"cidrBlock"`
	Free   int    `xml:"availableIpAddressCount"`
	Zone   string `xml:"availabilityZone"`
	Public bool   `xml:"mapPublicIpOnLaunch"`
	Owner  string `xml:"ownerId"`
}

type routeTableXML struct {
	ID           string           `xml:"routeTableId"`
	VPC          string           `xml:"vpcId"`
	Owner        string           `xml:"ownerId"`
	Routes       []routeXML       `xml:"routeSet>item"`
	Associations []associationXML `xml:"associationSet>item"`
}

type associationXML struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"`
	Main   bool   `xml:"main"`
	State  string `xml:"associationState>state"`
}

type routeXML struct {
	CIDR       string `xml:"destinationCidrBlock,omitempty"`
	CIDR6      string `xml:"destinationIpv6CidrBlock,omitempty"`
	PrefixList string `xml:"destinationPrefixListId,omitempty"`
	Gateway    string `xml:"gatewayId,omitempty"`
	NAT        string `xml:"natGatewayId,omitempty"`
	Transit    string `xml:"transitGatewayId,omitempty"`
	Peering    string `xml:"vpcPeeringConnectionId,omitempty"`
	EgressOnly string `xml:"egressOnlyInternetGatewayId,omitempty"`
	Interface  string `xml:"networkInterfaceId,omitempty"`
	Instance   string `xml:"instanceId,omitempty"`
	Outpost    string `xml:"localGatewayId,omitempty"`
	State      string `xml:"state"`
	Origin     string `xml:"origin"`
}

// xml puts destination and target where EC2 has them.
func (r Route) xml() routeXML {
	out := routeXML{State: cmp.Or(r.State, "active"), Origin: "CreateRoute"}
	switch {
	case strings.HasPrefix(r.Destination, "pl-"):
		out.PrefixList = r.Destination
	case strings.Contains(r.Destination, ":"):
		out.CIDR6 = r.Destination
	default:
		out.CIDR = r.Destination
	}
	kind, _, _ := strings.Cut(r.Target, "-")
	switch kind {
	case "nat":
		out.NAT = r.Target
	case "tgw":
		out.Transit = r.Target
	case "pcx":
		out.Peering = r.Target
	case "eigw":
		out.EgressOnly = r.Target
	case "eni":
		out.Interface = r.Target
	case "i":
		out.Instance = r.Target
	case "lgw":
		out.Outpost = r.Target
	default: // local, internet and private gateways, endpoints of the gateway kind
		out.Gateway = r.Target
	}
	if r.Target == localTarget {
		out.Origin = "CreateRouteTable"
	}
	return out
}

type endpointXML struct {
	ID         string     `xml:"vpcEndpointId"`
	Type       string     `xml:"vpcEndpointType"`
	VPC        string     `xml:"vpcId"`
	Service    string     `xml:"serviceName"`
	State      string     `xml:"state"`
	Policy     string     `xml:"policyDocument"`
	Tables     []string   `xml:"routeTableIdSet>item"`
	Subnets    []string   `xml:"subnetIdSet>item"`
	Groups     []groupXML `xml:"groupSet>item"`
	PrivateDNS bool       `xml:"privateDnsEnabled"`
	Created    string     `xml:"creationTimestamp"`
	Owner      string     `xml:"ownerId"`
}

type groupXML struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type securityGroupXML struct {
	Owner       string          `xml:"ownerId"`
	ID          string          `xml:"groupId"`
	Name        string          `xml:"groupName"`
	Description string          `xml:"groupDescription"`
	VPC         string          `xml:"vpcId"`
	Ingress     []permissionXML `xml:"ipPermissions>item"`
	Egress      []permissionXML `xml:"ipPermissionsEgress>item"`
}

// permissionXML is a rule; one of all protocols names no ports.
type permissionXML struct {
	Protocol    string          `xml:"ipProtocol"`
	From        *int            `xml:"fromPort"`
	To          *int            `xml:"toPort"`
	Groups      []groupPairXML  `xml:"groups>item"`
	Ranges      []rangeXML      `xml:"ipRanges>item"`
	Ranges6     []range6XML     `xml:"ipv6Ranges>item"`
	PrefixLists []prefixListXML `xml:"prefixListIds>item"`
}

type groupPairXML struct {
	Account string `xml:"userId"`
	ID      string `xml:"groupId"`
}

type rangeXML struct {
	CIDR string `xml:"cidrIp"`
}

type range6XML struct {
	CIDR string `xml:"cidrIpv6"`
}

type prefixListXML struct {
	ID string `xml:"prefixListId"`
}

func rulesXML(rules []Rule, owner string) (list []permissionXML) {
	for _, rule := range rules {
		p := permissionXML{Protocol: cmp.Or(rule.Protocol, "tcp")}
		if p.Protocol != anyProtocol {
			p.From, p.To = new(rule.From), new(rule.To)
		}
		for _, cidr := range rule.CIDRs {
			if strings.Contains(cidr, ":") {
				p.Ranges6 = append(p.Ranges6, range6XML{cidr})
			} else {
				p.Ranges = append(p.Ranges, rangeXML{cidr})
			}
		}
		for _, id := range rule.Groups {
			p.Groups = append(p.Groups, groupPairXML{owner, id})
		}
		for _, id := range rule.PrefixLists {
			p.PrefixLists = append(p.PrefixLists, prefixListXML{id})
		}
		list = append(list, p)
	}
	return list
}

type interfaceXML struct {
	ID          string       `xml:"networkInterfaceId"`
	Subnet      string       `xml:"subnetId"`
	VPC         string       `xml:"vpcId"`
	Zone        string       `xml:"availabilityZone"`
	Description string       `xml:"description"`
	Owner       string       `xml:"ownerId"`
	Managed     bool         `xml:"requesterManaged"`
	Status      string       `xml:"status"`
	Address     string       `xml:"privateIpAddress"`
	Groups      []groupXML   `xml:"groupSet>item"`
	Public      *publicIPXML `xml:"association"`
	Addresses   []addressXML `xml:"privateIpAddressesSet>item"`
	Kind        string       `xml:"interfaceType"`
}

type publicIPXML struct {
	IP    string `xml:"publicIp"`
	Owner string `xml:"ipOwnerId"`
}

type addressXML struct {
	Address string       `xml:"privateIpAddress"`
	Primary bool         `xml:"primary"`
	Public  *publicIPXML `xml:"association"`
}

// interfaceXML is the network interface of a task.
func (s *Server) interfaceXML(v *VPC, t *task) interfaceXML {
	subnet := cmp.Or(t.Subnet, v.firstSubnet())
	out := interfaceXML{
		ID: t.device, Subnet: subnet, VPC: v.vpcOfSubnet(subnet), Zone: cmp.Or(t.Zone, s.cfg.Region+"a"),
		Description: s.arn("ecs", "attachment/"+t.eni), Owner: s.cfg.Account, Managed: true, Status: "in-use",
		Address: t.address, Kind: "interface",
	}
	groups := t.SecurityGroups
	if len(groups) == 0 {
		groups = []string{v.firstGroup()}
	}
	for _, id := range groups {
		out.Groups = append(out.Groups, groupXML{ID: id, Name: v.groupName(id)})
	}
	if t.PublicIP != "" {
		out.Public = &publicIPXML{IP: t.PublicIP, Owner: "amazon"}
	}
	out.Addresses = []addressXML{{Address: t.address, Primary: true, Public: out.Public}}
	return out
}
