package fakeaws

import (
	"strings"
	"testing"
)

func TestMatchGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"*", "a", true}, {"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "ab", false},
		{"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"*b*b*", "abab", true},
		{"ssm:*", "ssm:StartSession", true}, {"arn:aws:ecs:*:task/prod/*", "arn:aws:ecs:eu-west-1:1:task/prod/x", true},
		{"**", "x", true}, {"x**", "x", true}, {"?", "", false},
	} {
		if got := matchGlob(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.text, got)
		}
	}
}

// FuzzMatchGlob compares the matcher with the textbook's, which tries everything.
func FuzzMatchGlob(f *testing.F) {
	f.Add("a*b?c", "aXbYc")
	f.Add("*a*b", "ab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 12 {
			return
		}
		var slow func(p, s string) bool
		slow = func(p, s string) bool {
			switch {
			case p == "":
				return s == ""
			case p[0] == '*':
				return slow(p[1:], s) || s != "" && slow(p, s[1:])
			case s == "":
				return false
			}
			return (p[0] == '?' || p[0] == s[0]) && slow(p[1:], s[1:])
		}
		if got, want := matchGlob(pattern, text), slow(pattern, text); got != want {
			t.Errorf("%q, %q: %v, want %v", pattern, text, got, want)
		}
	})
}

func TestParsePolicyRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":      `{`,
		"no statement": `{"Version":"2012-10-17"}`,
		"no effect":    `{"Statement":{"Action":"*","Resource":"*"}}`,
		"no action":    `{"Statement":{"Effect":"Allow","Resource":"*"}}`,
		"both actions": `{"Statement":{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}}`,
		"no resource":  `{"Statement":{"Effect":"Allow","Action":"*"}}`,
		"operator":     `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Sounds":{"a":"b"}}}}`,
		"list":         `{"Statement":{"Effect":"Allow","Action":[{}],"Resource":"*"}}`,
	} {
		if p, err := parsePolicy(text); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestEvaluate(t *testing.T) {
	ask := question{
		action: "ssm:StartSession", resource: "arn:aws:ecs:eu-west-1:1:task/prod/x",
		context: map[string][]string{
			"aws:ResourceTag/ecsheap": {"allowed"}, "aws:userid": {"ID:alice"}, "ecs:cluster": {"arn:aws:ecs:eu-west-1:1:cluster/prod"},
			"n": {"5"}, "flag": {"true"}, "list": {"a", "b"},
		},
	}
	allow := func(more string) string {
		return `{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*"` + more + `}`
	}
	when := func(operator, key, value string) string {
		return allow(`,"Condition":{"` + operator + `":{"` + key + `":` + value + `}}`)
	}
	deny := `{"Effect":"Deny","Action":"ssm:*","Resource":"*"}`
	for _, tt := range []struct {
		name, statements string
		want             decision
		missing          string
	}{
		{"allowed", allow(""), allowed, ""},
		{"nothing said", `{"Effect":"Allow","Action":"ssm:Stop","Resource":"*"}`, implicitDeny, ""},
		{"case of the action", `{"Effect":"Allow","Action":"SSM:startsession","Resource":"*"}`, allowed, ""},
		{"wildcards", `{"Effect":"Allow","Action":"ssm:Start*","Resource":"arn:aws:ecs:*:*:task/prod/*"}`, allowed, ""},
		{"other resource", `{"Effect":"Allow","Action":"ssm:*","Resource":"arn:aws:ecs:*:*:task/dev/*"}`, implicitDeny, ""},
		{"deny wins", allow("") + "," + deny, explicitDeny, ""},
		{"deny wins from before", deny + "," + allow(""), explicitDeny, ""},
		{"not action", `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, allowed, ""},
		{"not this action", `{"Effect":"Allow","NotAction":"ssm:*","Resource":"*"}`, implicitDeny, ""},
		{"not resource", `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:*"}`, allowed, ""},
		{"not this resource", `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:ecs:*"}`, implicitDeny, ""},
		{"equals", when("StringEquals", "aws:ResourceTag/ecsheap", `"allowed"`), allowed, ""},
		{"equals not", when("StringEquals", "aws:ResourceTag/ecsheap", `"no"`), implicitDeny, ""},
		{"key's case", when("StringEquals", "AWS:resourcetag/ECSHEAP", `"allowed"`), allowed, ""},
		{"one of many", when("StringEquals", "aws:ResourceTag/ecsheap", `["a","allowed"]`), allowed, ""},
		{"missing", when("StringEquals", "aws:Other", `"x"`), implicitDeny, "aws:Other"},
		{"if exists", when("StringEqualsIfExists", "aws:Other", `"x"`), allowed, "aws:Other"},
		{"negated and missing", when("StringNotEquals", "aws:Other", `"x"`), allowed, "aws:Other"},
		{"negated", when("StringNotEquals", "aws:ResourceTag/ecsheap", `"allowed"`), implicitDeny, ""},
		{"negated list", when("StringNotEquals", "aws:ResourceTag/ecsheap", `["a","allowed"]`), implicitDeny, ""},
		{"like", when("StringLike", "aws:ResourceTag/ecsheap", `"all*"`), allowed, ""},
		{"not like", when("StringNotLike", "aws:ResourceTag/ecsheap", `"all*"`), implicitDeny, ""},
		{"arn", when("ArnEquals", "ecs:cluster", `"arn:aws:ecs:*:1:cluster/prod"`), allowed, ""},
		{"arn not", when("ArnNotLike", "ecs:cluster", `"arn:aws:ecs:*:1:cluster/prod"`), implicitDeny, ""},
		{"variable", when("StringLike", "aws:userid", `"${aws:userid}"`), allowed, ""},
		{"variable without value", when("StringLike", "aws:userid", `"${aws:username}"`), implicitDeny, ""},
		{"bool", when("Bool", "flag", `true`), allowed, ""},
		{"null", when("Null", "aws:Other", `"true"`), allowed, "aws:Other"},
		{"not null", when("Null", "flag", `"true"`), implicitDeny, ""},
		{"number", when("NumericLessThan", "n", `"6"`), allowed, ""},
		{"number too large", when("NumericLessThanEquals", "n", `4`), implicitDeny, ""},
		{"all values", when("ForAllValues:StringEquals", "list", `["a","b","c"]`), allowed, ""},
		{"not all values", when("ForAllValues:StringEquals", "list", `["a"]`), implicitDeny, ""},
		{"any value", when("ForAnyValue:StringEquals", "list", `["b"]`), allowed, ""},
		{"both conditions", allow(`,"Condition":{"Bool":{"flag":"true"},"StringEquals":{"n":"6"}}`), implicitDeny, ""},
		{"deny whose condition fails", allow("") + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"flag":"false"}}}`, allowed, ""},
	} {
		p, err := parsePolicy(`{"Statement":[` + tt.statements + `]}`)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, missing := p.evaluate(ask)
		if got != tt.want || strings.Join(missing, " ") != tt.missing {
			t.Errorf("%s: %s, missing %q; want %s, %q", tt.name, got, missing, tt.want, tt.missing)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(execPolicy)
	f.Add(`{"Statement":[{"Effect":"Deny","Action":["a:b"],"Resource":"*","Condition":{"StringLike":{"k":["${x}","${"]}}}]}`)
	f.Fuzz(func(_ *testing.T, text string) {
		if p, err := parsePolicy(text); err == nil {
			p.evaluate(question{action: "a:b", resource: "c", context: map[string][]string{"k": {"v"}}})
		}
	})
}
