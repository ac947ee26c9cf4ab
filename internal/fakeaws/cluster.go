package fakeaws

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// Cluster is what DescribeClusters says beyond what services and tasks imply.
type Cluster struct {
	Name   string
	Status string // ACTIVE by default
	// ContainerInsights is disabled by default, enabled or enhanced.
	ContainerInsights string
	// Exec is the configuration of ECS Exec; the zero value is what a new cluster has.
	Exec ExecConfiguration
	// ServiceConnectNamespace is the default one, empty for none.
	ServiceConnectNamespace string
	Tags                    map[string]string
}

// ExecConfiguration is a cluster's executeCommandConfiguration.
type ExecConfiguration struct {
	KMSKey  string // id or ARN; empty for none
	Logging string // DEFAULT by default, NONE or OVERRIDE
	// LogGroup, Bucket and Prefix are where an OVERRIDE logs to.
	LogGroup, Bucket, Prefix string
}

// AddCluster makes a cluster without tasks. AddTask makes the cluster it names by itself.
func (s *Server) AddCluster(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addCluster(name)
}

// SetCluster makes a cluster, or replaces what is said of the one of its name.
func (s *Server) SetCluster(c Cluster) {
	setDefault(&c.Status, "ACTIVE")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addCluster(c.Name)
	*s.world.cluster(c.Name) = c
}

func (w *world) addCluster(name string) {
	if w.cluster(name) == nil {
		w.clusters = append(w.clusters, &Cluster{Name: name, Status: "ACTIVE"})
	}
}

// cluster finds a cluster, nil if there is none.
func (w *world) cluster(name string) *Cluster {
	for _, c := range w.clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

type clusterJSON struct {
	ClusterArn          string             `json:"clusterArn"`
	ClusterName         string             `json:"clusterName"`
	Status              string             `json:"status"`
	RunningTasksCount   int                `json:"runningTasksCount"`
	PendingTasksCount   int                `json:"pendingTasksCount"`
	ActiveServicesCount int                `json:"activeServicesCount"`
	Instances           int                `json:"registeredContainerInstancesCount"`
	Statistics          []nameValueJSON    `json:"statistics"`
	Tags                []tagJSON          `json:"tags"`
	Settings            []nameValueJSON    `json:"settings"`
	CapacityProviders   []string           `json:"capacityProviders"`
	DefaultStrategy     []strategyJSON     `json:"defaultCapacityProviderStrategy"`
	Configuration       *configurationJSON `json:"configuration,omitempty"`
	ServiceConnect      *namespaceJSON     `json:"serviceConnectDefaults,omitempty"`
}

type namespaceJSON struct {
	Namespace string `json:"namespace"`
}

type strategyJSON struct {
	Base     int    `json:"base"`
	Provider string `json:"capacityProvider"`
	Weight   int    `json:"weight"`
}

type configurationJSON struct {
	Exec execConfigurationJSON `json:"executeCommandConfiguration"`
}

type execConfigurationJSON struct {
	KMSKey  string                `json:"kmsKeyId,omitempty"`
	Logging string                `json:"logging"`
	Log     *logConfigurationJSON `json:"logConfiguration,omitempty"`
}

type logConfigurationJSON struct {
	LogGroup         string `json:"cloudWatchLogGroupName,omitempty"`
	LogGroupIsCipher bool   `json:"cloudWatchEncryptionEnabled"`
	Bucket           string `json:"s3BucketName,omitempty"`
	BucketIsCipher   bool   `json:"s3EncryptionEnabled"`
	Prefix           string `json:"s3KeyPrefix,omitempty"`
}

func (e *ExecConfiguration) json() *configurationJSON {
	out := execConfigurationJSON{KMSKey: e.KMSKey, Logging: cmp.Or(e.Logging, "DEFAULT")}
	if out.Logging == "OVERRIDE" {
		out.Log = &logConfigurationJSON{LogGroup: e.LogGroup, Bucket: e.Bucket, Prefix: e.Prefix}
	}
	return &configurationJSON{out}
}

// clusterJSON counts what is in a cluster. Settings, configuration, statistics and tags are only
// there for those who ask.
func (s *Server) clusterJSON(w *world, c *Cluster, include []string) clusterJSON {
	out := clusterJSON{
		ClusterArn: s.clusterARN(c.Name), ClusterName: c.Name, Status: c.Status,
		Statistics: []nameValueJSON{}, Tags: []tagJSON{}, Settings: []nameValueJSON{},
		CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}, DefaultStrategy: []strategyJSON{},
	}
	counts := map[string]int{}
	for _, t := range w.tasks {
		if t.Cluster != c.Name {
			continue
		}
		kind := "Fargate"
		if t.LaunchType != defaultLaunchType {
			kind = "EC2"
		}
		switch t.LastStatus {
		case statusRunning:
			out.RunningTasksCount++
			counts["running"+kind+"TasksCount"]++
		case statusPending:
			out.PendingTasksCount++
			counts["pending"+kind+"TasksCount"]++
		}
	}
	for _, svc := range w.services {
		if svc.Cluster == c.Name {
			out.ActiveServicesCount++
		}
	}
	for _, i := range w.instances {
		if i.Cluster == c.Name {
			out.Instances++
		}
	}
	if slices.Contains(include, "STATISTICS") {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			out.Statistics = append(out.Statistics, nameValueJSON{name, strconv.Itoa(counts[name])})
		}
	}
	if slices.Contains(include, "SETTINGS") {
		out.Settings = []nameValueJSON{{"containerInsights", cmp.Or(c.ContainerInsights, "disabled")}}
	}
	if slices.Contains(include, "CONFIGURATIONS") {
		out.Configuration = c.Exec.json()
	}
	if slices.Contains(include, "TAGS") {
		out.Tags = tagsJSON(c.Tags)
	}
	if c.ServiceConnectNamespace != "" {
		out.ServiceConnect = &namespaceJSON{c.ServiceConnectNamespace}
	}
	return out
}
