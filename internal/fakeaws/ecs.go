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
	Detail string `json:"detail,omitempty"`
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

// openCluster resolves a cluster name or ARN; the empty one is "default". World and name are there
// with the error too: permissions come first.
func (s *Server) openCluster(r *apiRequest, nameOrARN string) (*world, string, error) {
	name := lastPart(nameOrARN)
	if name == "" {
		name = defaultCluster
	}
	w := s.worldOf(r)
	if w.cluster(name) == nil {
		return w, name, errClusterNotFound
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
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	var arns []string
	for _, c := range s.worldOf(r).clusters {
		arns = append(arns, s.clusterARN(c.Name))
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
	if len(in.Clusters) == 0 {
		in.Clusters = []string{defaultCluster}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range in.Clusters {
		name := lastPart(c)
		context := attributes(nil)
		if found := s.worldOf(r).cluster(name); found != nil {
			context = tagged(nil, found.Tags)
		}
		if err := s.permit(r, context, s.clusterARN(name)); err != nil {
			return nil, err
		}
	}
	if len(in.Clusters) > maxDescribedClusters {
		return nil, invalidParameter("Clusters cannot have more than %d elements", maxDescribedClusters)
	}
	out := describeClustersOutput{Clusters: []clusterJSON{}, Failures: []failureJSON{}}
	w := s.worldOf(r)
	for _, c := range in.Clusters {
		found := w.cluster(lastPart(c))
		if found == nil {
			out.Failures = append(out.Failures, failureJSON{Arn: s.clusterARN(lastPart(c)), Reason: reasonMissing})
			continue
		}
		out.Clusters = append(out.Clusters, s.clusterJSON(w, found, in.Include))
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
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permit(r, s.inCluster(cluster)); err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, missing
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
	Include  []string `json:"include"`
}

type describeServicesOutput struct {
	Services []serviceJSON `json:"services"`
	Failures []failureJSON `json:"failures"`
}

func (s *Server) describeServices(r *apiRequest, in describeServicesInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permitServices(r, w, cluster, in.Services...); err != nil {
		return nil, err
	}
	switch {
	case len(in.Services) == 0:
		return nil, invalidParameter("Services cannot be empty.")
	case len(in.Services) > maxDescribedServices:
		return nil, invalidParameter("Services cannot have more than %d elements", maxDescribedServices)
	case missing != nil:
		return nil, missing
	}
	out := describeServicesOutput{Services: []serviceJSON{}, Failures: []failureJSON{}}
	for _, name := range in.Services {
		svc := w.service(cluster, lastPart(name))
		if svc == nil {
			out.Failures = append(out.Failures, failureJSON{Arn: s.serviceARN(cluster, lastPart(name)), Reason: reasonMissing})
			continue
		}
		out.Services = append(out.Services, s.serviceJSON(w, svc, slices.Contains(in.Include, "TAGS")))
	}
	return out, nil
}

// permitServices asks for the permission on each of the named services. The caller holds s.mu.
func (s *Server) permitServices(r *apiRequest, w *world, cluster string, names ...string) error {
	for _, name := range names {
		context := s.inCluster(cluster)
		if svc := w.service(cluster, lastPart(name)); svc != nil {
			context = tagged(context, svc.Tags)
		}
		if err := s.permit(r, context, s.serviceARN(cluster, lastPart(name))); err != nil {
			return err
		}
	}
	return nil
}

type describeTaskDefinitionInput struct {
	TaskDefinition string `json:"taskDefinition"`
}

type describeTaskDefinitionOutput struct {
	TaskDefinition any       `json:"taskDefinition"`
	Tags           []tagJSON `json:"tags"`
}

func (s *Server) describeTaskDefinition(r *apiRequest, in describeTaskDefinitionInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	d, err := s.worldOf(r).findDefinition(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, &apiError{Code: "ClientException", Message: "Unable to describe task definition."}
	}
	return describeTaskDefinitionOutput{TaskDefinition: s.describedDefinition(d), Tags: []tagJSON{}}, nil
}

// findDefinition finds a task definition by family, family:revision or ARN; nil without an error
// if there is none.
func (w *world) findDefinition(name string) (*definition, error) {
	family, digits, hasRevision := strings.Cut(lastPart(name), ":")
	revision := 0
	if hasRevision {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 {
			return nil, invalidParameter("Invalid revision number. Number: %s", digits)
		}
		revision = n
	}
	return w.definition(family, revision), nil
}
