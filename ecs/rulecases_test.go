package ecs

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"
)

// on makes a change of the target one of the facts.
func on(change func(*Target)) func(*Facts) { return func(f *Facts) { change(&f.Target) } }

// defined changes the definition of the container.
func defined(change func(*ecstypes.ContainerDefinition)) func(*Facts) {
	return func(f *Facts) { change(definition(&f.Target)) }
}

// command sets the command of a container whose inspector was not asked.
func command(words ...string) func(*Facts) {
	return func(f *Facts) {
		definition(&f.Target).Command = words
		f.Local.Inspector = Fact[Answer]{}
	}
}

// agent sets the state of the container's agent. One that does not run is not connected.
func agent(status, reason string) func(*Facts) {
	return func(f *Facts) {
		a := &f.Target.task.Containers[0].ManagedAgents[0]
		a.LastStatus, a.Reason = &status, &reason
		f.Connection = Known(ssmtypes.ConnectionStatusNotConnected)
	}
}

func disconnected(f *Facts) { f.Connection = Known(ssmtypes.ConnectionStatusNotConnected) }

func both(changes ...func(*Facts)) func(*Facts) {
	return func(f *Facts) {
		for _, change := range changes {
			change(f)
		}
	}
}

func ofTheService(change func(*ecstypes.Service)) func(*Facts) {
	return func(f *Facts) { change(f.Service.Value) }
}

func alone(f *Facts) {
	f.Target.Service, f.Target.task.Group = "", aws.String("family:api")
	f.Service = Known[*ecstypes.Service](nil)
}

func sidecar(f *Facts) {
	f.Target.task.Containers = append(f.Target.task.Containers, ecstypes.Container{Name: aws.String("log_router"), RuntimeId: aws.String("r2"),
		ManagedAgents: []ecstypes.ManagedAgent{{Name: ecstypes.ManagedAgentNameExecuteCommandAgent, LastStatus: aws.String("RUNNING")}}})
}

func taskCases() map[string]ruleTest {
	return map[string]ruleTest{
		"there":        {nil, "task.exists", OK, id32, "", false},
		"cluster":      {nil, "cluster.exists", OK, "prod", "", false},
		"running":      {nil, "task.running", OK, "RUNNING", "", false},
		"pending":      {on(func(t *Target) { t.task.LastStatus = aws.String("PENDING") }), "task.running", Block, "PENDING", "--wait", true},
		"stopped":      {on(stopped), "task.running", Block, "OutOfMemoryError", "another task", true},
		"lost contact": {on(func(t *Target) { t.task.Connectivity = ecstypes.ConnectivityDisconnected }), "task.connectivity", Warn, "DISCONNECTED", "wait", true},
		"connected":    {nil, "task.connectivity", OK, "CONNECTED", "", false},

		"exec on":      {nil, "exec.enabled", OK, "true", "", false},
		"exec off":     {on(func(t *Target) { t.task.EnableExecuteCommand = false }), "exec.enabled", Block, "false", "update-service --cluster prod --service api --enable-execute-command --force-new-deployment", false},
		"exec, alone":  {both(alone, on(func(t *Target) { t.task.EnableExecuteCommand = false })), "exec.enabled", Block, "false", "run-task --enable-execute-command", false},
		"agree":        {nil, "exec.flag-drift", OK, "true for both", "", false},
		"task behind":  {on(func(t *Target) { t.task.EnableExecuteCommand = false }), "exec.flag-drift", Block, "started without", "--force-new-deployment", false},
		"service off":  {ofTheService(func(s *ecstypes.Service) { s.EnableExecuteCommand = false }), "exec.flag-drift", Info, "next tasks", "", false},
		"agent":        {nil, "exec.agent", OK, "RUNNING", "", false},
		"starting":     {agent("PENDING", ""), "exec.agent", Block, "PENDING", "wait", true},
		"agent failed": {agent("STOPPED", "exit code: 1"), "exec.agent", Block, "STOPPED: exit code: 1", "see platform, role", true},
		"no agent yet": {on(func(t *Target) { t.task.Containers[0].ManagedAgents = nil }), "exec.agent", Block, "no ExecuteCommandAgent", "wait", true},
		"never an agent": {on(func(t *Target) { t.task.Containers[0].ManagedAgents, t.task.EnableExecuteCommand = nil, false }),
			"exec.agent", Block, "no ExecuteCommandAgent", "exec.enabled", false},
		"another door":    {both(agent("STOPPED", ""), sidecar), "exec.sibling-agent", Info, "log_router", "--container log_router", true},
		"no door needed":  {sidecar, "exec.sibling-agent", "", "", "", false},
		"no shared door":  {both(agent("STOPPED", ""), sidecar, on(func(t *Target) { t.definition.NetworkMode = ecstypes.NetworkModeBridge })), "exec.sibling-agent", "", "", "", false},
		"reached":         {nil, "exec.connected", OK, "connected", "", false},
		"not reached":     {disconnected, "exec.connected", Block, "not connected", "wait", true},
		"no agent to ask": {agent("STOPPED", ""), "exec.connected", "", "", "", false},
		"no sessions":     {nil, "exec.sessions", OK, "no other", "", false},
		"a session":       {sessions("bob"), "exec.sessions", Warn, "1 of 2 sessions taken: s1 of bob", "ask its owner", true},
		"full":            {sessions("bob", "eve"), "exec.sessions", Block, "2 of 2", "ask its owner", true},
		"one of our own":  {sessions("bob", "alice"), "exec.sessions", Block, "s2 of alice", "terminate-session --session-id s2", true},
		"runtime id":      {nil, "exec.runtimeid", OK, "-1527056392", "", false},
		"no runtime id":   {on(func(t *Target) { t.RuntimeID = "" }), "exec.runtimeid", Block, "none", "wait", true},
	}
}

func sessions(owners ...string) func(*Facts) {
	return func(f *Facts) {
		var list []ssmtypes.Session
		for i, owner := range owners {
			list = append(list, ssmtypes.Session{SessionId: aws.String("s" + string(rune('1'+i))), Owner: aws.String("arn:aws:sts::111122223333:assumed-role/oncall/" + owner)})
		}
		f.Sessions = Known(list)
	}
}

// launched changes what the task runs on.
func launched(kind ecstypes.LaunchType) func(*Facts) {
	return func(f *Facts) {
		f.Target.LaunchType, f.Target.task.LaunchType = string(kind), kind
		if kind == ecstypes.LaunchTypeEc2 {
			f.Target.task.ContainerInstanceArn = aws.String("arn:aws:ecs:eu-west-1:111122223333:container-instance/prod/i1")
			f.Instance = Known(&ecstypes.ContainerInstance{ContainerInstanceArn: f.Target.task.ContainerInstanceArn, AgentConnected: true, Status: aws.String("ACTIVE"),
				VersionInfo: &ecstypes.VersionInfo{AgentVersion: aws.String("1.89.0")}})
		}
	}
}

func instance(change func(*ecstypes.ContainerInstance)) func(*Facts) {
	return both(launched(ecstypes.LaunchTypeEc2), func(f *Facts) { change(f.Instance.Value) })
}

func platformCases() map[string]ruleTest {
	version := func(v string) func(*Facts) { return on(func(t *Target) { t.task.PlatformVersion = &v }) }
	windows := on(func(t *Target) { t.task.PlatformFamily = aws.String("Windows_Server_2022_Core") })
	oldAgent := instance(func(i *ecstypes.ContainerInstance) { i.VersionInfo.AgentVersion = aws.String("1.50.1") })
	return map[string]ruleTest{
		"fargate":           {nil, "platform.fargate", OK, "1.4.0", "", false},
		"fargate, old":      {both(disconnected, version("1.3.0")), "platform.fargate", Block, "1.3.0", "--platform-version LATEST", false},
		"old, but it works": {version("1.3.0"), "platform.fargate", Info, "connected all the same", "", false},
		"old, not asked":    {both(version("1.3.0"), func(f *Facts) { f.Connection = Fact[ssmtypes.ConnectionStatus]{} }), "platform.fargate", Warn, "but the agent runs", "--platform-version", false},
		"not a string":      {version("1.10.0"), "platform.fargate", OK, "1.10.0", "", false},
		"no version":        {version("LATEST"), "platform.fargate", Info, "unknown", "", false},
		"windows version":   {both(windows, disconnected, version("1.0.0")), "platform.fargate", OK, "1.0.0", "", false},
		"on EC2":            {launched(ecstypes.LaunchTypeEc2), "platform.fargate", "", "", "", false},
		"ECS agent":         {launched(ecstypes.LaunchTypeEc2), "platform.ec2agent", OK, "1.89.0", "", false},
		"ECS agent, old":    {both(oldAgent, disconnected), "platform.ec2agent", Block, "1.50.1", "update-container-agent --cluster prod --container-instance i1", false},
		"ECS agent, away":   {both(instance(func(i *ecstypes.ContainerInstance) { i.AgentConnected = false }), disconnected), "platform.ec2agent", Warn, "not connected", "instance", true},
		"anywhere":          {both(launched(ecstypes.LaunchTypeExternal), disconnected), "platform.external", Warn, "your own", "ecs-init", true},
		"managed":           {launched(ecstypes.LaunchTypeManagedInstances), "platform.mi", Info, "Managed Instances", "", false},
		"windows":           {windows, "platform.windows", Warn, "Windows_Server", "--inspect", false},
		"linux":             {nil, "platform.windows", "", "", "", false},
	}
}

func roleCases() map[string]ruleTest {
	noRole := on(func(t *Target) { t.definition.TaskRoleArn = nil })
	deny := func(change func(*Decision)) func(*Facts) {
		return both(disconnected, func(f *Facts) {
			d := &f.Role.Value.Decisions[3]
			d.Decision = "implicitDeny"
			change(d)
		})
	}
	key := func(decision string, missing ...string) func(*Facts) {
		return func(f *Facts) {
			f.Cluster.Value.Configuration = &ecstypes.ClusterConfiguration{ExecuteCommandConfiguration: &ecstypes.ExecuteCommandConfiguration{KmsKeyId: aws.String("key-1")}}
			f.RoleKMS = Known(Simulation{Decisions: []Decision{{Action: "kms:Decrypt", Decision: decision, Missing: missing}}})
		}
	}
	logging := func(c ecstypes.ExecuteCommandConfiguration) func(*Facts) {
		return func(f *Facts) {
			f.Cluster.Value.Configuration = &ecstypes.ClusterConfiguration{ExecuteCommandConfiguration: &c}
		}
	}
	return map[string]ruleTest{
		"role":           {nil, "role.present", OK, "api-task-role", "", false},
		"override":       {both(noRole, on(func(t *Target) { t.task.Overrides.TaskRoleArn = aws.String("arn:aws:iam::1:role/other") })), "role.present", OK, "role/other", "", false},
		"no role":        {both(noRole, disconnected), "role.present", Block, "no role", "taskRoleArn", false},
		"no role, but":   {noRole, "role.present", Info, "connected all the same", "", false},
		"no role on EC2": {both(noRole, disconnected, launched(ecstypes.LaunchTypeEc2)), "role.present", Warn, "profile of the instance", "taskRoleArn", false},
		"channels":       {nil, "role.ssmmessages", OK, "may open", "", false},
		"no channel":     {deny(func(*Decision) {}), "role.ssmmessages", Block, "lacks ssmmessages:OpenDataChannel", "put-role-policy --role-name api-task-role", true},
		"boundary":       {deny(func(d *Decision) { d.Boundary = true }), "role.ssmmessages", Block, "denied by the permissions boundary", "allowed there", true},
		"organization":   {deny(func(d *Decision) { d.Organization = true }), "role.ssmmessages", Block, "denied by a policy of the organization", "allowed there", true},
		"explicit":       {deny(func(d *Decision) { d.Decision = "explicitDeny" }), "role.ssmmessages", Block, "denied by an explicit Deny", "allowed there", true},
		"conditions":     {deny(func(d *Decision) { d.Missing = []string{"aws:SourceVpce"} }), "role.ssmmessages", Warn, "aws:SourceVpce", "conditions", true},
		"denied, but":    {both(deny(func(*Decision) {}), func(f *Facts) { f.Connection = Known(ssmtypes.ConnectionStatusConnected) }), "role.ssmmessages", Info, "connected all the same", "", false},
		"keys": {both(disconnected, defined(func(d *ecstypes.ContainerDefinition) {
			d.Secrets = []ecstypes.Secret{{Name: aws.String("AWS_ACCESS_KEY_ID")}}
		})), "role.envkeys", Warn, "has AWS_ACCESS_KEY_ID", "task role", false},
		"proxy": {both(disconnected, defined(func(d *ecstypes.ContainerDefinition) {
			d.Environment = []ecstypes.KeyValuePair{{Name: aws.String("HTTPS_PROXY"), Value: aws.String("http://u:hunter2@p")}}
		})), "role.envkeys", Warn, "has HTTPS_PROXY", "proxy", false},
		"no keys":         {nil, "role.envkeys", OK, "none", "", false},
		"no kms":          {nil, "cluster.kms", OK, "no key", "", false},
		"kms":             {key("allowed"), "cluster.kms", OK, "may use key key-1", "", false},
		"kms denied":      {key("implicitDeny"), "cluster.kms", Warn, "lacks kms:Decrypt on key key-1", "kms:GenerateDataKey", true},
		"kms, conditions": {key("implicitDeny", "kms:ViaService"), "cluster.kms", Warn, "kms:ViaService", "kms:Decrypt", true},
		"kms, not known":  {both(key(""), func(f *Facts) { f.RoleKMS = refused[Simulation]("iam:SimulatePrincipalPolicy") }), "cluster.kms", Info, "key key-1", "", false},
		"not logged":      {logging(ecstypes.ExecuteCommandConfiguration{Logging: ecstypes.ExecuteCommandLoggingNone}), "cluster.exec-logging", Info, "not logged", "", false},
		"logged": {logging(ecstypes.ExecuteCommandConfiguration{Logging: ecstypes.ExecuteCommandLoggingOverride,
			LogConfiguration: &ecstypes.ExecuteCommandLogConfiguration{CloudWatchLogGroupName: aws.String("/exec"), S3BucketName: aws.String("b")}}),
			"cluster.exec-logging", Info, "log group /exec and bucket b", "", false},
	}
}

func networkCases() map[string]ruleTest {
	isolated := func(f *Facts) { f.Routes.Value.Routes = f.Routes.Value.Routes[:1]; disconnected(f) }
	public := func(f *Facts) { f.Routes.Value.Routes[1].Via = "igw-1"; disconnected(f) }
	endpoint := func(change func(*Endpoint, *SecurityGroup)) func(*Facts) {
		return both(isolated, func(f *Facts) {
			e := Endpoint{ID: "vpce-1", Service: "cn.com.amazonaws.cn-north-1.ssmmessages", State: "available", PrivateDNS: true, Groups: []string{"sg-ep"}}
			g := SecurityGroup{ID: "sg-ep", Ingress: []Permission{{Protocol: "tcp", From: 443, To: 443, Groups: []string{"sg-task"}}}}
			if change != nil {
				change(&e, &g)
			}
			f.Endpoints.Value, f.Groups.Value = []Endpoint{e}, append(f.Groups.Value, g)
		})
	}
	shared := func(f *Facts) { f.Subnet.Value.Owner = "999988887777" }
	egress := func(p ...Permission) func(*Facts) {
		return both(disconnected, func(f *Facts) { f.Groups.Value[0].Egress = p })
	}
	inspecting := func(flag string) func(*Facts) {
		return defined(func(d *ecstypes.ContainerDefinition) { d.Command = []string{"node", flag} })
	}
	mapped := defined(func(d *ecstypes.ContainerDefinition) { d.PortMappings[0].ContainerPort = aws.Int32(9229) })
	mode := func(m ecstypes.NetworkMode) func(*Facts) { return on(func(t *Target) { t.definition.NetworkMode = m }) }
	ingress := func(f *Facts) {
		f.Groups.Value[0].Ingress = []Permission{{Protocol: "tcp", From: 9000, To: 9300, CIDRs: []string{"0.0.0.0/0"}}}
	}
	return map[string]ruleTest{
		"NAT":                {nil, "net.ssmmessages", OK, "nat-1", "", false},
		"isolated":           {isolated, "net.ssmmessages", Block, "no default route in rtb-1, and no endpoint", "create-vpc-endpoint --vpc-id vpc-1 --vpc-endpoint-type Interface --service-name com.amazonaws.eu-west-1.ssmmessages --subnet-ids subnet-1 --security-group-ids sg-task --private-dns-enabled", true},
		"black hole":         {both(disconnected, func(f *Facts) { f.Routes.Value.Routes[1].Active = false }), "net.ssmmessages", Block, "no default route", "create-vpc-endpoint", true},
		"isolated, but":      {both(isolated, func(f *Facts) { f.Connection = Known(ssmtypes.ConnectionStatusConnected) }), "net.ssmmessages", Info, "connected all the same", "", false},
		"isolated, shared":   {both(isolated, shared), "net.ssmmessages", Info, "unknown: the subnet is another account's", "", false},
		"endpoint":           {endpoint(nil), "net.ssmmessages", OK, "vpce-1", "", false},
		"endpoint pending":   {endpoint(func(e *Endpoint, _ *SecurityGroup) { e.State = "pending" }), "net.ssmmessages", Block, "vpce-1 is pending", "wait", true},
		"endpoint, no DNS":   {endpoint(func(e *Endpoint, _ *SecurityGroup) { e.PrivateDNS = false }), "net.ssmmessages", Block, "no private DNS", "modify-vpc-endpoint --vpc-endpoint-id vpce-1 --private-dns-enabled", true},
		"endpoint, shut":     {endpoint(func(_ *Endpoint, g *SecurityGroup) { g.Ingress = nil }), "net.ssmmessages", Block, "sg-ep of endpoint vpce-1 does not let", "authorize-security-group-ingress --group-id sg-ep --protocol tcp --port 443 --source-group sg-task", true},
		"not awsvpc":         {mode(ecstypes.NetworkModeHost), "net.ssmmessages", "", "", "", false},
		"private subnet":     {nil, "net.public-subnet", "", "", "", false},
		"public":             {both(public, func(f *Facts) { f.Interface.Value.PublicIP = "198.51.100.7" }), "net.public-subnet", OK, "198.51.100.7", "", false},
		"public, no address": {public, "net.public-subnet", Block, "igw-1, and the task has no public address", "create-vpc-endpoint", true},
		"public, endpoint":   {both(endpoint(nil), func(f *Facts) { f.Routes.Value.Routes = []Route{{"0.0.0.0/0", "igw-1", true}} }), "net.public-subnet", OK, "vpce-1", "", false},
		"out":                {nil, "net.egress-sg", OK, "sg-task", "", false},
		"not out":            {egress(Permission{Protocol: "tcp", From: 80, To: 80, CIDRs: []string{"0.0.0.0/0"}}), "net.egress-sg", Block, "sg-task lets no port 443 out", "authorize-security-group-egress --group-id sg-task", true},
		"out to the endpoint": {both(endpoint(nil), func(f *Facts) {
			f.Groups.Value[0].Egress = []Permission{{Protocol: "tcp", From: 443, To: 443, Groups: []string{"sg-ep"}}}
		}),
			"net.egress-sg", OK, "sg-task", "", false},
		"out, hidden":      {func(f *Facts) { f.Groups.Value = nil }, "net.egress-sg", Info, "unknown: sg-task cannot be seen", "", false},
		"out by one":       {func(f *Facts) { f.Interface.Value.Groups = []string{"sg-theirs", "sg-task"} }, "net.egress-sg", OK, "sg-task lets", "", false},
		"endpoint, hidden": {endpoint(func(_ *Endpoint, g *SecurityGroup) { g.ID = "sg-other" }), "net.ssmmessages", OK, "vpce-1", "", false},
		"open, hidden":     {both(inspecting("--inspect=0.0.0.0:9229"), func(f *Facts) { f.Groups.Value = nil }), "net.exposed", Danger, "whom sg-task lets in there cannot be seen", "127.0.0.1:9229", false},
		"out by udp":       {egress(Permission{Protocol: "udp", From: 443, To: 443, CIDRs: []string{"0.0.0.0/0"}}), "net.egress-sg", Block, "no port 443", "egress", true},
		"own VPC":          {nil, "net.shared-vpc", OK, "own", "", false},
		"shared":           {shared, "net.shared-vpc", Info, "999988887777", "", false},
		"mode":             {nil, "net.mode", OK, "awsvpc", "", false},
		"bridge":           {mode(ecstypes.NetworkModeBridge), "net.mode", OK, "bridge", "", false},
		"no network":       {mode(ecstypes.NetworkModeNone), "net.mode", Block, "no network", "network mode", false},
		"network off":      {defined(func(d *ecstypes.ContainerDefinition) { d.DisableNetworking = aws.Bool(true) }), "net.mode", Block, "no network", "network mode", false},
		"not mapped":       {nil, "net.mapping9229", OK, "not mapped", "", false},
		"mapped":           {mapped, "net.mapping9229", Info, "9229", "take the mapping out", false},
		"mapped range":     {defined(func(d *ecstypes.ContainerDefinition) { d.PortMappings[0].ContainerPortRange = aws.String("9000-9300") }), "net.mapping9229", Info, "9000-9300", "leave 9229 out", false},
		"would listen":     {command("node", "--inspect-port=0.0.0.0:9229", "x.js"), "net.exposed", Warn, "SIGUSR1 opens (--activate) would listen on 0.0.0.0", "--inspect-port=127.0.0.1:9229", false},
		"would not open":   {command("node", "--debug-port=0.0.0.0", "--disable-sigusr1", "x.js"), "net.exposed", OK, "no sign", "", false},
		"port alone":       {command("node", "--inspect-port=9230", "x.js"), "net.exposed", OK, "no sign", "", false},
		"loopback":         {nil, "net.exposed", OK, "no sign", "", false},
		"open":             {both(inspecting("--inspect=0.0.0.0:9229"), ingress, func(f *Facts) { f.Interface.Value.PublicIP = "198.51.100.7" }), "net.exposed", Danger, "sg-task lets 0.0.0.0/0 in there, at the public address 198.51.100.7", "127.0.0.1:9229", false},
		"shut":             {inspecting("--inspect=0.0.0.0"), "net.exposed", Warn, "no security group of the task lets anybody in", "127.0.0.1:9229", false},
		"not known":        {both(inspecting("--inspect=0.0.0.0"), func(f *Facts) { f.Groups = Fact[[]SecurityGroup]{} }), "net.exposed", Danger, "0.0.0.0", "127.0.0.1:9229", false},
		"bridge, mapped":   {both(inspecting("--inspect=0.0.0.0"), mapped, mode(ecstypes.NetworkModeBridge)), "net.exposed", Danger, "is mapped", "127.0.0.1:9229", false},
		"bridge, unmapped": {both(inspecting("--inspect=[::]:9229"), mode(ecstypes.NetworkModeBridge)), "net.exposed", Warn, "same host", "127.0.0.1:9229", false},
	}
}

func processCases() map[string]ruleTest {
	readonly := func(mounts ...ecstypes.MountPoint) func(*Facts) {
		return both(agent("STOPPED", ""), defined(func(d *ecstypes.ContainerDefinition) {
			d.ReadonlyRootFilesystem, d.MountPoints = aws.Bool(true), mounts
		}))
	}
	at := func(path string) ecstypes.MountPoint { return ecstypes.MountPoint{ContainerPath: &path} }
	options := func(value string) func(*Facts) {
		return both(on(withOptions(value)), func(f *Facts) { f.Local.Inspector = Fact[Answer]{} })
	}
	answer := func(a Answer) func(*Facts) { return func(f *Facts) { f.Local.Inspector = Known(a) } }
	return map[string]ruleTest{
		"writable":         {nil, "fs.readonly", OK, "writable", "", false},
		"read-only":        {readonly(), "fs.readonly", Block, "/var/lib/amazon/ssm and /var/log/amazon/ssm", "volumes", false},
		"read-only, half":  {readonly(at("/var/log")), "fs.readonly", Block, "without volumes at /var/lib/amazon/ssm", "volumes", false},
		"volumes":          {readonly(at("/var/lib/amazon/ssm"), at("/var/log/amazon/")), "fs.readonly", Warn, "with volumes", "exec.agent", true},
		"read-only, works": {defined(func(d *ecstypes.ContainerDefinition) { d.ReadonlyRootFilesystem = aws.Bool(true) }), "fs.readonly", Info, "runs all the same", "", false},
		"init":             {nil, "proc.init", OK, "true", "", false},
		"no init":          {defined(func(d *ecstypes.ContainerDefinition) { d.LinuxParameters = nil }), "proc.init", Warn, "not set", "initProcessEnabled", false},
		"pids":             {nil, "proc.pidmode", OK, "its own", "", false},
		"pids shared":      {on(func(t *Target) { t.definition.PidMode = ecstypes.PidModeTask }), "proc.pidmode", Warn, "pidMode task", "--container", true},
		"pids elsewhere":   {both(agent("STOPPED", ""), sidecar, on(func(t *Target) { t.definition.PidMode = ecstypes.PidModeTask })), "proc.pidmode", Warn, "in log_router", "--container log_router", true},

		"answers":           {nil, "node.inspect", OK, "v24.21.0 answers at port 9229", "", false},
		"silent":            {answer(Answer{Trouble: "nothing listens"}), "node.inspect", Block, "nothing listens", "--activate", true},
		"silent, no signal": {both(command("node", "--disable-sigusr1"), answer(Answer{Trouble: "nothing listens"})), "node.inspect", Block, "nothing listens", "NODE_OPTIONS", false},
		"silent, elsewhere": {both(command("node", "--inspect=9333"), answer(Answer{Trouble: "nothing listens"})), "node.inspect", Block, "at port 9229: nothing listens; --inspect=9333 in command", "--port 9333", true},
		"declared":          {command("node", "--inspect", "x.js"), "node.inspect", Info, "--inspect in command", "", false},
		"not declared":      {command("node", "x.js"), "node.inspect", Info, "nothing declared", "SIGUSR1", true},
		"files":             {both(command("node", "x.js"), defined(func(d *ecstypes.ContainerDefinition) { d.EnvironmentFiles = []ecstypes.EnvironmentFile{{}} })), "node.inspect", Info, "environment files", "--probe", true},
		"other address":     {command("node", "--inspect=10.0.0.5:9229", "x.js"), "node.inspect", Warn, "listens on 10.0.0.5 alone", "net.exposed", false},
		"all addresses":     {command("node", "--inspect=[::]:9229", "x.js"), "node.inspect", Info, "in command", "", false},
		"other port":        {command("node", "--inspect=9333"), "node.inspect", Warn, "9333", "--port 9333", true},
		"no signal":         {command("node", "--disable-sigusr1"), "node.inspect", Info, "nothing", "NODE_OPTIONS", false},
		"NODE_OPTIONS":      {options("--max-old-space-size=2048 --inspect=127.0.0.1:9229"), "node.inspect", Info, "NODE_OPTIONS", "", false},
		"waits":             {command("node", "--inspect-brk"), "node.inspect-brk", Danger, "--inspect-brk", "--inspect", false},
		"underscore":        {command("node", "--inspect_brk"), "node.inspect-brk", Danger, "--inspect_brk", "--inspect", false},
		"override": {both(command("node"), on(func(t *Target) {
			t.task.Overrides.ContainerOverrides = []ecstypes.ContainerOverride{{Name: aws.String("api"), Command: []string{"node", "--inspect-wait"}}}
		})), "node.inspect-brk", Danger, "--inspect-wait", "--inspect", false},
		"does not wait": {nil, "node.inspect-brk", OK, "does not", "", false},
		"signal":        {nil, "node.sigusr1-off", OK, "nothing forbids", "", false},
		"signal off":    {command("node", "--disable-sigusr1"), "node.sigusr1-off", Warn, "no inspector is declared", "NODE_OPTIONS", false},
		"not needed":    {command("node", "--disable-sigusr1", "--inspect"), "node.sigusr1-off", Info, "is declared", "", false},
		"one process":   {nil, "node.multiproc", OK, "no sign", "", false},
		"npm":           {command("npm", "start"), "node.multiproc", Warn, "npm starts", "--process", true},
		"npm, options":  {both(options("--inspect"), defined(func(d *ecstypes.ContainerDefinition) { d.Command = []string{"/usr/bin/yarn", "start"} })), "node.multiproc", Warn, "yarn starts Node.js, and NODE_OPTIONS has --inspect for both", "--process", true},
		"several":       {answer(Answer{Version: "node.js v24", Processes: []string{"a.js", "b.js"}}), "node.multiproc", Warn, "2 processes answer: a.js, b.js", "--process", true},
		"captures":      {command("node", "--heapsnapshot-near-heap-limit=3"), "node.diag-flags", Info, "--heapsnapshot-near-heap-limit=3", "", false},
		"no captures":   {nil, "node.diag-flags", "", "", "", false},
	}
}

// TestRuleCases judges every state, and has each row of the catalogue be seen as loud as
// it says that it can be.
func TestRuleCases(t *testing.T) {
	loudest := map[string]Level{}
	for _, cases := range []map[string]ruleTest{
		taskCases(), platformCases(), roleCases(), networkCases(), processCases(), memoryCases(), serviceCases(), healthCases(), operatorCases(),
	} {
		run(t, cases)
		for _, c := range cases {
			if c.level != "" && worse(c.level, loudest[c.id]) {
				loudest[c.id] = c.level
			}
		}
	}
	for _, r := range Rules() {
		// That there is no task or no cluster is an error of Find.
		if found := r.ID == "task.exists" || r.ID == "cluster.exists"; !found && loudest[r.ID] != r.Worst {
			t.Errorf("%s can be %s, and is seen as %q at most", r.ID, r.Worst, loudest[r.ID])
		}
	}
}

// TestSecretsStayOut makes sure that no value of the environment reaches a finding, as
// findings go to manifests and tickets.
func TestSecretsStayOut(t *testing.T) {
	f := green()
	definition(&f.Target).Environment = []ecstypes.KeyValuePair{
		{Name: aws.String("HTTPS_PROXY"), Value: aws.String("http://u:hunter2@p")}, {Name: aws.String("AWS_SECRET_ACCESS_KEY"), Value: aws.String("hunter2")},
		{Name: aws.String("NODE_OPTIONS"), Value: aws.String("--require=/hunter2 --inspect")},
	}
	for _, found := range Judge(f) {
		if strings.Contains(found.Got+found.Fix, "hunter2") {
			t.Errorf("%s tells a value of the environment", found.ID)
		}
	}
}

// TestUndefined has the rules that need the task definition say so when the caller may not
// see it, and the others say in every state what they say with it.
func TestUndefined(t *testing.T) {
	gap := &Gap{Needs: describeDefinition}
	for _, cases := range []map[string]ruleTest{
		taskCases(), platformCases(), roleCases(), networkCases(), processCases(), memoryCases(), serviceCases(), healthCases(), operatorCases(),
	} {
		for name, c := range cases {
			f, g := green(), green()
			if c.change != nil {
				c.change(f)
				c.change(g)
			}
			g.Target.definition, g.Target.undefined = ecstypes.TaskDefinition{}, gap
			for _, r := range Rules() {
				with, without := r.apply(f), r.apply(g)
				with.Params, without.Params = nil, nil
				switch skipped := without.Unknown && slices.Equal(without.Needs, []string{describeDefinition}); {
				case r.Defined != skipped:
					t.Errorf("%s: %s without the definition: %+v", name, r.ID, without)
				case r.ID == "net.ssmmessages" && !f.Target.awsvpc(): // such a task has no interface, as these states do
				case !r.Defined && !cmp.Equal(with, without):
					t.Errorf("%s: %s: %s", name, r.ID, cmp.Diff(with, without))
				}
			}
		}
	}
}
