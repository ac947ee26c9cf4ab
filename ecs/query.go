package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"
)

// defaultCluster is the cluster that ECS takes when none is named.
const defaultCluster = "default"

// claim is what the value of one flag tells of where the container is: an ARN, or
// an address of the console. Fields that it does not tell are empty.
type claim struct{ flag, region, cluster, service string }

// Region returns the region that the query's ARNs and addresses name, and the
// flag that it stands in; both are "" if they name none. Errors: [*RefError],
// [*ContradictionError].
func (q Query) Region() (region, flag string, err error) {
	_, claims, err := q.claims()
	if err != nil {
		return "", "", err
	}
	return agreed("region", claims, func(c claim) string { return c.region })
}

// TellsCluster says whether the query's task or service names its cluster, so that
// it needs no default.
func (q Query) TellsCluster() bool {
	q.Cluster = ""
	_, claims, err := q.claims()
	return err == nil && slices.ContainsFunc(claims, func(c claim) bool { return c.cluster != "" })
}

// resolve reads the ARNs and addresses in the query: they tell the cluster and
// the service, by their names from then on.
func (q Query) resolve() (TaskRef, Query, error) {
	ref, claims, err := q.claims()
	if err != nil {
		return ref, q, err
	}
	if _, _, err := agreed("region", claims, func(c claim) string { return c.region }); err != nil {
		return ref, q, err
	}
	if q.Cluster, _, err = agreed("cluster", claims, func(c claim) string { return c.cluster }); err != nil {
		return ref, q, err
	}
	q.Service, _, err = agreed("service", claims, func(c claim) string { return c.service })
	return ref, q, err
}

// claims reads every value, the one that tells most first.
func (q Query) claims() (TaskRef, []claim, error) {
	var claims []claim
	var ref TaskRef
	if q.Task != "" {
		var err error
		if ref, err = ParseTask(q.Task); err != nil {
			return ref, nil, err
		}
		claims = append(claims, claim{"task", ref.Region, ref.Cluster, ref.Service})
	}
	for _, named := range []struct{ flag, text string }{{"service", q.Service}, {"cluster", q.Cluster}} {
		if named.text == "" {
			continue
		}
		c, err := parseNamed(named.flag, named.text)
		if err != nil {
			return ref, nil, err
		}
		claims = append(claims, c)
	}
	return ref, claims, nil
}

// parseNamed reads a cluster or a service, given by its name or by its ARN:
// arn:<partition>:ecs:<region>:<account>:cluster/<name>, service/<cluster>/<name>,
// or in the old format service/<name>.
func parseNamed(flag, text string) (claim, error) {
	c := claim{flag: flag}
	path := []string{flag, strings.TrimSpace(text)}
	if strings.HasPrefix(path[1], "arn:") {
		f := strings.SplitN(path[1], ":", 6)
		if len(f) != 6 || f[2] != "ecs" || !regionName.MatchString(f[3]) {
			return c, &RefError{Text: text, Want: flag}
		}
		c.region, path = f[3], strings.Split(f[5], "/")
	}
	switch name := path[len(path)-1]; {
	case path[0] != flag || name == "":
		return c, &RefError{Text: text, Want: flag}
	case flag == "cluster" && len(path) == 2:
		c.cluster = name
	case flag == "service" && len(path) == 2:
		c.service = name
	case flag == "service" && len(path) == 3:
		c.cluster, c.service = path[1], name
	default:
		return c, &RefError{Text: text, Want: flag}
	}
	return c, nil
}

// agreed is the one value that the claims name, and the flag that names it. A
// claim that names another is a contradiction.
func agreed(what string, claims []claim, of func(claim) string) (value, by string, err error) {
	for _, c := range claims {
		switch told := of(c); {
		case told == "":
		case value == "":
			value, by = told, c.flag
		case value != told:
			return "", "", &ContradictionError{Flag: c.flag, Given: told, By: by, What: what, Told: value}
		}
	}
	return value, by, nil
}

// placed returns the query with a cluster: the one that it names, else the only
// one of the region, else the one called default. The error is an
// [*AmbiguousError] when there are several, and none is called so.
func (q Query) placed(ctx context.Context, client *awsecs.Client) (Query, error) {
	if q.Cluster != "" {
		return q, nil
	}
	names, err := clusters(ctx, client)
	switch {
	case accessRefused(err):
		q.Cluster = defaultCluster // who may not list clusters may still use one
	case err != nil:
		return q, fmt.Errorf("looking for the cluster: %w", err)
	case len(names) == 1:
		q.Cluster = names[0]
	case len(names) == 0 || slices.Contains(names, defaultCluster):
		q.Cluster = defaultCluster
	default:
		list := make([]Candidate, len(names))
		for i, n := range names {
			list[i] = Candidate{Name: n}
		}
		return q, &AmbiguousError{What: "cluster", Candidates: list}
	}
	return q, nil
}

// clusters returns the names of the region's clusters, sorted.
func clusters(ctx context.Context, client *awsecs.Client) ([]string, error) {
	var names []string
	pages := awsecs.NewListClustersPaginator(client, &awsecs.ListClustersInput{MaxResults: aws.Int32(describeBatch)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, arn := range page.ClusterArns {
			names = append(names, clusterName(arn))
		}
	}
	slices.Sort(names)
	return names, nil
}

// accessRefused tells whether AWS refused a call because the caller may not make it.
func accessRefused(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	code := api.ErrorCode()
	return code == "AccessDenied" || code == "AccessDeniedException" || code == "UnauthorizedOperation"
}
