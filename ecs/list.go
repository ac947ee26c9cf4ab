package ecs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"
)

// What one call takes (ECS API reference).
const (
	serviceBatch    = 10
	protectionBatch = 100
)

// Listing is the running tasks that a query means.
type Listing struct {
	Cluster string   // name
	Tasks   []Task   // the best one to take a snapshot of first: see [List]
	Missing []string // what could not be learned, and why, for people
}

// Task is a running task with what one needs to know to choose it.
type Task struct {
	Target // its Container is the one to debug, "" if that is not clear

	Revision         int   // of the task definition, 0 if its ARN names none
	Current          *bool // whether that is what the service deploys now; nil: not known, or no service
	Status           string
	Health           string // HEALTHY, UNHEALTHY or UNKNOWN
	Zone             string // availability zone
	CapacityProvider string
	PlatformVersion  string
	MemoryLimit      int64  // bytes, 0 if there is none
	Memory           *Usage // nil: not known
	Protected        *bool  // from scale-in and deployments; nil: not known, or no service
	ProtectedUntil   time.Time
	Containers       []TaskContainer // in the order of ECS
}

// TaskContainer is a container of a [Task].
type TaskContainer struct {
	Name, Image, RuntimeID string
	Status, Health         string
	Essential              bool
	Sidecar                bool   // known not to be the application
	MemoryLimit            int64  // bytes, 0 if there is none
	MemoryReservation      int64  // bytes, 0 if there is none
	ExecAgent              string // status of the agent of ECS Exec, "" if it has none
	// Inspector is what the definition declares, nil when there is no flag for it. An
	// image can declare more.
	Inspector *Inspector
	Defined   bool // the definition could be read
}

// List returns all running tasks that the query means, the best to take a snapshot
// of first: those that a session can be opened to; of them those that are likely to
// stay (not unhealthy, not of an old revision); of them the hungriest, by the share
// of their memory that they use; of those without a figure the oldest. What the
// caller may not ask is left out, and said in [Listing.Missing]. metrics may be
// nil: then no memory is asked for.
//
// Errors: those of [Find] but for ambiguity of tasks and containers.
func List(ctx context.Context, client *awsecs.Client, metrics *awscloudwatch.Client, q Query) (Listing, error) {
	ref, q, err := q.resolve()
	if err != nil {
		return Listing{}, err
	}
	found, q, err := tasks(ctx, client, q, ref)
	if err != nil {
		return Listing{}, err
	}
	found = slices.DeleteFunc(found, func(t Target) bool { return aws.ToString(t.task.LastStatus) == string(ecstypes.DesiredStatusStopped) })
	listing := Listing{Cluster: q.Cluster, Tasks: []Task{}, Missing: []string{}}
	if len(found) == 0 {
		return listing, nil
	}
	r, err := research(ctx, client, metrics, found)
	if err != nil {
		return Listing{}, err
	}
	listing.Tasks = r.rank(found)
	slices.Sort(r.missing)
	listing.Missing = append(listing.Missing, slices.Compact(r.missing)...)
	return listing, nil
}

// Rank describes tasks that an [AmbiguousError] lists, in the order of [List], by
// what DescribeTasks has told already.
func Rank(tasks []Target, usage map[string]Usage) []Task {
	r := &learned{usage: usage}
	return r.rank(tasks)
}

func (r *learned) rank(found []Target) []Task {
	ranked := make([]Task, len(found))
	for i, t := range found {
		ranked[i] = r.task(t)
	}
	slices.SortFunc(ranked, func(a, b Task) int {
		return cmp.Or(a.worse()-b.worse(), hungrier(a.Target, b.Target, r.usage), older(a.Target, b.Target))
	})
	return ranked
}

// worse is 0 for a task that can be captured and stays, 1 for one that may be gone
// soon, 2 for one that cannot be reached.
func (t Task) worse() int {
	switch {
	case !t.Reachable():
		return 2
	case t.Health == string(ecstypes.HealthStatusUnhealthy), t.Current != nil && !*t.Current:
		return 1
	}
	return 0
}

// learned is what was learned of several tasks beyond DescribeTasks.
type learned struct {
	mu          sync.Mutex
	definitions map[string]ecstypes.TaskDefinition // by ARN
	deployed    map[string]string                  // ARN of the definition, by the name of the service
	protection  map[string]ecstypes.ProtectedTask  // by the ARN of the task
	usage       map[string]Usage                   // by the ARN of the task
	missing     []string
}

// research asks for everything at once, in batches and each definition once: they
// never change.
func research(ctx context.Context, client *awsecs.Client, metrics *awscloudwatch.Client, found []Target) (*learned, error) {
	r := &learned{definitions: map[string]ecstypes.TaskDefinition{}, deployed: map[string]string{}, protection: map[string]ecstypes.ProtectedTask{}}
	cluster := found[0].Cluster
	var services, definitions, served []string
	for _, t := range found {
		definitions = append(definitions, t.TaskDefinitionARN)
		if t.Service != "" {
			services, served = append(services, t.Service), append(served, t.TaskARN)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxCalls)
	if metrics != nil {
		group.Go(func() error {
			usage, missing, err := MemoryUsage(ctx, metrics, found)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.usage = usage
			if missing != "" {
				r.missing = append(r.missing, missing)
			}
			return err
		})
	}
	for batch := range slices.Chunk(distinct(services), serviceBatch) {
		group.Go(func() error { return r.askServices(ctx, client, cluster, batch) })
	}
	for batch := range slices.Chunk(served, protectionBatch) {
		group.Go(func() error { return r.askProtection(ctx, client, cluster, batch) })
	}
	for _, arn := range distinct(definitions) {
		group.Go(func() error { return r.askDefinition(ctx, client, arn) })
	}
	return r, group.Wait()
}

// distinct returns the values sorted, each once.
func distinct(values []string) []string { return slices.Compact(slices.Sorted(slices.Values(values))) }

// lacks notes what was not learned. An answer of AWS that refuses is no error of
// the listing; a network that is gone is.
func (r *learned) lacks(ctx context.Context, what, action string, err error) error {
	if context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	if !answered(err) {
		return fmt.Errorf("listing the tasks: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing = append(r.missing, what+": "+unasked(action, err))
	return nil
}

func (r *learned) askServices(ctx context.Context, client *awsecs.Client, cluster string, names []string) error {
	out, err := client.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String(cluster), Services: names})
	if err != nil {
		return r.lacks(ctx, "current revision", "ecs:DescribeServices", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range out.Services {
		r.deployed[aws.ToString(s.ServiceName)] = aws.ToString(s.TaskDefinition)
	}
	return nil
}

func (r *learned) askProtection(ctx context.Context, client *awsecs.Client, cluster string, arns []string) error {
	out, err := client.GetTaskProtection(ctx, &awsecs.GetTaskProtectionInput{Cluster: aws.String(cluster), Tasks: arns})
	if err != nil {
		return r.lacks(ctx, "protection", "ecs:GetTaskProtection", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range out.ProtectedTasks { // the others are in out.Failures
		r.protection[aws.ToString(p.TaskArn)] = p
	}
	return nil
}

func (r *learned) askDefinition(ctx context.Context, client *awsecs.Client, arn string) error {
	out, err := client.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(arn)})
	if err != nil {
		return r.lacks(ctx, "inspector", "ecs:DescribeTaskDefinition", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if out.TaskDefinition != nil {
		r.definitions[arn] = *out.TaskDefinition
	}
	return nil
}

// task puts together what is known of one task.
func (r *learned) task(t Target) Task {
	if d, ok := r.definitions[t.TaskDefinitionARN]; ok {
		t.definition = d
	}
	if name, err := chooseContainer(t, ""); err == nil { // else it is not clear, or there is none
		t.choose(name)
	}
	_, revision, _ := strings.Cut(lastSegment(t.TaskDefinitionARN), ":")
	number, _ := strconv.Atoi(revision) // 0 if there is none
	listed := Task{
		Target: t, Revision: number, Status: aws.ToString(t.task.LastStatus), Health: string(t.task.HealthStatus),
		Zone: aws.ToString(t.task.AvailabilityZone), CapacityProvider: aws.ToString(t.task.CapacityProviderName),
		PlatformVersion: aws.ToString(t.task.PlatformVersion), MemoryLimit: t.TaskMemory(),
	}
	if deployed := r.deployed[t.Service]; t.Service != "" && deployed != "" {
		listed.Current = aws.Bool(deployed == t.TaskDefinitionARN)
	}
	if p, ok := r.protection[t.TaskARN]; ok {
		listed.Protected, listed.ProtectedUntil = aws.Bool(p.ProtectionEnabled), aws.ToTime(p.ExpirationDate)
	}
	if u, ok := r.usage[t.TaskARN]; ok {
		listed.Memory = &u
	}
	for _, c := range t.task.Containers {
		listed.Containers = append(listed.Containers, t.listed(c))
	}
	return listed
}

// listed describes one container of the task.
func (t Target) listed(c ecstypes.Container) TaskContainer {
	d := definitionOf(t.definition, aws.ToString(c.Name))
	listed := TaskContainer{
		Name: aws.ToString(c.Name), Image: aws.ToString(c.Image), RuntimeID: aws.ToString(c.RuntimeId),
		Status: aws.ToString(c.LastStatus), Health: string(c.HealthStatus), Essential: isEssential(c, d), Sidecar: !notSidecar(c, d),
		MemoryLimit: mebibytes(c.Memory), MemoryReservation: mebibytes(c.MemoryReservation), ExecAgent: execAgent(c),
		Defined: aws.ToString(d.Name) != "",
	}
	t.Container = listed.Name
	if i := inspector(t); i.Flag != "" {
		listed.Inspector = &i
	}
	return listed
}

// Spot tells whether the task runs on capacity that AWS may take back after a
// two-minute notice, as far as its capacity provider tells: the ones of instances
// have names of their own.
func (t Task) Spot() bool { return t.CapacityProvider == "FARGATE_SPOT" }

// Region is the region in the task's ARN.
func (t Target) Region() string {
	if f := strings.SplitN(t.TaskARN, ":", 6); len(f) == 6 {
		return f[3]
	}
	return ""
}
