package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/bucket"
	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
)

// categoryPolicy is that of the flags that fill a policy in.
const categoryPolicy = "Policy"

func policyCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "policy", Category: categorySetup,
		Usage:     "print an IAM policy, filled in for this account, region and cluster",
		UsageText: "ecsheap policy\necsheap policy --cluster X operator-snapshot > policy.json",
		ArgsUsage: "[NAME]",
		Description: "Without a name it lists the policies. With one it prints the policy, ready for `aws iam put-role-policy`: the account is the one you are\n" +
			"logged in to, unless --account is given, and the partition that of the region. What is not known stays a placeholder, which is\n" +
			"told on stderr. Nothing is changed in AWS.",
		Flags: slices.Concat(policyFlags(), awsFlags(), formatFlags()),
		Action: func(c *cli.Context) error {
			asJSON, err := readFormat(c, u)
			if err != nil {
				return err
			}
			if c.NArg() == 0 {
				return u.listPolicies(asJSON)
			}
			p, err := readPolicy(c)
			if err != nil {
				return err
			}
			return because(c.Context, runPolicy(c, u, p))
		},
	}
}

func policyFlags() []cli.Flag {
	text := func(field iampolicies.Field, usage string) cli.Flag {
		return &cli.StringFlag{Name: string(field), Category: categoryPolicy, Usage: usage}
	}
	return []cli.Flag{
		text(iampolicies.Account, "`id` of the account (default: the one you are logged in to; with it and a region AWS is not asked)"),
		&cli.StringFlag{Name: string(iampolicies.Cluster), Aliases: []string{"c"}, Category: categoryPolicy, Usage: "`name` or ARN of the cluster (default: ECSHEAP_CLUSTER)"},
		&cli.StringFlag{Name: string(iampolicies.Service), Aliases: []string{"s"}, Category: categoryPolicy, Usage: "`name` of the one service that it is for (default: all of the cluster, where that can be)"},
		text(iampolicies.Family, "`name` of the task definition family"),
		text(iampolicies.Container, "`name` of the container"),
		text(iampolicies.TaskRole, "`name` or ARN of the service's task role"),
		text(iampolicies.ExecutionRole, "`name` or ARN of the service's execution role"),
		text(iampolicies.S3, "`s3://bucket/prefix` of the snapshots, or of the logs of ECS Exec"),
		text(iampolicies.Key, "`id` or ARN of the KMS key: of the bucket, or of the cluster for ECS Exec"),
		text(iampolicies.LogGroup, "`name` of the log group of ECS Exec"),
		&cli.BoolFlag{Name: "old-arns", Category: categoryPolicy, Usage: "also for tasks, and for --service, whose ARNs do not have the cluster in them"},
	}
}

// listPolicies prints what there is.
func (u *ui) listPolicies(asJSON bool) error {
	if asJSON {
		type row struct {
			Name    string `json:"name"`
			Holder  string `json:"holder"`
			Purpose string `json:"purpose"`
		}
		var rows []row
		for _, p := range iampolicies.All() {
			rows = append(rows, row(p))
		}
		return u.json(map[string]any{"schema": schema, "policies": rows})
	}
	w := tabwriter.NewWriter(u.out, 0, 0, 2, ' ', 0)
	for _, p := range iampolicies.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Holder, p.Purpose)
	}
	return w.Flush()
}

// readPolicy finds the policy that is named. Flags behind the name are refused
// with the line that was meant, as elsewhere.
func readPolicy(c *cli.Context) (iampolicies.Policy, error) {
	args := c.Args().Slice()
	if flags, _ := splitArguments(c.Command, args); len(flags) > 0 {
		return iampolicies.Policy{}, &usageError{
			text: fmt.Sprintf("%s stands behind the name", flags[0]),
			hint: "did you mean: ecsheap " + shellLine(slices.Concat([]string{c.Command.Name}, withoutArguments(c), args[:1])...),
		}
	}
	if len(args) > 1 {
		return iampolicies.Policy{}, &usageError{text: fmt.Sprintf("unexpected argument %q", args[1]), hint: "one policy at a time"}
	}
	name := strings.TrimSuffix(path.Base(args[0]), ".json") // the files are what other pages name
	p, ok := iampolicies.Lookup(name)
	if !ok {
		e := &usageError{text: fmt.Sprintf("no policy %q", args[0]), hint: "there are " + strings.Join(iampolicies.Names(), ", ")}
		if near := nearest(name, iampolicies.Names()); near != "" {
			e.hint = "did you mean `ecsheap policy " + near + "`?"
		}
		return p, e
	}
	return p, nil
}

// runPolicy prints one policy.
func runPolicy(c *cli.Context, u *ui, p iampolicies.Policy) error {
	values, err := readValues(c)
	if err != nil {
		return err
	}
	// What is wrong with the flags is told before AWS is asked.
	if _, _, err := p.Fill(values); err != nil {
		return err
	}
	if values.Account == "" || values.Region == "" {
		if err := whoAmI(c.Context, u, c.String("profile"), &values); err != nil {
			return err
		}
	}
	text, left, err := p.Fill(values)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		var flags []string
		for _, field := range left {
			flags = append(flags, dashed(string(field)))
		}
		u.warn("placeholders stand for what is not known", "fill them in with "+strings.Join(flags, ", "))
		u.flush()
	}
	_, err = u.out.Write(text)
	return err
}

// readValues reads the flags. An ARN of a cluster has its region and its account.
func readValues(c *cli.Context) (iampolicies.Values, error) {
	get := func(field iampolicies.Field) string { return c.String(string(field)) }
	v := iampolicies.Values{
		Account: get(iampolicies.Account), Region: get(iampolicies.Region), Service: get(iampolicies.Service), Family: get(iampolicies.Family),
		Container: get(iampolicies.Container), TaskRole: get(iampolicies.TaskRole), ExecutionRole: get(iampolicies.ExecutionRole),
		Key: get(iampolicies.Key), LogGroup: get(iampolicies.LogGroup), OldARNs: c.Bool("old-arns"),
	}
	v.Cluster = get(iampolicies.Cluster)
	if !c.IsSet(string(iampolicies.Cluster)) {
		v.Cluster = os.Getenv("ECSHEAP_CLUSTER")
	}
	if cluster, err := awsarn.Parse(v.Cluster); err == nil {
		if err := sameAs(&v.Region, iampolicies.Region, cluster.Region); err != nil {
			return v, err
		}
		if err := sameAs(&v.Account, iampolicies.Account, cluster.AccountID); err != nil {
			return v, err
		}
		v.Cluster = strings.TrimPrefix(cluster.Resource, "cluster/")
	}
	if s3 := get(iampolicies.S3); s3 != "" {
		location, err := bucket.ParseURL(s3)
		if err != nil {
			return v, err
		}
		v.Bucket, v.Prefix = location.Bucket, location.Prefix
	}
	return v, nil
}

// sameAs takes over what the cluster's ARN says, unless a flag says another thing.
func sameAs(value *string, field iampolicies.Field, ofCluster string) error {
	if *value != "" && *value != ofCluster {
		return &usageError{
			text: fmt.Sprintf("--%s %s contradicts the ARN of the cluster, which has %s", field, *value, ofCluster),
			hint: fmt.Sprintf("drop --%s", field),
		}
	}
	*value = ofCluster
	return nil
}

// whoAmI fills in the account of the login, and the region of the configuration.
// Without a login, or a network, there is no account to be had and the placeholder
// is what is wanted; a login that AWS refuses is an error, because the policy of a
// script would be for nobody.
func whoAmI(ctx context.Context, u *ui, profile string, v *iampolicies.Values) error {
	cfg, err := readAWS(ctx, u, profile, v.Region)
	if err != nil {
		return err
	}
	if v.Region = cfg.Region; v.Account != "" || v.Region == "" {
		return nil
	}
	if err = haveLogin(ctx, cfg); err == nil {
		var identity *sts.GetCallerIdentityOutput
		if identity, err = sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil); err == nil {
			v.Account = aws.ToString(identity.Account)
			return nil
		}
	}
	if ctx.Err() == nil && (isAs[*credentialsError](err) || unreachable(err) != nil) {
		u.warn("the account is not known: "+errorText(err), "")
		return nil
	}
	return fmt.Errorf("asking for the account: %w", err)
}
