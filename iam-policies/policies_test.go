package iampolicies

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFiles has every file be a policy with a purpose, and every policy a file.
func TestFiles(t *testing.T) {
	found, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	names := Names()
	for _, file := range found {
		if name := strings.TrimSuffix(file, ".json"); !slices.Contains(names, name) {
			t.Errorf("%s is not in All", file)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range All() {
		text, err := p.Text()
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Holder == "" || p.Purpose == "" || !bytes.Contains(readme, []byte("["+p.Name+"]("+p.Name+".json)")) {
			t.Errorf("%s: nobody is told what it is for", p.Name)
		}
		d, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		wantSound(t, p.Name, d)
	}
}

// sid is what IAM takes for one.
var sid = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// wantSound checks what IAM demands of a policy, and what we do: no action with a
// wildcard, and no allowance for everything but where the README says why.
func wantSound(t *testing.T, name string, d document) {
	t.Helper()
	seen := map[string]bool{}
	if d.Version != "2012-10-17" || len(d.Statement) == 0 {
		t.Errorf("%s: version %q, %d statements", name, d.Version, len(d.Statement))
	}
	for _, s := range d.Statement {
		if !sid.MatchString(s.Sid) || seen[s.Sid] {
			t.Errorf("%s: statement id %q", name, s.Sid)
		}
		seen[s.Sid] = true
		if s.Effect != "Allow" && s.Effect != "Deny" || s.Resource.IsZero() == s.NotResource.IsZero() {
			t.Errorf("%s: %s: effect %q, resources %v, not %v", name, s.Sid, s.Effect, s.Resource.values, s.NotResource.values)
		}
		for _, action := range s.Action.values {
			if strings.Contains(action, "*") || strings.Count(action, ":") != 1 {
				t.Errorf("%s: %s: action %q", name, s.Sid, action)
			}
		}
	}
}

// TestFillNothing gives the files as they are, whatever way a list is written.
func TestFillNothing(t *testing.T) {
	for _, p := range All() {
		want, err := p.Text()
		if err != nil {
			t.Fatal(err)
		}
		got, left, err := p.Fill(Values{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-file +filled)\n%s", p.Name, diff)
		}
		// What is left is what has a placeholder in the text.
		for field, placeholder := range map[Field]string{
			Account: placeAccount, Region: placeRegion, S3: placePrefix + "/*", LogGroup: placeLogGroup, TaskRole: placeTaskRole,
		} {
			has := bytes.Contains(want, []byte(placeholder)) || field == S3 && bytes.Contains(want, []byte(placeLogBucket))
			if told := slices.Contains(left, field); told != has {
				t.Errorf("%s: %s left: %t, want %t", p.Name, field, told, has)
			}
		}
	}
}

// full are values that share no text with the placeholders.
var full = Values{
	Account: "444455556666", Region: "us-gov-west-1", Cluster: "blue_green-2", Service: "web", Family: "web-family", Container: "node",
	TaskRole: "service/web-role", ExecutionRole: "arn:aws-us-gov:iam::777788889999:role/execution", Bucket: "evidence", Prefix: "a/b",
	Key: "1234abcd-12ab-34cd-56ef-1234567890ab", LogGroup: "/exec/logs",
}

// TestFillAll leaves no placeholder.
func TestFillAll(t *testing.T) {
	for _, p := range All() {
		text, left, err := p.Fill(full)
		if err != nil || len(left) != 0 {
			t.Errorf("%s: left %v, %v", p.Name, left, err)
		}
		for _, place := range []string{
			placeAccount, placeRegion, "/" + placeCluster, ":" + placeCluster, "/" + placeName, `"` + placeName + `"`, placeBucket, placeLogBucket, placeHeapKey, placeExecKey, placeLogGroup, "arn:aws:",
		} {
			if bytes.Contains(text, []byte(place)) {
				t.Errorf("%s still has %q:\n%s", p.Name, place, text)
			}
		}
	}
}

func TestFill(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		values Values
		want   []string
		not    []string
	}{
		"GovCloud": {"operator-snapshot", Values{Region: "us-gov-east-1", Account: "444455556666", Cluster: "x_y-z"},
			[]string{`"arn:aws-us-gov:ecs:us-gov-east-1:444455556666:task/x_y-z/*"`, `"arn:aws-us-gov:ssm:us-gov-east-1::document/AWS-StartPortForwardingSession"`, `"ecs:cluster": "arn:aws-us-gov:ecs:us-gov-east-1:444455556666:cluster/x_y-z"`}, []string{"arn:aws:"}},
		"China": {"operator-s3", Values{Region: "cn-north-1"},
			[]string{`"arn:aws-cn:s3:::heap-evidence/ecsheap/*"`, `"s3.cn-north-1.amazonaws.com"`, `"s3.cn-north-1.amazonaws.com.cn"`}, []string{"arn:aws:"}},
		"one service":           {"operator-snapshot", Values{Service: "web"}, []string{`:service/prod/web"`, `:task/prod/*"`}, []string{"service/prod/*"}},
		"bucket without prefix": {"operator-s3", Values{Bucket: "evidence"}, []string{`"arn:aws:s3:::evidence/ecsheap-*"`}, nil},
		"bucket of the logs": {"task-role-exec-logging", Values{Bucket: "logs-of-exec", Prefix: "a/b"},
			[]string{`"arn:aws:s3:::logs-of-exec"`, `"arn:aws:s3:::logs-of-exec/a/b/*"`}, nil},
		"logs without prefix": {"task-role-exec-logging", Values{Bucket: "logs-of-exec"}, []string{`"arn:aws:s3:::logs-of-exec/*"`}, nil},
		"key by its ARN": {"operator-activate", Values{Account: "444455556666", Key: "arn:aws:kms:eu-west-1:777788889999:key/mrk-1"},
			[]string{`"arn:aws:kms:eu-west-1:777788889999:key/mrk-1"`, `"ecs:prod_????????????????????????????????_*"`}, nil},
		"old ARNs": {"operator-snapshot", Values{OldARNs: true, Cluster: "blue", Service: "prod"},
			[]string{`:task/blue/*"`, `:task/` + oldID + `"`, `:service/blue/prod"`, `:service/prod"`}, nil},
		"old instances":    {"operator-preflight", Values{OldARNs: true}, []string{`:container-instance/` + oldID + `"`, `:service/prod/*"`}, nil},
		"old target":       {"operator-activate", Values{OldARNs: true, Cluster: "blue"}, []string{`"ecs:blue_` + oldID + `_*"`, `"ecs:blue_????????????????????????????????_*"`}, nil},
		"called otherwise": {"operator-snapshot", Values{Cluster: "document", Service: "task"}, []string{`:task/document/*"`, `:service/document/task"`, `:document/AWS-StartPortForwardingSession"`}, nil},
		"called like placeholders": {"operator-fix", Values{Cluster: "api", Service: "prod", Family: "eu-west-1"},
			[]string{`:service/api/prod"`, `:cluster/api"`, `ecs:eu-west-1:111122223333:task-definition/eu-west-1:*"`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, ok := Lookup(c.policy)
			if !ok {
				t.Fatal("no such policy")
			}
			text, _, err := p.Fill(c.values)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !bytes.Contains(text, []byte(want)) {
					t.Errorf("no %s in\n%s", want, text)
				}
			}
			for _, not := range c.not {
				if bytes.Contains(text, []byte(not)) {
					t.Errorf("%s in\n%s", not, text)
				}
			}
		})
	}
}

// TestFillRefuses refuses what would grant something else than it says.
func TestFillRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		values Values
		field  Field
	}{
		"every cluster":        {Values{Cluster: "*"}, Cluster},
		"cluster of any tail":  {Values{Cluster: "prod?"}, Cluster},
		"path":                 {Values{Cluster: "prod/x"}, Cluster},
		"variable":             {Values{Service: "${aws:username}"}, Service},
		"new line":             {Values{Container: "api\n"}, Container},
		"account":              {Values{Account: "1111"}, Account},
		"region":               {Values{Region: "everywhere"}, Region},
		"alias":                {Values{Key: "alias/heap"}, Key},
		"alias ARN":            {Values{Key: "arn:aws:kms:eu-west-1:111122223333:alias/heap"}, Key},
		"prefix for all":       {Values{Bucket: "evidence", Prefix: "*"}, S3},
		"role for all":         {Values{TaskRole: "*"}, TaskRole},
		"user as a role":       {Values{ExecutionRole: "arn:aws:iam::111122223333:user/x"}, ExecutionRole},
		"role of elsewhere":    {Values{Region: "cn-north-1", TaskRole: "arn:aws:iam::111122223333:role/x"}, TaskRole},
		"log group of colons":  {Values{LogGroup: "x:*"}, LogGroup},
		"family with revision": {Values{Family: "api:3"}, Family},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range All() {
				_, _, err := p.Fill(c.values)
				var wrong *ValueError
				if !errors.As(err, &wrong) || wrong.Field != c.field || wrong.Hint() == "" {
					t.Errorf("%s: got %v", p.Name, err)
				}
			}
		})
	}
}

func TestPartition(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "aws", "": "aws", "cn-northwest-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b",
		"eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f", "eusc-de-east-1": "aws-eusc", "us-east-1": "aws",
	} {
		if got := Partition(region); got != want {
			t.Errorf("%s is in %s, want %s", region, got, want)
		}
	}
}

// FuzzFill has no value, however odd, give anything but a policy with the same
// statements and not one wildcard more than there was.
func FuzzFill(f *testing.F) {
	f.Add("444455556666", "cn-north-1", "prod", "api", "evidence", "a/b", "key", false)
	f.Add("1", "", "*", "${x}", "b", `"`, "arn:aws:kms:::key/*", true)
	f.Fuzz(func(t *testing.T, account, region, cluster, service, bucket, prefix, key string, old bool) {
		v := Values{Account: account, Region: region, Cluster: cluster, Service: service, Bucket: bucket, Prefix: prefix, Key: key, OldARNs: old}
		for _, p := range All() {
			text, _, err := p.Fill(v)
			if err != nil {
				continue
			}
			source, _ := p.Text()
			before, _ := parse(source)
			after, err := parse(text)
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if len(before.Statement) != len(after.Statement) {
				t.Fatalf("%d statements became %d", len(before.Statement), len(after.Statement))
			}
			if !old && (bytes.Count(source, []byte("*")) < bytes.Count(text, []byte("*")) || bytes.Count(source, []byte("$")) != bytes.Count(text, []byte("$"))) {
				t.Fatalf("more wildcards or variables in\n%s", text)
			}
		}
	})
}
