package ecs

import (
	"context"
	"slices"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// hasInterface tells whether the task has a network interface of its own, whose
// network can be looked at.
func (g *gatherer) hasInterface() bool {
	return g.f.Target.definition.NetworkMode == ecstypes.NetworkModeAwsvpc && g.f.Target.attached("networkInterfaceId") != ""
}

func (g *gatherer) networkInterface(ctx context.Context) error {
	if !g.hasInterface() {
		return nil
	}
	return ask(&g.f.Interface, "ec2:DescribeNetworkInterfaces", func() (Interface, error) {
		return g.EC2.Interface(ctx, g.f.Target.attached("networkInterfaceId"))
	})
}

func (g *gatherer) subnet(ctx context.Context) error {
	if !g.hasInterface() {
		return nil
	}
	return ask(&g.f.Subnet, "ec2:DescribeSubnets", func() (Subnet, error) {
		return g.EC2.Subnet(ctx, g.f.Target.attached("subnetId"))
	})
}

// vpc is where the task lies, as the first of two answers tells; the gap is theirs.
func (g *gatherer) vpc() (string, *Gap) {
	switch {
	case g.f.Interface.gap() == nil:
		return g.f.Interface.Value.VPC, nil
	case g.f.Subnet.gap() == nil:
		return g.f.Subnet.Value.VPC, nil
	}
	return "", g.f.Interface.gap()
}

func (g *gatherer) routes(ctx context.Context) error {
	if !g.hasInterface() {
		return nil
	}
	vpc, gap := g.vpc()
	if gap != nil {
		g.f.Routes = because[RouteTable](gap)
		return nil
	}
	return ask(&g.f.Routes, "ec2:DescribeRouteTables", func() (RouteTable, error) {
		tables, err := g.EC2.RouteTables(ctx, vpc)
		if err != nil {
			return RouteTable{}, err
		}
		return tableOf(tables, g.f.Target.attached("subnetId"))
	})
}

// tableOf is the table of a subnet: the one that names it, and failing that the main
// one of the VPC.
func tableOf(tables []RouteTable, subnet string) (RouteTable, error) {
	i := slices.IndexFunc(tables, func(t RouteTable) bool { return slices.Contains(t.For, subnet) })
	if i < 0 {
		i = slices.IndexFunc(tables, func(t RouteTable) bool { return t.Main })
	}
	if i < 0 {
		return RouteTable{}, &goneError{what: "route table of the subnet"}
	}
	return tables[i], nil
}

func (g *gatherer) endpoints(ctx context.Context) error {
	if !g.hasInterface() {
		return nil
	}
	vpc, gap := g.vpc()
	if gap != nil {
		g.f.Endpoints = because[[]Endpoint](gap)
		return nil
	}
	return ask(&g.f.Endpoints, "ec2:DescribeVpcEndpoints", func() ([]Endpoint, error) { return g.EC2.Endpoints(ctx, vpc) })
}

// groups asks for the security groups of the task and of the endpoint that it uses.
func (g *gatherer) groups(ctx context.Context) error {
	if !g.hasInterface() {
		return nil
	}
	if gap := g.f.Interface.gap(); gap != nil {
		g.f.Groups = because[[]SecurityGroup](gap)
		return nil
	}
	ids := slices.Clone(g.f.Interface.Value.Groups)
	if e, ok := endpointOf(g.f.Endpoints.Value, channelService); ok {
		ids = append(ids, e.Groups...)
	}
	slices.Sort(ids)
	return ask(&g.f.Groups, "ec2:DescribeSecurityGroups", func() ([]SecurityGroup, error) {
		return g.EC2.SecurityGroups(ctx, slices.Compact(ids))
	})
}
