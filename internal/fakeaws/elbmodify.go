package fakeaws

import (
	"encoding/xml"
	"net/url"
	"strconv"
)

type modifyTargetGroupXML struct {
	XMLName   xml.Name         `xml:"ModifyTargetGroupResponse"`
	Namespace string           `xml:"xmlns,attr"`
	Groups    []targetGroupXML `xml:"ModifyTargetGroupResult>TargetGroups>member"`
	RequestID string           `xml:"ResponseMetadata>RequestId"`
}

// modifyTargetGroup changes the health check of a target group, within the bounds of AWS.
func (s *Server) modifyTargetGroup(r *apiRequest, form url.Values) (any, error) {
	arn := form.Get("TargetGroupArn")
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil, arn); err != nil {
		return nil, err
	}
	groups, err := s.worldOf(r).groups([]string{arn}, nil)
	if err != nil {
		return nil, err
	}
	changed := groups[0].TargetGroup
	for _, p := range []struct {
		name     string
		to       *int
		min, max int
	}{
		{"HealthCheckIntervalSeconds", &changed.Interval, 5, 300},
		{"HealthCheckTimeoutSeconds", &changed.Timeout, 2, 120},
		{"HealthyThresholdCount", &changed.Healthy, 2, 10},
		{"UnhealthyThresholdCount", &changed.Unhealthy, 2, 10},
	} {
		text := form.Get(p.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < p.min || n > p.max {
			return nil, &apiError{
				Code: "ValidationError", Message: p.name + " must be between " + strconv.Itoa(p.min) + " and " + strconv.Itoa(p.max),
			}
		}
		*p.to = n
	}
	if changed.Timeout >= changed.Interval {
		return nil, &apiError{Code: "InvalidConfigurationRequest", Message: "Health check timeout must be smaller than the interval"}
	}
	if path := form.Get("HealthCheckPath"); path != "" {
		changed.Path = path
	}
	groups[0].TargetGroup = changed
	return modifyTargetGroupXML{Namespace: elbNamespace, Groups: []targetGroupXML{groups[0].xml()}, RequestID: newUUID()}, nil
}
