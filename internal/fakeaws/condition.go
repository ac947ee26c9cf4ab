package fakeaws

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// condition is one line of a Condition block: an operator, a key and the values that it may have.
type condition struct {
	operator string // without its prefix and suffix
	key      string
	values   []string
	ifExists bool
	forAll   bool // ForAllValues; ForAnyValue is what one value is as well
}

// compare says whether the value of a key fits one value of a policy.
type compare func(value, want string) bool

// operators are the comparisons that the fake knows, without the negated ones.
func operators() map[string]compare {
	numbers := func(holds func(a, b float64) bool) compare {
		return func(value, want string) bool {
			a, err := strconv.ParseFloat(value, 64)
			b, err2 := strconv.ParseFloat(want, 64)
			return err == nil && err2 == nil && holds(a, b)
		}
	}
	like := func(value, want string) bool { return matchGlob(want, value) }
	return map[string]compare{
		"StringEquals":             func(value, want string) bool { return value == want },
		"StringEqualsIgnoreCase":   strings.EqualFold,
		"StringLike":               like,
		"ArnEquals":                like, // the two are the same to IAM
		"ArnLike":                  like,
		"Bool":                     strings.EqualFold,
		"NumericEquals":            numbers(func(a, b float64) bool { return a == b }),
		"NumericLessThan":          numbers(func(a, b float64) bool { return a < b }),
		"NumericLessThanEquals":    numbers(func(a, b float64) bool { return a <= b }),
		"NumericGreaterThan":       numbers(func(a, b float64) bool { return a > b }),
		"NumericGreaterThanEquals": numbers(func(a, b float64) bool { return a >= b }),
	}
}

// negated maps each operator with a Not in it to the one that it denies.
func negated(operator string) (of string, ok bool) {
	for _, kind := range []string{"String", "Arn", "Numeric"} {
		if rest, found := strings.CutPrefix(operator, kind+"Not"); found {
			return kind + rest, true
		}
	}
	return "", false
}

// parseConditions reads a Condition block; operators that the fake does not know are an error, so
// that no policy seems to say less than it does.
func parseConditions(block map[string]map[string]oneOrMore) ([]condition, error) {
	var list []condition
	for _, name := range slices.Sorted(maps.Keys(block)) {
		operator, ifExists := strings.CutSuffix(name, "IfExists")
		operator, forAll := strings.CutPrefix(operator, "ForAllValues:")
		operator = strings.TrimPrefix(operator, "ForAnyValue:")
		plain := operator
		if of, ok := negated(operator); ok {
			plain = of
		}
		if _, known := operators()[plain]; !known && operator != "Null" {
			return nil, fmt.Errorf("condition operator %s is not known here", name)
		}
		for _, key := range slices.Sorted(maps.Keys(block[name])) {
			list = append(list, condition{operator: operator, key: key, values: block[name][key], ifExists: ifExists, forAll: forAll})
		}
	}
	return list, nil
}

// holds says whether a condition is met.
func (c *condition) holds(q question) bool {
	values, known := q.lookUp(c.key)
	if c.operator == "Null" {
		return slices.Contains(c.values, strconv.FormatBool(!known))
	}
	of, negative := negated(c.operator)
	if !negative {
		of = c.operator
	}
	if !known {
		return c.ifExists || c.forAll || negative
	}
	same := operators()[of]
	fits := func(value string) bool {
		one := func(want string) bool { return same(value, q.substitute(want)) }
		return slices.ContainsFunc(c.values, one) != negative
	}
	if c.forAll {
		return !slices.ContainsFunc(values, func(value string) bool { return !fits(value) })
	}
	return slices.ContainsFunc(values, fits)
}

// lookUp finds the values of a condition key, whose case does not count.
func (q question) lookUp(key string) ([]string, bool) {
	if values, ok := q.context[key]; ok {
		return values, true
	}
	for name, values := range q.context {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	return nil, false
}

// substitute puts the values of policy variables in; a variable without a value matches nothing.
func (q question) substitute(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return out.String() + "${" + rest
		}
		switch values, _ := q.lookUp(name); {
		case name == "*" || name == "?" || name == "$": // how to write these characters themselves
			out.WriteString(name)
		case len(values) == 1:
			out.WriteString(values[0])
		default:
			out.WriteString("\x00") // in no ARN
		}
		text = after
	}
}
