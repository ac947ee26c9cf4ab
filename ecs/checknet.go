package ecs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// channelService is the end of the name of the service that agents connect to.
const channelService = "ssmmessages"

// httpsPort is where Systems Manager is reached.
const httpsPort = 443

func netRules() []Rule {
	vpc := []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints", "ec2:DescribeSecurityGroups"}
	return []Rule{
		{
			ID: "net.ssmmessages", What: "a way from the task to Systems Manager", Worst: Block, Needs: vpc, Indirect: true,
			Want: "a default route, or a VPC endpoint for ssmmessages", Why: "the agent connects to ssmmessages on port 443",
			judge: judgeWayOut,
		},
		{
			ID: "net.public-subnet", What: "a public address where the way out is an Internet gateway", Worst: Block, Indirect: true,
			Needs: []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables"},
			Want:  "a public address, a NAT gateway or an endpoint", Why: "an Internet gateway carries nothing for interfaces without a public address",
			judge: judgePublicSubnet,
		},
		{
			ID: "net.egress-sg", What: "the security group lets HTTPS out", Worst: Block, Indirect: true,
			Needs: []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"},
			Want:  "port 443 allowed", Why: "the agent connects to ssmmessages on port 443",
			judge: judgeEgress,
		},
		{
			ID: "net.shared-vpc", What: "whose the subnet is", Worst: Info, Needs: []string{"ec2:DescribeSubnets"},
			Want: "to know", Why: "routes and endpoints of a shared subnet are its owner's to see",
			judge: judgeSharedVPC,
		},
		{
			ID: "net.mode", Defined: true, What: "a network for the container", Worst: Block,
			Want: "networkMode awsvpc, host or bridge", Why: "the agent needs a network to reach Systems Manager",
			judge: judgeMode,
		},
		{
			ID: "net.mapping9229", Defined: true, What: "no port mapping for the inspector", Worst: Info,
			Want: "no port mapping for the inspector", Why: "the tunnel ends inside the container and needs no mapping; a mapping can only let others reach the inspector",
			judge: judgeMapping,
		},
		{
			ID: "net.exposed", Defined: true, What: "nobody else reaches the inspector", Worst: Danger,
			Want: "an inspector that listens on 127.0.0.1 alone", Why: "whoever reaches an inspector executes code in the container",
			judge: judgeExposed,
		},
	}
}

func judgeMode(f *Facts) Finding {
	mode := f.Target.definition.NetworkMode
	_, d := f.Target.container()
	if mode == ecstypes.NetworkModeNone || aws.ToBool(d.DisableNetworking) {
		return Finding{Level: Block, Got: "the container has no network", Fix: "give the task definition a network mode, and deploy it"}
	}
	if mode == ecstypes.NetworkModeBridge || mode == "" {
		return fine("networkMode bridge: only this container's own agent reaches its inspector")
	}
	return fine("networkMode " + string(mode))
}

// judgeMapping looks for the port in the task definition. The agent dials
// localhost inside the container, so a mapping is never needed; all it can do
// is let others in.
func judgeMapping(f *Facts) Finding {
	m, ranged, ok := mapping(f.Target, f.Port)
	switch {
	case ranged:
		return Finding{Level: Info, Got: fmt.Sprintf("port %d is mapped (%s)", f.Port, m),
			Fix: fmt.Sprintf("have the range leave %d out with the next deployment, or move the inspector out of it; nothing needs the mapping", f.Port)}
	case ok:
		return Finding{Level: Info, Got: fmt.Sprintf("port %d is mapped (%s)", f.Port, m), Fix: "take the mapping out with the next deployment; nothing needs it", Params: map[string]string{ParamMapping: m}}
	}
	return fine(fmt.Sprintf("port %d is not mapped", f.Port))
}

// mapping describes the port mapping that covers the port, and tells whether that is one
// of a range of ports.
func mapping(t Target, port int) (text string, ranged, ok bool) {
	_, d := t.container()
	for _, m := range d.PortMappings {
		if r := aws.ToString(m.ContainerPortRange); r != "" {
			var from, to int
			if n, _ := fmt.Sscanf(r, "%d-%d", &from, &to); n == 2 && from <= port && port <= to {
				return "containerPortRange " + r, true, true
			}
		}
		if m.ContainerPort != nil && int(*m.ContainerPort) == port {
			return fmt.Sprintf("containerPort %d, hostPort %d", port, aws.ToInt32(m.HostPort)), false, true
		}
	}
	return "", false, false
}

// judgeExposed asks whether others on the network can reach the inspector, which is
// code execution in the container for whoever connects.
func judgeExposed(f *Facts) Finding {
	i := inspector(f.Target)
	if i.WouldExpose() {
		return Finding{
			Level: Warn, Got: "an inspector that SIGUSR1 opens (--activate) would listen on " + i.Host, Params: map[string]string{ParamPort: strconv.Itoa(i.Port), ParamHost: i.Host, ParamHostFlag: "--inspect-port"},
			Fix: fmt.Sprintf("use --inspect-port=127.0.0.1:%d with the next deployment; until then --activate only where no security group allows port %d", i.Port, i.Port),
		}
	}
	if !i.Exposed() {
		return fine("no sign of an inspector that listens on other addresses")
	}
	found := Finding{Level: Danger, Got: fmt.Sprintf("%s (in %s) listens on %s", i.Flag, i.Where, i.Host), Params: map[string]string{ParamPort: strconv.Itoa(i.Port), ParamHost: i.Host, ParamHostFlag: "--inspect"}}
	if i.ByPort {
		found.Params[ParamHostFlag] = "--inspect-port"
	}
	found.Fix = fmt.Sprintf("use %s=127.0.0.1:%d with the next deployment; until then let no security group allow port %d", found.Params[ParamHostFlag], i.Port, i.Port)
	m, ranged, mapped := mapping(f.Target, i.Port)
	if mapped && !ranged {
		found.Params[ParamMapping] = m
	}
	mode := f.Target.definition.NetworkMode
	if mapped {
		found.Got += fmt.Sprintf(", and port %d is mapped (%s)", i.Port, m)
	}
	switch {
	case mode == ecstypes.NetworkModeAwsvpc && f.Groups.gap() == nil && f.Interface.gap() == nil:
		group, from := f.ingress(i.Port)
		if hidden := f.hidden(f.Interface.Value.Groups); group == "" && len(hidden) > 0 {
			found.Got += "; whom " + strings.Join(hidden, ", ") + " lets in there cannot be seen"
			return found
		}
		if group == "" {
			found.Level = Warn
			found.Got += "; no security group of the task lets anybody in there"
			return found
		}
		found.Got += fmt.Sprintf(", and %s lets %s in there", group, from)
		if ip := f.Interface.Value.PublicIP; ip != "" {
			found.Got += ", at the public address " + ip
		}
		found.Params[ParamSecurityGroup] = group
	case !mapped && mode == ecstypes.NetworkModeBridge:
		found.Level = Warn // only the other containers of the host reach it
		found.Got += "; without a mapping only containers on the same host reach it"
	}
	return found
}

// ingress finds a security group of the task that lets somebody reach a port, and whom.
func (f *Facts) ingress(port int) (group, from string) {
	for _, g := range f.Groups.Value {
		if !slices.Contains(f.Interface.Value.Groups, g.ID) {
			continue
		}
		for _, p := range g.Ingress {
			if p.covers(port) {
				return g.ID, strings.Join(slices.Concat(p.CIDRs, p.Groups, p.Lists), ", ")
			}
		}
	}
	return "", ""
}

// judgeWayOut looks for an endpoint first, which is what traffic takes where there is
// one with private DNS.
func judgeWayOut(f *Facts) Finding {
	if !f.Target.awsvpc() {
		return Finding{} // the host's network is not the task's to show
	}
	if gaps := []*Gap{f.Endpoints.gap(), f.Routes.gap()}; anyGap(gaps...) {
		return unknown(gaps...)
	}
	endpoint, ok := endpointOf(f.Endpoints.Value, channelService)
	if !ok {
		if via := f.Routes.Value.wayOut(); via != "" {
			return fine("by " + via + ", without an endpoint")
		}
		if f.shared() {
			return Finding{Level: Info, Unknown: true, Got: "unknown: the subnet is another account's, which shows neither its routes nor its endpoints"}
		}
		return Finding{Level: Block, Live: true, Fix: f.makeEndpoint(),
			Got: fmt.Sprintf("no default route in %s, and no endpoint for ssmmessages", f.Routes.Value.ID)}
	}
	found := Finding{Level: Block, Live: true, Params: map[string]string{ParamEndpoint: endpoint.ID}}
	group, let := f.lets(endpoint)
	switch {
	case endpoint.State != "available":
		found.Got = fmt.Sprintf("endpoint %s is %s", endpoint.ID, endpoint.State)
		found.Fix = "wait, or make it again"
	case !endpoint.PrivateDNS && f.Routes.Value.wayOut() == "":
		found.Got = fmt.Sprintf("endpoint %s has no private DNS, and there is no default route", endpoint.ID)
		found.Fix = f.Target.aws("ec2 modify-vpc-endpoint --vpc-endpoint-id %s --private-dns-enabled", endpoint.ID)
	case endpoint.PrivateDNS && !let:
		found.Got = fmt.Sprintf("%s of endpoint %s does not let the task in on port 443", group, endpoint.ID)
		found.Fix = f.Target.aws("ec2 authorize-security-group-ingress --group-id %s --protocol tcp --port 443 --source-group %s", group, first(f.Interface.Value.Groups))
		found.Params[ParamSecurityGroup] = group
	default:
		found.Level, found.Live, found.Got = OK, false, "by endpoint "+endpoint.ID
	}
	return found
}

// hidden are the security groups among those that ec2:DescribeSecurityGroups did not
// return: groups of a shared VPC are another account's, and only that account sees them.
func (f *Facts) hidden(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(id string) bool {
		return slices.ContainsFunc(f.Groups.Value, func(g SecurityGroup) bool { return g.ID == id })
	})
}

// first returns the first of a list, "" of an empty one.
func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// lets tells whether a security group of the endpoint lets the task in; group is the
// one to change otherwise. What is not known counts as a yes.
func (f *Facts) lets(e Endpoint) (group string, ok bool) {
	if f.Groups.gap() != nil || f.Interface.gap() != nil || len(e.Groups) == 0 {
		return "", true
	}
	for _, g := range f.Groups.Value {
		if !slices.Contains(e.Groups, g.ID) {
			continue
		}
		if slices.ContainsFunc(g.Ingress, func(p Permission) bool { return p.lets(httpsPort, f.Interface.Value.Groups) }) {
			return g.ID, true
		}
	}
	return e.Groups[0], len(f.hidden(e.Groups)) > 0
}

// makeEndpoint is the command that makes the endpoint. The service name is right in
// the partitions that begin it with com.amazonaws; elsewhere it is to be looked up.
func (f *Facts) makeEndpoint() string {
	ref := f.Target.ref()
	name := "com.amazonaws." + ref.Region + ".ssmmessages"
	text := f.Target.aws("ec2 create-vpc-endpoint --vpc-id %s --vpc-endpoint-type Interface --service-name %s --subnet-ids %s --security-group-ids %s --private-dns-enabled",
		f.Subnet.Value.VPC, name, f.Subnet.Value.ID, first(f.Interface.Value.Groups))
	if ref.Partition != "aws" {
		text += " (see its name with aws ec2 describe-vpc-endpoint-services)"
	}
	return text
}

func judgePublicSubnet(f *Facts) Finding {
	if gaps := []*Gap{f.Routes.gap(), f.Interface.gap()}; anyGap(gaps...) {
		return unknown(gaps...)
	}
	via := f.Routes.Value.wayOut()
	if !strings.HasPrefix(via, "igw-") {
		return Finding{}
	}
	if ip := f.Interface.Value.PublicIP; ip != "" {
		return fine("public address " + ip + ", by " + via)
	}
	if endpoint, ok := endpointOf(f.Endpoints.Value, channelService); ok && endpoint.State == "available" && endpoint.PrivateDNS {
		return fine("no public address, but endpoint " + endpoint.ID)
	}
	return Finding{Level: Block, Got: "the way out is " + via + ", and the task has no public address", Fix: f.makeEndpoint(), Live: true}
}

func judgeEgress(f *Facts) Finding {
	if gaps := []*Gap{f.Groups.gap(), f.Interface.gap()}; anyGap(gaps...) {
		return unknown(gaps...)
	}
	groups := f.Interface.Value.Groups
	var peers []string // whom a rule that names groups must name: those of the endpoint
	if endpoint, ok := endpointOf(f.Endpoints.Value, channelService); ok {
		peers = endpoint.Groups
	}
	for _, g := range f.Groups.Value {
		if slices.Contains(groups, g.ID) && slices.ContainsFunc(g.Egress, func(p Permission) bool { return p.lets(httpsPort, peers) }) {
			return fine(g.ID + " lets port 443 out")
		}
	}
	if hidden := f.hidden(groups); len(hidden) > 0 {
		return Finding{Level: Info, Unknown: true, Got: "unknown: " + strings.Join(hidden, ", ") + " cannot be seen; it may be another account's"}
	}
	return Finding{Level: Block, Got: strings.Join(groups, ", ") + " lets no port 443 out", Live: true, Params: map[string]string{ParamSecurityGroup: first(groups)},
		Fix: f.Target.aws("ec2 authorize-security-group-egress --group-id %s --protocol tcp --port 443 --cidr 0.0.0.0/0", first(groups))}
}

func judgeSharedVPC(f *Facts) Finding {
	if gap := f.Subnet.gap(); gap != nil {
		return gap.finding()
	}
	if !f.shared() {
		return fine("the subnet is the account's own")
	}
	return Finding{Level: Info, Unknown: true, Got: fmt.Sprintf("the subnet is shared by account %s: unknown what its routes and endpoints are", f.Subnet.Value.Owner)}
}

// shared tells whether the subnet belongs to another account.
func (f *Facts) shared() bool {
	owner := f.Subnet.Value.Owner
	return owner != "" && owner != f.Target.ref().Account
}
