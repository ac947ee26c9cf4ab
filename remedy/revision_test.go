package remedy

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// definition is a task definition with secrets wherever people put them.
func definition() ecstypes.TaskDefinition {
	return ecstypes.TaskDefinition{
		Family: aws.String("api"), Revision: 7, TaskDefinitionArn: aws.String("arn:aws:ecs:eu-west-1:111122223333:task-definition/api:7"),
		Cpu: aws.String("1024"), Memory: aws.String("2048"), NetworkMode: ecstypes.NetworkModeNone, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		Compatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ContainerDefinitions: []ecstypes.ContainerDefinition{
			{
				Name: aws.String("api"), Image: aws.String("api:1"), Essential: aws.Bool(true),
				Command:      []string{"node", "--inspect-brk=0.0.0.0:9230", "--max_old_space_size=4000", "main.js", "--token=hunter2", "--host=0.0.0.0"},
				Environment:  []ecstypes.KeyValuePair{{Name: aws.String("PASSWORD"), Value: aws.String("hunter2")}, {Name: aws.String("NODE_OPTIONS"), Value: aws.String("--inspect=0.0.0.0 -r hunter2")}, {Name: aws.String("AWS_ACCESS_KEY_ID"), Value: aws.String("hunter2")}},
				PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(3000)}, {ContainerPort: aws.Int32(9229)}},
				HealthCheck:  &ecstypes.HealthCheck{Command: []string{"CMD", "curl", "hunter2"}, Interval: aws.Int32(10), Retries: aws.Int32(2)},
				DockerLabels: map[string]string{"secret": "hunter2"},
				LogConfiguration: &ecstypes.LogConfiguration{
					LogDriver: ecstypes.LogDriverSplunk, Options: map[string]string{"splunk-token": "hunter2"},
				},
			},
			{Name: aws.String("proxy"), Image: aws.String("envoy:1"), PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(9229)}}},
		},
	}
}

// editing are the findings whose remedies change a task definition.
func editing(t *testing.T) []Remedy {
	t.Helper()
	var list []Remedy
	for id := range catalogue {
		if r, ok := Of(finding(id), JSON); ok && r.Edits() {
			list = append(list, r)
		}
	}
	if len(list) < 9 {
		t.Fatalf("only %d remedies change the task definition", len(list))
	}
	return list
}

// TestRevisionEqualsJQ has jq make the change that the command line shows, and compares
// it with ours, for each remedy and for all together.
func TestRevisionEqualsJQ(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		nodetest.Missing(t, "jq is missing", "apt-get install jq")
	}
	all := editing(t)
	cases := map[string][]Remedy{"all": all}
	for _, r := range all {
		cases[r.ID] = []Remedy{r}
	}
	for name, remedies := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := Revise(definition(), remedies)
			if err != nil {
				t.Fatal(err)
			}
			if r.JQ == "" || r.Diff == "" {
				t.Fatalf("nothing changes: %+v", r)
			}
			want, err := document(definition())
			if err != nil {
				t.Fatal(err)
			}
			done := map[string]bool{}
			for _, remedy := range remedies {
				for _, e := range remedy.edits {
					if done[e.jq()] { // of several findings
						continue
					}
					done[e.jq()] = true
					if err := e.apply(want); err != nil {
						t.Fatal(err)
					}
				}
			}
			want["tags"] = []any{map[string]any{"key": "team", "value": "a"}}
			got := jq(t, r.JQ, answer(t))
			// What jq makes null where nothing was is nothing.
			if !reflect.DeepEqual(clean(got), clean(want)) {
				t.Errorf("jq makes\n%s\nwe make\n%s\nby\n%s", pretty(got), pretty(want), r.JQ)
			}
		})
	}
}

// answer is what `aws ecs describe-task-definition --include TAGS` prints.
func answer(t *testing.T) []byte {
	t.Helper()
	d, err := document(definition())
	if err != nil {
		t.Fatal(err)
	}
	d["taskDefinitionArn"], d["revision"], d["status"] = "arn:aws:ecs:eu-west-1:111122223333:task-definition/api:7", 7, "ACTIVE"
	out, err := json.Marshal(map[string]any{"taskDefinition": d, "tags": []any{map[string]any{"key": "team", "value": "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func jq(t *testing.T, filter string, in []byte) map[string]any {
	t.Helper()
	cmd := exec.Command("jq", filter)
	cmd.Stdin = bytes.NewReader(in)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("jq: %v\n%s\n%s", err, stderr.String(), filter)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// clean drops empty lists, and makes numbers comparable.
func clean(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		return err
	}
	return prune(out)
}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if list, ok := x.([]any); ok && len(list) == 0 || x == nil {
				continue
			}
			out[k] = prune(x)
		}
		return out
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func TestDiffShowsNoSecrets(t *testing.T) {
	r, err := Revise(definition(), editing(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.Diff+r.JQ, "hunter2") {
		t.Errorf("a secret is shown:\n%s", r.Diff)
	}
	for _, want := range []string{
		`-        "--inspect-brk=0.0.0.0:9230",`, `-        "--max_old_space_size=4000",`, `+        "--max-old-space-size=384",`, `+        "--inspect=127.0.0.1:9230",`, `+        "initProcessEnabled": true`, `-          "containerPort": 9229`,
		`+        "interval": 300,`, `--inspect=127.0.0.1 ••• ••• --inspect=127.0.0.1:9229`,
	} {
		if !strings.Contains(r.Diff, want) {
			t.Errorf("no %s in the diff\n%s", want, r.Diff)
		}
	}
}

// TestExposedSparesOtherFlags: an application may well listen on all addresses.
func TestExposedSparesOtherFlags(t *testing.T) {
	r, _ := Of(finding("net.exposed"), JSON)
	d, err := document(definition())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.edits {
		if err := e.apply(d); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(d); !strings.Contains(got, "--host=0.0.0.0") || strings.Contains(got, "--inspect=0.0.0.0") || !strings.Contains(got, `"name":"proxy","portMappings":[{"containerPort":9229}]`) {
		t.Error(got)
	}
}

func TestReviseNothing(t *testing.T) {
	d := definition()
	d.ContainerDefinitions[0].LinuxParameters = &ecstypes.LinuxParameters{InitProcessEnabled: aws.Bool(true)}
	init, _ := Of(finding("proc.init"), CLI)
	if r, err := Revise(d, []Remedy{init}); err != nil || r.Diff != "" || r.JQ != "" || len(r.Findings) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	f := finding("proc.init")
	f.Params[ecs.ParamContainer] = "other"
	other, _ := Of(f, CLI)
	if _, err := Revise(d, []Remedy{other}); err == nil || !strings.Contains(err.Error(), `no container "other"`) {
		t.Errorf("%v", err)
	}
}

// TestExposedAtAnyHost has every way to name a host give way to the loopback address.
func TestExposedAtAnyHost(t *testing.T) {
	for flag, tt := range map[string]struct{ host, by, want string }{
		"--inspect=10.0.0.5:9229":     {"10.0.0.5", "--inspect", "--inspect=127.0.0.1:9229"},
		"--inspect_brk=[::]:9229":     {"::", "--inspect", "--inspect=127.0.0.1:9229"},
		"--inspect-wait=[fd00::1]":    {"fd00::1", "--inspect", "--inspect=127.0.0.1"},
		"--inspect=api.internal":      {"api.internal", "--inspect", "--inspect=127.0.0.1"},
		"--debug-port=0.0.0.0:9230":   {"0.0.0.0", "--inspect-port", "--inspect-port=127.0.0.1:9230"},
		"--inspect-port=0.0.0.0":      {"0.0.0.0", "--inspect-port", "--inspect-port=127.0.0.1"},
		"--inspect=apixinternal:9229": {"api.internal", "--inspect", "--inspect=apixinternal:9229"},
	} {
		f := finding("net.exposed")
		f.Params[ecs.ParamHost], f.Params[ecs.ParamHostFlag] = tt.host, tt.by
		r, _ := Of(f, JSON)
		d, err := document(ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("api"), Command: []string{"node", flag}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.edits {
			if err := e.apply(d); err != nil {
				t.Fatal(err)
			}
		}
		if got := text(d); !strings.Contains(got, `["node","`+tt.want+`"]`) {
			t.Errorf("%s: %s", flag, got)
		}
	}
}
