package fakeaws

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of the ECS API.
const (
	pageSize             = 100 // of every list operation, and the most that maxResults may ask for
	maxDescribedTasks    = 100
	maxDescribedServices = 10
	maxDescribedClusters = 100

	reasonMissing = "MISSING"
)

// failureJSON is one entry of the failures that a describe operation answers with HTTP 200.
type failureJSON struct {
	Arn    string `json:"arn"`
	Reason string `json:"reason"`
}

// pageInput is what every list operation takes.
type pageInput struct {
	MaxResults int    `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

var (
	errClusterNotFound = &apiError{Code: "ClusterNotFoundException", Message: "Cluster not found."}
	errServiceNotFound = &apiError{Code: "ServiceNotFoundException", Message: "Service not found."}
)

func invalidParameter(format string, args ...any) error {
	return &apiError{Code: "InvalidParameterException", Message: fmt.Sprintf(format, args...)}
}

// page cuts one page out of all and says how to ask for the next.
func page(all []string, in pageInput) (part []string, next string, err error) {
	size := pageSize
	if in.MaxResults != 0 {
		if in.MaxResults < 1 || in.MaxResults > pageSize {
			return nil, "", invalidParameter("maxResults must be between 1 and %d", pageSize)
		}
		size = in.MaxResults
	}
	from, err := readPageToken(in.NextToken)
	if err != nil || from > len(all) {
		return nil, "", invalidParameter("Invalid token")
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = pageToken(to)
	}
	return append([]string{}, all[from:to]...), next, nil // never null
}

func pageToken(from int) string {
	return base64.StdEncoding.EncodeToString([]byte("from-" + strconv.Itoa(from)))
}

func readPageToken(token string) (from int, err error) {
	if token == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, fmt.Errorf("reading page token: %w", err)
	}
	digits, ok := strings.CutPrefix(string(raw), "from-")
	from, err = strconv.Atoi(digits)
	if err != nil || !ok || from < 0 {
		return 0, fmt.Errorf("reading page token: %q is none", raw)
	}
	return from, nil
}

// worldOf is the world of the region that the request was signed for. Only one region has anything
// in it. The caller holds s.mu.
func (s *Server) worldOf(r *apiRequest) *world {
	if r.region != s.cfg.Region {
		return &world{}
	}
	return &s.world
}

// openCluster resolves a cluster name or ARN; the empty one is "default".
func (s *Server) openCluster(r *apiRequest, nameOrARN string) (*world, string, error) {
	name := lastPart(nameOrARN)
	if name == "" {
		name = defaultCluster
	}
	w := s.worldOf(r)
	if !slices.Contains(w.clusters, name) {
		return nil, name, errClusterNotFound
	}
	return w, name, nil
}

type listClustersOutput struct {
	ClusterArns []string `json:"clusterArns"`
	NextToken   string   `json:"nextToken,omitempty"`
}

func (s *Server) listClusters(r *apiRequest, in pageInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var arns []string
	for _, name := range s.worldOf(r).clusters {
		arns = append(arns, s.clusterARN(name))
	}
	part, next, err := page(arns, in)
	return listClustersOutput{ClusterArns: part, NextToken: next}, err
}

type describeClustersInput struct {
	Clusters []string `json:"clusters"`
	Include  []string `json:"include"`
}

type describeClustersOutput struct {
	Clusters []clusterJSON `json:"clusters"`
	Failures []failureJSON `json:"failures"`
}

func (s *Server) describeClusters(r *apiRequest, in describeClustersInput) (any, error) {
	if len(in.Clusters) > maxDescribedClusters {
		return nil, invalidParameter("Clusters cannot have more than %d elements", maxDescribedClusters)
	}
	if len(in.Clusters) == 0 {
		in.Clusters = []string{defaultCluster}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := describeClustersOutput{Clusters: []clusterJSON{}, Failures: []failureJSON{}}
	w := s.worldOf(r)
	for _, c := range in.Clusters {
		name := lastPart(c)
		r.touches(s.clusterARN(name))
		if !slices.Contains(w.clusters, name) {
			out.Failures = append(out.Failures, failureJSON{Arn: s.clusterARN(name), Reason: reasonMissing})
			continue
		}
		out.Clusters = append(out.Clusters, s.clusterJSON(w, name, in.Include))
	}
	return out, nil
}

type listServicesInput struct {
	pageInput
	Cluster    string `json:"cluster"`
	LaunchType string `json:"launchType"`
}

type listServicesOutput struct {
	ServiceArns []string `json:"serviceArns"`
	NextToken   string   `json:"nextToken,omitempty"`
}

func (s *Server) listServices(r *apiRequest, in listServicesInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, err := s.openCluster(r, in.Cluster)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, svc := range w.services {
		if svc.Cluster == cluster && (in.LaunchType == "" || in.LaunchType == w.launchType(svc)) {
			arns = append(arns, s.serviceARN(cluster, svc.Name))
		}
	}
	part, next, err := page(arns, in.pageInput)
	return listServicesOutput{ServiceArns: part, NextToken: next}, err
}

type describeServicesInput struct {
	Cluster  string   `json:"cluster"`
	Services []string `json:"services"`
}

type describeServicesOutput struct {
	Services []serviceJSON `json:"services"`
	Failures []failureJSON `json:"failures"`
}

func (s *Server) describeServices(r *apiRequest, in describeServicesInput) (any, error) {
	if len(in.Services) == 0 {
		return nil, invalidParameter("Services cannot be empty.")
	}
	if len(in.Services) > maxDescribedServices {
		return nil, invalidParameter("Services cannot have more than %d elements", maxDescribedServices)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, err := s.openCluster(r, in.Cluster)
	for _, name := range in.Services {
		r.touches(s.serviceARN(cluster, lastPart(name)))
	}
	if err != nil {
		return nil, err
	}
	out := describeServicesOutput{Services: []serviceJSON{}, Failures: []failureJSON{}}
	for _, name := range in.Services {
		svc := w.service(cluster, lastPart(name))
		if svc == nil {
			out.Failures = append(out.Failures, failureJSON{Arn: s.serviceARN(cluster, lastPart(name)), Reason: reasonMissing})
			continue
		}
		out.Services = append(out.Services, s.serviceJSON(w, svc))
	}
	return out, nil
}

type describeTaskDefinitionInput struct {
	TaskDefinition string `json:"taskDefinition"`
}

type describeTaskDefinitionOutput struct {
	TaskDefinition definitionJSON `json:"taskDefinition"`
	Tags           []tagJSON      `json:"tags"`
}

func (s *Server) describeTaskDefinition(r *apiRequest, in describeTaskDefinitionInput) (any, error) {
	family, digits, hasRevision := strings.Cut(lastPart(in.TaskDefinition), ":")
	revision := 0
	if hasRevision {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 {
			return nil, invalidParameter("Invalid revision number. Number: %s", digits)
		}
		revision = n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.worldOf(r).definition(family, revision)
	if d == nil {
		return nil, &apiError{Code: "ClientException", Message: "Unable to describe task definition."}
	}
	return describeTaskDefinitionOutput{TaskDefinition: s.definitionJSON(d), Tags: []tagJSON{}}, nil
}
