package fakeaws

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const (
	// elbService is the signing name and IAM prefix of both generations of the load balancers.
	elbService = "elasticloadbalancing"
	// elbVersion tells the second generation from the first and from STS, all of the query protocol.
	elbVersion = "2015-12-01"

	elbNamespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"

	// maxDescribedGroups is the page size of DescribeTargetGroups, and its largest.
	maxDescribedGroups = 400
)

// Defaults of a target group for the task addresses of a service.
const (
	defaultGroupInterval  = 30
	defaultGroupTimeout   = 5
	defaultGroupHealthy   = 5
	defaultGroupUnhealthy = 2
)

// TargetGroup is a target group of an Application Load Balancer. AddTargetGroup fills what is empty
// with the defaults of AWS.
type TargetGroup struct {
	Name string
	Port int // 80 by default
	Path string
	// Interval, Timeout, Healthy and Unhealthy are HealthCheckIntervalSeconds,
	// HealthCheckTimeoutSeconds, HealthyThresholdCount and UnhealthyThresholdCount.
	Interval, Timeout, Healthy, Unhealthy int
	// State is what DescribeTargetHealth says of every target: healthy by default.
	State string
}

// LoadBalancer ties a container of a service to a target group.
type LoadBalancer struct {
	TargetGroup string // ARN, as AddTargetGroup returned it
	Container   string
	Port        int
}

// targetGroup is a TargetGroup in the world.
type targetGroup struct {
	TargetGroup
	arn string
}

// AddTargetGroup makes a target group and returns its ARN. Its targets are the tasks of the services
// that name it among their LoadBalancers.
func (s *Server) AddTargetGroup(g TargetGroup) (arn string) {
	g.Port = cmp.Or(g.Port, 80)
	g.Path = cmp.Or(g.Path, "/")
	g.Interval = cmp.Or(g.Interval, defaultGroupInterval)
	g.Timeout = cmp.Or(g.Timeout, defaultGroupTimeout)
	g.Healthy = cmp.Or(g.Healthy, defaultGroupHealthy)
	g.Unhealthy = cmp.Or(g.Unhealthy, defaultGroupUnhealthy)
	g.State = cmp.Or(g.State, "healthy")
	s.mu.Lock()
	defer s.mu.Unlock()
	arn = s.arn(elbService, "targetgroup/"+g.Name+"/"+newHex(16))
	s.world.targetGroups = append(s.world.targetGroups, &targetGroup{TargetGroup: g, arn: arn})
	return arn
}

// queryOperation adapts an operation of a query service.
func queryOperation(do func(*apiRequest, url.Values) (any, error)) operation {
	return func(r *apiRequest) (any, error) {
		return do(r, r.form)
	}
}

// members reads a list of the query protocol: name.member.1, name.member.2 …
func members(form url.Values, name string) []string {
	var list []string
	for i := 1; ; i++ {
		value, ok := form[name+".member."+strconv.Itoa(i)]
		if !ok {
			return list
		}
		list = append(list, value[0])
	}
}

type describeTargetGroupsXML struct {
	XMLName   xml.Name         `xml:"DescribeTargetGroupsResponse"`
	Namespace string           `xml:"xmlns,attr"`
	Groups    []targetGroupXML `xml:"DescribeTargetGroupsResult>TargetGroups>member"`
	Marker    string           `xml:"DescribeTargetGroupsResult>NextMarker,omitempty"`
	RequestID string           `xml:"ResponseMetadata>RequestId"`
}

type targetGroupXML struct {
	Arn                        string `xml:"TargetGroupArn"`
	Name                       string `xml:"TargetGroupName"`
	Protocol                   string `xml:"Protocol"`
	ProtocolVersion            string `xml:"ProtocolVersion"`
	Port                       int    `xml:"Port"`
	VpcID                      string `xml:"VpcId"`
	TargetType                 string `xml:"TargetType"`
	IPAddressType              string `xml:"IpAddressType"`
	HealthCheckEnabled         bool   `xml:"HealthCheckEnabled"`
	HealthCheckProtocol        string `xml:"HealthCheckProtocol"`
	HealthCheckPort            string `xml:"HealthCheckPort"`
	HealthCheckPath            string `xml:"HealthCheckPath"`
	HealthCheckIntervalSeconds int    `xml:"HealthCheckIntervalSeconds"`
	HealthCheckTimeoutSeconds  int    `xml:"HealthCheckTimeoutSeconds"`
	HealthyThresholdCount      int    `xml:"HealthyThresholdCount"`
	UnhealthyThresholdCount    int    `xml:"UnhealthyThresholdCount"`
	HTTPCode                   string `xml:"Matcher>HttpCode"`
}

// describeTargetGroups knows no resources in IAM, so that it is granted for all or none.
func (s *Server) describeTargetGroups(r *apiRequest, form url.Values) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	groups, err := s.worldOf(r).groups(members(form, "TargetGroupArns"), members(form, "Names"))
	if err != nil {
		return nil, err
	}
	out := describeTargetGroupsXML{Namespace: elbNamespace, RequestID: newUUID()}
	from, to, err := queryPage(form, len(groups))
	if err != nil {
		return nil, err
	}
	if to < len(groups) {
		out.Marker = pageToken(to)
	}
	for _, g := range groups[from:to] {
		out.Groups = append(out.Groups, g.xml())
	}
	return out, nil
}

func (g *targetGroup) xml() targetGroupXML {
	return targetGroupXML{
		Arn: g.arn, Name: g.Name, Protocol: "HTTP", ProtocolVersion: "HTTP1", Port: g.Port, VpcID: defaultVPC,
		TargetType: "ip", IPAddressType: "ipv4", HealthCheckEnabled: true, HealthCheckProtocol: "HTTP", HealthCheckPort: "traffic-port",
		HealthCheckPath: g.Path, HealthCheckIntervalSeconds: g.Interval, HealthCheckTimeoutSeconds: g.Timeout,
		HealthyThresholdCount: g.Healthy, UnhealthyThresholdCount: g.Unhealthy, HTTPCode: "200",
	}
}

// queryPage reads PageSize and Marker.
func queryPage(form url.Values, n int) (from, to int, err error) {
	bad := &apiError{Code: "ValidationError", Message: "Invalid PageSize or Marker"}
	size := maxDescribedGroups
	if text := form.Get("PageSize"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > maxDescribedGroups {
			return 0, 0, bad
		}
	}
	if from, err = readPageToken(form.Get("Marker")); err != nil || from > n {
		return 0, 0, bad
	}
	return from, min(from+size, n), nil
}

// groups finds target groups by ARN or by name; neither finds all.
func (w *world) groups(arns, names []string) ([]*targetGroup, error) {
	if len(arns) > 0 && len(names) > 0 {
		return nil, &apiError{Code: "ValidationError", Message: "Target group ARNs and names cannot be specified at the same time"}
	}
	if len(arns)+len(names) == 0 {
		return w.targetGroups, nil
	}
	var found []*targetGroup
	for _, wanted := range slices.Concat(arns, names) {
		i := slices.IndexFunc(w.targetGroups, func(g *targetGroup) bool { return wanted == g.arn || len(names) > 0 && wanted == g.Name })
		if i < 0 {
			return nil, errGroupNotFound
		}
		found = append(found, w.targetGroups[i])
	}
	return found, nil
}

var errGroupNotFound = &apiError{Code: "TargetGroupNotFound", Message: "One or more target groups not found", Status: http.StatusBadRequest}

type describeTargetHealthXML struct {
	XMLName   xml.Name          `xml:"DescribeTargetHealthResponse"`
	Namespace string            `xml:"xmlns,attr"`
	Targets   []targetHealthXML `xml:"DescribeTargetHealthResult>TargetHealthDescriptions>member"`
	RequestID string            `xml:"ResponseMetadata>RequestId"`
}

type targetHealthXML struct {
	ID              string `xml:"Target>Id"`
	Port            int    `xml:"Target>Port"`
	Zone            string `xml:"Target>AvailabilityZone"`
	HealthCheckPort int    `xml:"HealthCheckPort"`
	State           string `xml:"TargetHealth>State"`
	Reason          string `xml:"TargetHealth>Reason,omitempty"`
	Description     string `xml:"TargetHealth>Description,omitempty"`
}

// describeTargetHealth lists the running tasks of every service that names the group.
func (s *Server) describeTargetHealth(r *apiRequest, form url.Values) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	w := s.worldOf(r)
	groups, err := w.groups([]string{form.Get("TargetGroupArn")}, nil)
	if err != nil {
		return nil, err
	}
	g := groups[0]
	out := describeTargetHealthXML{Namespace: elbNamespace, RequestID: newUUID()}
	for _, t := range w.tasks {
		svc := w.service(t.Cluster, t.Service)
		if svc == nil || t.LastStatus != statusRunning {
			continue
		}
		state := cmp.Or(t.TargetState, g.State)
		for _, lb := range svc.LoadBalancers {
			if lb.TargetGroup != g.arn {
				continue
			}
			target := targetHealthXML{ID: t.address, Port: lb.Port, Zone: s.cfg.Region + "a", HealthCheckPort: lb.Port, State: state}
			if state == "unhealthy" {
				target.Reason, target.Description = "Target.Timeout", "Request timed out"
			}
			out.Targets = append(out.Targets, target)
		}
	}
	return out, nil
}
