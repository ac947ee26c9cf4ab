package ecs

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Refusal is what an answer of AWS means, where its own words do not tell.
type Refusal struct {
	Cause string // in a few words, "" where AWS says it well enough
	Fix   string
}

// refusalRule is one row of what is known of refusals. Empty fields fit everything.
type refusalRule struct {
	operations []string // such as StartSession
	codes      []string // of the error; a trailing * matches any ending
	message    *regexp.Regexp
	refusal    Refusal
}

// agentFix leads from a target that is not connected to what usually keeps it from that.
const agentFix = "ecsheap check says what keeps the agent from Systems Manager: the task role, the network, or that it has just started (--wait 2m)"

// refusalRules are read in order: the first that fits counts.
func refusalRules() []refusalRule {
	sessions := []string{"StartSession", "ExecuteCommand", "ResumeSession"}
	return []refusalRule{
		{
			operations: sessions, codes: []string{"TargetNotConnected*"},
			refusal: Refusal{Cause: "the agent in the container is not connected to Systems Manager", Fix: agentFix},
		},
		{
			operations: []string{"ExecuteCommand"}, codes: []string{"InvalidParameterException"}, message: regexp.MustCompile("(?i)execute command was not enabled"),
			refusal: Refusal{
				Cause: "the task was started without ECS Exec, or its agent does not run",
				Fix:   "ecsheap check says which of the two; ECS Exec cannot be switched on for a running task",
			},
		},
		{
			operations: []string{"StartSession"}, codes: []string{"AccessDenied*"}, message: regexp.MustCompile(`on resource: \S*:document/`),
			refusal: Refusal{
				Cause: "it is the document, not the task, that you may not use",
				Fix:   "add ssm:StartSession on the document AWS-StartPortForwardingSession, whose ARN has no account and no tags (`ecsheap policy operator-snapshot`, TunnelDocumentOnly)",
			},
		},
		{
			operations: []string{"StartSession"}, codes: []string{"AccessDenied*"}, message: regexp.MustCompile(`on resource: \S*:task/`),
			refusal: Refusal{
				Cause: "it is the task that you may not reach",
				Fix:   "add ssm:StartSession on the task, and look whether the task has the tag that your policy asks for (`ecsheap policy operator-snapshot`, TunnelToTaggedTasks)",
			},
		},
		{
			codes: []string{"AccessDenied*", "UnauthorizedOperation"}, message: regexp.MustCompile("(?i)explicit deny in a service control policy"),
			refusal: Refusal{Cause: "a policy of the organization denies it", Fix: "no policy of your own helps: ask who keeps the organization's policies"},
		},
		{
			codes: []string{"AccessDenied*", "UnauthorizedOperation"}, message: regexp.MustCompile("(?i)explicit deny"),
			refusal: Refusal{Cause: "a policy denies it in so many words", Fix: "find the Deny: no Allow helps against it (`ecsheap policy deny-guardrails` is such a policy)"},
		},
		{
			codes:   []string{"ExpiredToken*", "RequestExpired"},
			refusal: Refusal{Cause: "the credentials have expired", Fix: "log in again (for example `aws sso login`), then run the same command"},
		},
		{
			codes:   []string{"Throttling*", "RequestLimitExceeded", "TooManyRequestsException", "RequestThrottled*"},
			refusal: Refusal{Cause: "other calls of the account use up what AWS allows", Fix: "AWS limits the rate of calls for the whole account: try again in a minute"},
		},
		{
			codes:   []string{"ClusterNotFoundException"},
			refusal: Refusal{Cause: "no such cluster in this region and account", Fix: "check --cluster, --region and --profile; without --cluster ECS looks in the one named default"},
		},
		{
			codes:   []string{"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"},
			refusal: Refusal{Fix: "the credentials are not valid here: check --profile and --region, and the clock of this machine"},
		},
		{
			operations: sessions, codes: []string{"InternalServer*", "ServerException"},
			refusal: Refusal{Cause: "AWS fails, or the container's agent is on its way out", Fix: "run the same command again; " + agentFix},
		},
	}
}

// Explain says what a refusal of AWS means, if that is known.
func Explain(err error) (Refusal, bool) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return Refusal{}, false
	}
	operation := ""
	var call *smithy.OperationError
	if errors.As(err, &call) {
		operation = call.Operation()
	}
	for _, rule := range refusalRules() {
		if rule.fits(operation, api.ErrorCode(), api.ErrorMessage()) {
			return rule.refusal, true
		}
	}
	return Refusal{}, false
}

func (r refusalRule) fits(operation, code, message string) bool {
	if len(r.operations) > 0 && !slices.Contains(r.operations, operation) {
		return false
	}
	if r.message != nil && !r.message.MatchString(message) {
		return false
	}
	return slices.ContainsFunc(r.codes, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return code == prefix || wild && strings.HasPrefix(code, prefix)
	})
}
