package fakeaws

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

	// Bounds of MaxResults of EC2's describe operations.
	minEC2Page, maxEC2Page = 5, 1000
)

// resource is one item of a list, and how filters see it.
type resource struct {
	id   string
	item any
	// values are those of the filters that the fake knows for the kind, empty ones included.
	values map[string][]string
}

// ec2Members reads a list of EC2's query protocol: name.1, name.2 …
func ec2Members(form url.Values, name string) []string {
	var list []string
	for i := 1; ; i++ {
		value, ok := form[name+"."+strconv.Itoa(i)]
		if !ok {
			return list
		}
		list = append(list, value[0])
	}
}

// ec2Select finds the resources that a request asks for: by ids, all of which must be there, or by
// filters, within a page.
func ec2Select(form url.Values, idParameter, notFound string, all []resource) (items []any, next string, err error) {
	ids := ec2Members(form, idParameter)
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(r resource) bool { return r.id == id }) {
			return nil, "", &apiError{Code: notFound, Message: fmt.Sprintf("The ID '%s' does not exist", id)}
		}
	}
	var found []resource
	for _, r := range all {
		ok, err := ec2Matches(form, r)
		if err != nil {
			return nil, "", err
		}
		if ok && (len(ids) == 0 || slices.Contains(ids, r.id)) {
			found = append(found, r)
		}
	}
	size := maxEC2Page
	if text := form.Get("MaxResults"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < minEC2Page || size > maxEC2Page {
			return nil, "", &apiError{Code: "InvalidParameterValue", Message: "Value for parameter MaxResults is invalid."}
		}
	}
	from, err := readPageToken(form.Get("NextToken"))
	if err != nil || from > len(found) {
		return nil, "", &apiError{Code: "InvalidParameterValue", Message: "Unable to parse pagination token"}
	}
	to := min(from+size, len(found))
	if to < len(found) {
		next = pageToken(to)
	}
	for _, r := range found[from:to] {
		items = append(items, r.item)
	}
	return items, next, nil
}

// ec2Matches says whether all filters let a resource through.
func ec2Matches(form url.Values, r resource) (bool, error) {
	for i := 1; ; i++ {
		prefix := "Filter." + strconv.Itoa(i)
		name := form.Get(prefix + ".Name")
		if name == "" {
			return true, nil
		}
		values, known := r.values[name]
		if !known {
			return false, &apiError{Code: "InvalidParameterValue", Message: fmt.Sprintf("The filter '%s' is invalid", name)}
		}
		wanted := ec2Members(form, prefix+".Value")
		fits := func(value string) bool {
			return slices.ContainsFunc(wanted, func(pattern string) bool { return matchGlob(pattern, value) })
		}
		if !slices.ContainsFunc(values, fits) {
			return false, nil
		}
	}
}

// ec2Describe answers a describe operation. Its actions know no resources.
func (s *Server) ec2Describe(r *apiRequest, form url.Values, idParameter, notFound, set string, list func(*VPC) []resource) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	items, next, err := ec2Select(form, idParameter, notFound, list(&s.worldOf(r).vpc))
	if err != nil {
		return nil, err
	}
	return describeEC2XML{
		XMLName: xml.Name{Local: r.operation + "Response"}, Namespace: ec2Namespace, RequestID: newUUID(), NextToken: next,
		List: ec2List{XMLName: xml.Name{Local: set}, Items: items},
	}, nil
}

// describeEC2XML is what every describe operation answers.
type describeEC2XML struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	RequestID string `xml:"requestId"`
	List      ec2List
	NextToken string `xml:"nextToken,omitempty"`
}

// ec2List is a list of items of any kind.
type ec2List struct {
	XMLName xml.Name
	Items   []any `xml:"item"`
}

func (s *Server) describeSubnets(r *apiRequest, form url.Values) (any, error) {
	return s.ec2Describe(r, form, "SubnetId", "InvalidSubnetID.NotFound", "subnetSet", func(v *VPC) (all []resource) {
		for _, n := range v.Subnets {
			vpc := cmp.Or(n.VPC, v.ID)
			owner := cmp.Or(n.Owner, s.cfg.Account)
			all = append(all, resource{id: n.ID, item: subnetXML{
				ID: n.ID, Arn: fmt.Sprintf("arn:%s:ec2:%s:%s:subnet/%s", s.partition(), s.cfg.Region, owner, n.ID), State: stateAvailable,
				VPC: vpc, CIDR: n.CIDR, Free: 4000, Zone: n.Zone, Public: n.MapPublicIP, Owner: owner,
			}, values: map[string][]string{"subnet-id": {n.ID}, "vpc-id": {vpc}, "availability-zone": {n.Zone}, "owner-id": {owner}}})
		}
		return all
	})
}

func (s *Server) describeRouteTables(r *apiRequest, form url.Values) (any, error) {
	return s.ec2Describe(r, form, "RouteTableId", "InvalidRouteTableID.NotFound", "routeTableSet", func(v *VPC) (all []resource) {
		for _, t := range v.RouteTables {
			vpc := cmp.Or(t.VPC, v.ID)
			item := routeTableXML{ID: t.ID, VPC: vpc, Owner: s.cfg.Account}
			values := map[string][]string{
				"route-table-id": {t.ID}, "vpc-id": {vpc}, "association.subnet-id": t.Subnets,
				"association.main": {strconv.FormatBool(t.Main)},
			}
			if t.Main {
				item.Associations = append(item.Associations, associationXML{ID: "rtbassoc-" + t.ID[4:], Table: t.ID, Main: true, State: "associated"})
			}
			for _, subnet := range t.Subnets {
				item.Associations = append(item.Associations, associationXML{
					ID: "rtbassoc-" + strings.TrimPrefix(subnet, "subnet-"), Table: t.ID, Subnet: subnet, State: "associated",
				})
			}
			for _, route := range t.Routes {
				item.Routes = append(item.Routes, route.xml())
			}
			all = append(all, resource{id: t.ID, item: item, values: values})
		}
		return all
	})
}

func (s *Server) describeVpcEndpoints(r *apiRequest, form url.Values) (any, error) {
	return s.ec2Describe(r, form, "VpcEndpointId", "InvalidVpcEndpointId.NotFound", "vpcEndpointSet", func(v *VPC) (all []resource) {
		for _, e := range v.Endpoints {
			vpc, kind, state := cmp.Or(e.VPC, v.ID), cmp.Or(e.Type, interfaceType), cmp.Or(e.State, stateAvailable)
			item := endpointXML{
				ID: e.ID, Type: kind, VPC: vpc, Service: e.Service, State: state, Policy: cmp.Or(e.Policy, allowAllActions),
				Tables: e.RouteTables, Subnets: e.Subnets, PrivateDNS: kind == interfaceType && !e.PrivateDNSOff, Owner: s.cfg.Account, Created: createdXML,
			}
			for _, id := range e.SecurityGroups {
				item.Groups = append(item.Groups, groupXML{ID: id, Name: v.groupName(id)})
			}
			all = append(all, resource{id: e.ID, item: item, values: map[string][]string{
				"vpc-endpoint-id": {e.ID}, "vpc-id": {vpc}, "service-name": {e.Service}, "vpc-endpoint-state": {state}, "vpc-endpoint-type": {kind},
			}})
		}
		return all
	})
}

func (s *Server) describeSecurityGroups(r *apiRequest, form url.Values) (any, error) {
	return s.ec2Describe(r, form, "GroupId", "InvalidGroup.NotFound", "securityGroupInfo", func(v *VPC) (all []resource) {
		for _, g := range v.SecurityGroups {
			vpc, owner := cmp.Or(g.VPC, v.ID), cmp.Or(g.Owner, s.cfg.Account)
			all = append(all, resource{id: g.ID, item: securityGroupXML{
				Owner: owner, ID: g.ID, Name: g.Name, Description: g.Name, VPC: vpc,
				Ingress: rulesXML(g.Ingress, owner), Egress: rulesXML(g.Egress, owner),
			}, values: map[string][]string{"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {vpc}, "owner-id": {owner}}})
		}
		return all
	})
}

// describeNetworkInterfaces lists the interfaces of tasks that have their own and have not stopped.
func (s *Server) describeNetworkInterfaces(r *apiRequest, form url.Values) (any, error) {
	const parameter, notFound = "NetworkInterfaceId", "InvalidNetworkInterfaceID.NotFound"
	return s.ec2Describe(r, form, parameter, notFound, "networkInterfaceSet", func(v *VPC) (all []resource) {
		for _, t := range s.worldOf(r).tasks {
			if t.NetworkMode != defaultNetworkMode || t.LastStatus == statusStopped {
				continue
			}
			item := s.interfaceXML(v, t)
			var groups []string
			for _, g := range item.Groups {
				groups = append(groups, g.ID)
			}
			all = append(all, resource{id: t.device, item: item, values: map[string][]string{
				"network-interface-id": {t.device}, "subnet-id": {item.Subnet}, "vpc-id": {item.VPC}, "group-id": groups,
				"addresses.private-ip-address": {t.address}, "private-ip-address": {t.address}, "status": {"in-use"},
			}})
		}
		return all
	})
}
