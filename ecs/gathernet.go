package ecs

import (
	"context"
	"slices"
	"strings"
)

// hasInterface tells whether the task has a network interface of its own, whose
// network can be looked at.
func (t Target) hasInterface() bool {
	return t.awsvpc() && t.attached("networkInterfaceId") != ""
}

// ofInterface is a detail of the task's own network interface as a key.
func ofInterface(detail string) func(*Facts) string {
	return func(f *Facts) string {
		if !f.Target.hasInterface() {
			return ""
		}
		return f.Target.attached(detail)
	}
}

func (g *gatherer) networkInterface(ctx context.Context) error {
	return list[Interface]{
		action: "ec2:DescribeNetworkInterfaces", size: ec2Batch, missing: &goneError{what: "network interface"},
		fact: func(f *Facts) *Fact[Interface] { return &f.Interface }, key: ofInterface("networkInterfaceId"),
		ask: func(ctx context.Context, ids []string) (map[string]Interface, error) {
			all, err := g.EC2.Interfaces(ctx, ids)
			return byKey(all, func(i Interface) string { return i.ID }), err
		},
	}.put(ctx, g)
}

func (g *gatherer) subnet(ctx context.Context) error {
	return list[Subnet]{
		action: "ec2:DescribeSubnets", size: ec2Batch, missing: &goneError{what: "subnet"},
		fact: func(f *Facts) *Fact[Subnet] { return &f.Subnet }, key: ofInterface("subnetId"),
		ask: func(ctx context.Context, ids []string) (map[string]Subnet, error) {
			all, err := g.EC2.Subnets(ctx, ids)
			return byKey(all, func(s Subnet) string { return s.ID }), err
		},
	}.put(ctx, g)
}

// vpc is where the task lies, as the first of two answers tells; the gap is theirs.
func (f *Facts) vpc() (string, *Gap) {
	switch {
	case f.Interface.gap() == nil:
		return f.Interface.Value.VPC, nil
	case f.Subnet.gap() == nil:
		return f.Subnet.Value.VPC, nil
	}
	return "", f.Interface.gap()
}

// ofVPC asks something of each VPC.
func ofVPC[T any](action string, fact func(*Facts) *Fact[T], ask func(ctx context.Context, vpc string) (T, error)) question[T] {
	return question[T]{
		action: action, fact: fact,
		key: func(f *Facts) (string, *Gap) {
			if !f.Target.hasInterface() {
				return "", nil
			}
			return f.vpc()
		},
		ask: func(ctx context.Context, f *Facts) (T, error) {
			vpc, _ := f.vpc()
			return ask(ctx, vpc)
		},
	}
}

func (g *gatherer) routes(ctx context.Context) error {
	tables := map[*Facts]*Fact[[]RouteTable]{}
	for _, f := range g.all {
		tables[f] = &Fact[[]RouteTable]{}
	}
	err := ofVPC("ec2:DescribeRouteTables", func(f *Facts) *Fact[[]RouteTable] { return tables[f] }, g.EC2.RouteTables).put(ctx, g)
	if err != nil {
		return err
	}
	for f, all := range tables {
		f.Routes = Fact[RouteTable]{Gap: all.Gap}
		if all.gap() == nil {
			table, err := tableOf(all.Value, f.Target.attached("subnetId"))
			f.Routes = factOf("", table, err)
		}
	}
	return nil
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
	return ofVPC("ec2:DescribeVpcEndpoints", func(f *Facts) *Fact[[]Endpoint] { return &f.Endpoints }, g.EC2.Endpoints).put(ctx, g)
}

// groups asks for the security groups of the task and of the endpoint that it uses.
func (g *gatherer) groups(ctx context.Context) error {
	return question[[]SecurityGroup]{
		action: "ec2:DescribeSecurityGroups", fact: func(f *Facts) *Fact[[]SecurityGroup] { return &f.Groups },
		key: func(f *Facts) (string, *Gap) {
			if !f.Target.hasInterface() {
				return "", nil
			}
			return strings.Join(securityGroups(f), " "), f.Interface.gap()
		},
		ask: func(ctx context.Context, f *Facts) ([]SecurityGroup, error) {
			return g.EC2.SecurityGroups(ctx, securityGroups(f))
		},
	}.put(ctx, g)
}

// securityGroups are the ids of those that count for the task's way out.
func securityGroups(f *Facts) []string {
	ids := slices.Clone(f.Interface.Value.Groups)
	if e, ok := endpointOf(f.Endpoints.Value, channelService); ok {
		ids = append(ids, e.Groups...)
	}
	return distinct(ids)
}
