package iampolicies

import (
	"fmt"
	"regexp"
	"strings"
)

// The placeholders in the files.
const (
	placeAccount       = "111122223333"
	placeRegion        = "eu-west-1"
	placeCluster       = "prod"
	placeName          = "api" // of the service, of its family and of its container
	placeTaskRole      = "api-task-role"
	placeExecutionRole = "api-execution-role"
	placeBucket        = "heap-evidence"
	placePrefix        = "ecsheap"
	placeLogBucket     = "exec-log-bucket"
	placeLogPrefix     = "prefix"
	placeLogGroup      = "/aws/ecs/exec"
	placeHeapKey       = "HEAP-KEY-ID"
	placeExecKey       = "EXEC-KEY-ID"
)

// Field is something that a policy is filled in with.
type Field string

// The fields. Each is the name of the flag of `ecsheap policy` for it.
const (
	Account       Field = "account"
	Region        Field = "region"
	Cluster       Field = "cluster"
	Service       Field = "service"
	Family        Field = "family"
	Container     Field = "container"
	TaskRole      Field = "task-role"
	ExecutionRole Field = "execution-role"
	S3            Field = "s3"
	Key           Field = "key"
	LogGroup      Field = "log-group"
)

// Values are what a policy is filled in with. An empty one leaves the placeholder.
type Values struct {
	Account string // twelve digits
	Region  string // such as "eu-west-1"; decides about the partition
	Cluster string // its name
	// Service is the name of a service. Where a policy is good for all services of
	// the cluster, it becomes one for this service.
	Service   string
	Family    string // of task definitions
	Container string
	// TaskRole and ExecutionRole are names, with their paths, or ARNs.
	TaskRole, ExecutionRole string
	Bucket, Prefix          string // Prefix without a slash at its ends; counts only beside Bucket
	Key                     string // id or ARN of a KMS key, not an alias
	LogGroup                string // of CloudWatch Logs, for ECS Exec
	// OldARNs adds the tasks, instances and (with Service) the service whose ARNs
	// are of the old format, without the cluster.
	OldARNs bool
}

// ValueError means that a value cannot be what it is given for. A wildcard, or
// what begins a variable of policies, is refused as well: it would grant more than
// it says.
type ValueError struct {
	Field Field
	Value string
	Want  string // what would do
}

func (e *ValueError) Error() string { return fmt.Sprintf("%q is no %s", e.Value, e.Field) }

// Hint says what would do.
func (e *ValueError) Hint() string { return e.Want }

// What the API references of ECS and CloudWatch Logs allow. A length in an expression
// would be compiled out at every start of the program.
const (
	ecsNameMost  = 255 // bytes
	logGroupMost = 512 // bytes
	arnMost      = 2048
)

// names are what the API reference of ECS and the IAM user guide, "IAM and AWS STS
// quotas", allow, but for the lengths above.
var (
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	regionName  = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
	ecsName     = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	rolePath    = regexp.MustCompile(`^([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
	roleARN     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	literalPath = regexp.MustCompile(`^[^*?$\x00-\x1f\x7f]*$`)
	keyID       = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	keyARN      = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$`)
	logGroup    = regexp.MustCompile(`^[A-Za-z0-9_./#-]+$`)
)

// check refuses the first value that is none. Errors: *ValueError.
func (v Values) check() error {
	const wantName = "names have letters, digits, _ and -"
	const wantRole = "give the name of the role, with its path, or its ARN"
	for _, c := range []struct {
		field Field
		value string
		is    []*regexp.Regexp
		most  int // bytes
		want  string
	}{
		{Account, v.Account, []*regexp.Regexp{accountID}, arnMost, "an account id has twelve digits"},
		{Region, v.Region, []*regexp.Regexp{regionName}, arnMost, "for example eu-west-1"},
		{Cluster, v.Cluster, []*regexp.Regexp{ecsName}, ecsNameMost, wantName},
		{Service, v.Service, []*regexp.Regexp{ecsName}, ecsNameMost, wantName},
		{Family, v.Family, []*regexp.Regexp{ecsName}, ecsNameMost, wantName},
		{Container, v.Container, []*regexp.Regexp{ecsName}, ecsNameMost, wantName},
		{TaskRole, v.TaskRole, []*regexp.Regexp{rolePath, roleARN}, arnMost, wantRole},
		{ExecutionRole, v.ExecutionRole, []*regexp.Regexp{rolePath, roleARN}, arnMost, wantRole},
		{S3, v.Bucket, []*regexp.Regexp{bucketName}, arnMost, "for example s3://bucket/prefix"},
		{S3, v.Prefix, []*regexp.Regexp{literalPath}, arnMost, "a prefix in a policy may not have *, ? or $, which mean more there than they say"},
		{Key, v.Key, []*regexp.Regexp{keyID, keyARN}, arnMost, "give the id or the ARN of the key; policies do not know aliases"},
		{LogGroup, v.LogGroup, []*regexp.Regexp{logGroup}, logGroupMost, "the name of a log group has letters, digits and . _ - / #"},
	} {
		matches := c.value == ""
		for _, expression := range c.is {
			matches = matches || len(c.value) <= c.most && expression.MatchString(c.value)
		}
		if !matches {
			return &ValueError{Field: c.field, Value: c.value, Want: c.want}
		}
	}
	return v.checkPartition()
}

// checkPartition refuses an ARN of another partition than the region's.
func (v Values) checkPartition() error {
	if v.Region == "" {
		return nil
	}
	want := "arn:" + Partition(v.Region) + ":"
	for field, value := range map[Field]string{TaskRole: v.TaskRole, ExecutionRole: v.ExecutionRole, Key: v.Key} {
		if strings.HasPrefix(value, "arn:") && !strings.HasPrefix(value, want) {
			return &ValueError{Field: field, Value: value, Want: "in region " + v.Region + " ARNs begin with " + want}
		}
	}
	return nil
}
