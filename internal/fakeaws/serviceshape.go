package fakeaws

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type serviceJSON struct {
	ServiceArn           string                      `json:"serviceArn"`
	ServiceName          string                      `json:"serviceName"`
	ClusterArn           string                      `json:"clusterArn"`
	Status               string                      `json:"status"`
	DesiredCount         int                         `json:"desiredCount"`
	RunningCount         int                         `json:"runningCount"`
	PendingCount         int                         `json:"pendingCount"`
	LaunchType           string                      `json:"launchType,omitempty"`
	Strategy             []strategyJSON              `json:"capacityProviderStrategy,omitempty"`
	PlatformVersion      string                      `json:"platformVersion,omitempty"`
	PlatformFamily       string                      `json:"platformFamily,omitempty"`
	TaskDefinition       string                      `json:"taskDefinition,omitempty"`
	EnableExecuteCommand bool                        `json:"enableExecuteCommand"`
	ManagedTags          bool                        `json:"enableECSManagedTags"`
	PropagateTags        string                      `json:"propagateTags"`
	SchedulingStrategy   string                      `json:"schedulingStrategy"`
	ZoneRebalancing      string                      `json:"availabilityZoneRebalancing"`
	ResourceManagement   string                      `json:"resourceManagementType"`
	GracePeriod          int                         `json:"healthCheckGracePeriodSeconds"`
	Controller           controllerJSON              `json:"deploymentController"`
	Configuration        deploymentConfigurationJSON `json:"deploymentConfiguration"`
	Deployments          []deploymentJSON            `json:"deployments"`
	CurrentDeployment    string                      `json:"currentServiceDeployment,omitempty"`
	Events               []eventJSON                 `json:"events"`
	LoadBalancers        []loadBalancerJSON          `json:"loadBalancers"`
	ServiceRegistries    []any                       `json:"serviceRegistries"`
	PlacementConstraints []any                       `json:"placementConstraints"`
	PlacementStrategy    []any                       `json:"placementStrategy"`
	Network              *networkConfigurationJSON   `json:"networkConfiguration,omitempty"`
	Tags                 []tagJSON                   `json:"tags,omitempty"`
	CreatedAt            *epoch                      `json:"createdAt,omitempty"`
	CreatedBy            string                      `json:"createdBy"`
}

type controllerJSON struct {
	Type string `json:"type"`
}

type eventJSON struct {
	ID        string `json:"id"`
	CreatedAt epoch  `json:"createdAt"`
	Message   string `json:"message"`
}

type deploymentConfigurationJSON struct {
	CircuitBreaker circuitBreakerJSON `json:"deploymentCircuitBreaker"`
	Maximum        int                `json:"maximumPercent"`
	Minimum        int                `json:"minimumHealthyPercent"`
	Strategy       string             `json:"strategy"`
	BakeTime       int                `json:"bakeTimeInMinutes"`
}

type circuitBreakerJSON struct {
	Enable   bool `json:"enable"`
	Rollback bool `json:"rollback"`
}

func (d DeploymentConfiguration) json() deploymentConfigurationJSON {
	if d.MaximumPercent == 0 && d.MinimumHealthyPercent == 0 {
		d.MaximumPercent, d.MinimumHealthyPercent = 200, 100
	}
	return deploymentConfigurationJSON{
		CircuitBreaker: circuitBreakerJSON{d.CircuitBreaker, d.Rollback}, Maximum: d.MaximumPercent, Minimum: d.MinimumHealthyPercent,
		Strategy: cmp.Or(d.Strategy, "ROLLING"), BakeTime: d.BakeTime,
	}
}

type networkConfigurationJSON struct {
	VPC vpcConfigurationJSON `json:"awsvpcConfiguration"`
}

type vpcConfigurationJSON struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
	AssignPublicIP string   `json:"assignPublicIp"`
}

type loadBalancerJSON struct {
	TargetGroupArn string `json:"targetGroupArn"`
	ContainerName  string `json:"containerName"`
	ContainerPort  int    `json:"containerPort"`
}

type deploymentJSON struct {
	ID              string                    `json:"id"`
	Status          string                    `json:"status"`
	TaskDefinition  string                    `json:"taskDefinition"`
	DesiredCount    int                       `json:"desiredCount"`
	RunningCount    int                       `json:"runningCount"`
	PendingCount    int                       `json:"pendingCount"`
	FailedTasks     int                       `json:"failedTasks"`
	LaunchType      string                    `json:"launchType,omitempty"`
	Strategy        []strategyJSON            `json:"capacityProviderStrategy,omitempty"`
	PlatformVersion string                    `json:"platformVersion,omitempty"`
	PlatformFamily  string                    `json:"platformFamily,omitempty"`
	RolloutState    string                    `json:"rolloutState"`
	RolloutReason   string                    `json:"rolloutStateReason"`
	Network         *networkConfigurationJSON `json:"networkConfiguration,omitempty"`
	ServiceConnect  *serviceConnectJSON       `json:"serviceConnectConfiguration,omitempty"`
	CreatedAt       epoch                     `json:"createdAt"`
	UpdatedAt       epoch                     `json:"updatedAt"`
}

type serviceConnectJSON struct {
	Enabled   bool   `json:"enabled"`
	Namespace string `json:"namespace"`
}

// launchType of a service is that of its tasks.
func (w *world) launchType(svc *Service) string {
	for _, t := range w.tasks {
		if t.Cluster == svc.Cluster && t.Service == svc.Name {
			return t.LaunchType
		}
	}
	return defaultLaunchType
}

// networkOf is the network configuration of a service whose tasks have interfaces of their own.
func (w *world) networkOf(svc *Service, newest *task) *networkConfigurationJSON {
	if newest != nil && newest.NetworkMode != defaultNetworkMode {
		return nil
	}
	subnets, groups := svc.Subnets, svc.SecurityGroups
	if len(subnets) == 0 {
		subnets = []string{w.vpc.firstSubnet()}
	}
	if len(groups) == 0 {
		groups = []string{w.vpc.firstGroup()}
	}
	return &networkConfigurationJSON{vpcConfigurationJSON{slices.Clone(subnets), slices.Clone(groups), cmp.Or(svc.AssignPublicIP, "DISABLED")}}
}

// serviceJSON counts the tasks of a service; its task definition is that of its primary deployment.
func (s *Server) serviceJSON(w *world, svc *Service, withTags bool) serviceJSON {
	tasks, newest := w.tasksOf(svc)
	out := serviceJSON{
		ServiceArn: s.serviceARN(svc.Cluster, svc.Name), ServiceName: svc.Name, ClusterArn: s.clusterARN(svc.Cluster),
		Status: cmp.Or(svc.Status, "ACTIVE"), LaunchType: w.launchType(svc), EnableExecuteCommand: svc.Exec,
		PropagateTags: "NONE", SchedulingStrategy: cmp.Or(svc.SchedulingStrategy, "REPLICA"),
		ZoneRebalancing: cmp.Or(svc.ZoneRebalancing, "DISABLED"), ResourceManagement: cmp.Or(svc.ResourceManagement, "CUSTOMER"),
		GracePeriod: svc.GracePeriod, Controller: controllerJSON{cmp.Or(svc.Controller, "ECS")}, Configuration: svc.DeploymentConfiguration.json(),
		Deployments: []deploymentJSON{}, Events: []eventJSON{}, LoadBalancers: []loadBalancerJSON{}, ServiceRegistries: []any{},
		PlacementConstraints: []any{}, PlacementStrategy: []any{}, Network: w.networkOf(svc, newest), CreatedBy: s.globalARN("iam", "role/ci"),
	}
	if out.LaunchType == defaultLaunchType {
		out.PlatformVersion, out.PlatformFamily = cmp.Or(svc.PlatformVersion, "LATEST"), "Linux"
	}
	for _, provider := range svc.CapacityProviders {
		out.LaunchType = ""
		out.Strategy = append(out.Strategy, strategyJSON{Provider: provider, Weight: 1})
	}
	for _, lb := range svc.LoadBalancers {
		out.LoadBalancers = append(out.LoadBalancers, loadBalancerJSON{lb.TargetGroup, lb.Container, lb.Port})
	}
	for _, t := range tasks {
		if t.LastStatus == statusRunning {
			out.RunningCount++
		} else {
			out.PendingCount++
		}
	}
	out.DesiredCount = cmp.Or(svc.Desired, out.RunningCount+out.PendingCount)
	if withTags {
		out.Tags = tagsJSON(svc.Tags)
	}
	s.deploymentsJSON(w, svc, tasks, &out)
	for i, message := range svc.Events {
		out.Events = append(out.Events, eventJSON{ID: "event-" + strconv.Itoa(i+1), CreatedAt: epoch(time.Now()), Message: message})
	}
	return out
}

// deploymentsJSON fills what an answer says of a service's deployments.
func (s *Server) deploymentsJSON(w *world, svc *Service, tasks []*task, out *serviceJSON) {
	list := w.deploymentsOf(svc)
	for i := range list {
		d := &list[i]
		j := deploymentJSON{
			ID: d.ID, Status: d.Status, TaskDefinition: s.definitionARN(d.Family, d.Revision), FailedTasks: d.Failed,
			LaunchType: out.LaunchType, Strategy: out.Strategy, RolloutState: d.RolloutState, RolloutReason: d.reason(), Network: out.Network,
			CreatedAt: epoch(d.CreatedAt), UpdatedAt: epoch(d.UpdatedAt),
		}
		if out.PlatformVersion != "" {
			j.PlatformVersion, j.PlatformFamily = "1.4.0", "Linux" // what LATEST is
		}
		j.RunningCount, j.PendingCount = d.count(tasks, list)
		j.DesiredCount = cmp.Or(d.Desired, j.RunningCount+j.PendingCount)
		if i == 0 {
			j.DesiredCount = cmp.Or(d.Desired, out.DesiredCount)
		}
		if svc.ServiceConnect != "" {
			j.ServiceConnect = &serviceConnectJSON{true, svc.ServiceConnect}
		}
		out.Deployments = append(out.Deployments, j)
	}
	if len(list) == 0 {
		return
	}
	created := epoch(list[len(list)-1].CreatedAt)
	out.CreatedAt = &created
	out.TaskDefinition = out.Deployments[0].TaskDefinition
	out.CurrentDeployment = s.serviceDeploymentARN(svc, &list[0])
}

// reason is ECS's own wording of a rollout's state.
func (d *Deployment) reason() string {
	switch {
	case d.Reason != "":
		return d.Reason
	case d.RolloutState == "IN_PROGRESS":
		return "ECS deployment " + d.ID + " in progress."
	case d.RolloutState == "FAILED":
		return "ECS deployment circuit breaker: task failed to start."
	}
	return "ECS deployment " + d.ID + " completed."
}

func (s *Server) serviceDeploymentARN(svc *Service, d *Deployment) string {
	return s.ecsARN("service-deployment/" + svc.Cluster + "/" + svc.Name + "/" + strings.TrimPrefix(d.ID, "ecs-svc/"))
}

type listServiceDeploymentsInput struct {
	pageInput
	Cluster string   `json:"cluster"`
	Service string   `json:"service"`
	Status  []string `json:"status"`
}

type listServiceDeploymentsOutput struct {
	Deployments []serviceDeploymentJSON `json:"serviceDeployments"`
	NextToken   string                  `json:"nextToken,omitempty"`
}

type serviceDeploymentJSON struct {
	Arn         string `json:"serviceDeploymentArn"`
	ServiceArn  string `json:"serviceArn"`
	ClusterArn  string `json:"clusterArn"`
	CreatedAt   epoch  `json:"createdAt"`
	StartedAt   epoch  `json:"startedAt"`
	FinishedAt  *epoch `json:"finishedAt,omitempty"`
	RevisionArn string `json:"targetServiceRevisionArn"`
	Status      string `json:"status"`
	Reason      string `json:"statusReason,omitempty"`
}

// serviceDeploymentStatus is what ListServiceDeployments calls a rollout's state.
func serviceDeploymentStatus(rollout string) string {
	switch rollout {
	case "COMPLETED":
		return "SUCCESSFUL"
	case "FAILED":
		return "ROLLBACK_FAILED"
	}
	return rollout
}

func (s *Server) listServiceDeployments(r *apiRequest, in listServiceDeploymentsInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	name := lastPart(in.Service)
	if err := s.permit(r, s.inCluster(cluster), s.serviceARN(cluster, name)); err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, missing
	}
	svc := w.service(cluster, name)
	if svc == nil {
		return nil, errServiceNotFound
	}
	byARN := map[string]serviceDeploymentJSON{}
	var arns []string
	for _, d := range w.deploymentsOf(svc) {
		status := serviceDeploymentStatus(d.RolloutState)
		if len(in.Status) > 0 && !slices.Contains(in.Status, status) {
			continue
		}
		j := serviceDeploymentJSON{
			Arn: s.serviceDeploymentARN(svc, &d), ServiceArn: s.serviceARN(cluster, name), ClusterArn: s.clusterARN(cluster),
			CreatedAt: epoch(d.CreatedAt), StartedAt: epoch(d.CreatedAt), Status: status, Reason: d.Reason,
			RevisionArn: s.ecsARN("service-revision/" + cluster + "/" + name + "/" + strconv.Itoa(d.Revision)),
		}
		if status != "IN_PROGRESS" {
			j.FinishedAt = optionalEpoch(d.UpdatedAt)
		}
		arns, byARN[j.Arn] = append(arns, j.Arn), j
	}
	part, next, err := page(arns, in.pageInput)
	out := listServiceDeploymentsOutput{Deployments: []serviceDeploymentJSON{}, NextToken: next}
	for _, arn := range part {
		out.Deployments = append(out.Deployments, byARN[arn])
	}
	return out, err
}
