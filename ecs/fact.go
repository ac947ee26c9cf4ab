package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Fact is something that was asked of AWS or of this machine: a value, or the
// reason why there is none. The zero value was not asked.
type Fact[T any] struct {
	Value T    // the zero value unless the state is Known
	Gap   *Gap // nil: Value is known
	known bool
}

// Gap is why a fact is not known.
type Gap struct {
	// Needs is the IAM action that the caller may not use, "" when it is not that.
	Needs string
	// Reason is why the fact is not known otherwise, "" when nobody asked.
	Reason string
}

// notAsked is the gap of a question that nobody put.
var notAsked = Gap{}

// Known is a fact with a value.
func Known[T any](v T) Fact[T] { return Fact[T]{Value: v, known: true} }

// Unknown is a fact without a value, for a reason in a few words.
func Unknown[T any](format string, args ...any) Fact[T] {
	return Fact[T]{Gap: &Gap{Reason: fmt.Sprintf(format, args...)}}
}

// because is a fact that another gap keeps from being known.
func because[T any](g *Gap) Fact[T] { return Fact[T]{Gap: g} }

// gap returns nil when the value is known.
func (f Fact[T]) gap() *Gap {
	switch {
	case f.known:
		return nil
	case f.Gap == nil:
		return &notAsked
	}
	return f.Gap
}

// factOf makes a fact of the answer to a call, whose IAM action is given.
func factOf[T any](action string, v T, err error) Fact[T] {
	if err == nil {
		return Known(v)
	}
	return Fact[T]{Gap: gapOf(action, err)}
}

func gapOf(action string, err error) *Gap {
	var api smithy.APIError
	var own interface{ unanswered() string }
	switch {
	case accessRefused(err):
		return &Gap{Needs: action}
	case errors.As(err, &own):
		return &Gap{Reason: own.unanswered()}
	case errors.As(err, &api):
		return &Gap{Reason: fmt.Sprintf("%s answers %s", action, api.ErrorCode())}
	case errors.Is(err, context.DeadlineExceeded):
		return &Gap{Reason: action + " gave no answer in time"}
	}
	return &Gap{Reason: action + " cannot be asked"}
}

// text says for people why something is not known.
func (g Gap) text() string {
	if g.Needs != "" {
		return "skipped: needs " + g.Needs
	}
	return "unknown: " + g.Reason
}

// finding tells of the gap. What nobody asked is no finding.
func (g *Gap) finding() Finding { return unknown(g) }

// unknown tells of the gaps that keep a rule from an answer, nil for facts that are
// known. Where all that is missing was not asked it is no finding.
func unknown(gaps ...*Gap) Finding {
	var needs, reasons []string
	for _, g := range gaps {
		switch {
		case g == nil || *g == notAsked:
		case g.Needs != "" && !slices.Contains(needs, g.Needs):
			needs = append(needs, g.Needs)
		case g.Needs == "" && !slices.Contains(reasons, g.Reason):
			reasons = append(reasons, g.Reason)
		}
	}
	found := Finding{Level: Info, Unknown: true, Needs: needs}
	switch {
	case len(needs) > 0:
		found.Got = "skipped: needs " + strings.Join(needs, ", ")
	case len(reasons) > 0:
		found.Got = "unknown: " + strings.Join(reasons, "; ")
	default:
		return Finding{}
	}
	return found
}

// anyGap tells whether one of the facts is not known.
func anyGap(gaps ...*Gap) bool {
	return slices.ContainsFunc(gaps, func(g *Gap) bool { return g != nil })
}

// lacks adds to a finding that holds without it what a gap kept from it.
func (f Finding) lacks(gap *Gap, what string) Finding {
	if gap == nil || *gap == notAsked {
		return f
	}
	f.Got += "; " + what + " " + gap.text()
	if gap.Needs != "" {
		f.Needs = append(f.Needs, gap.Needs)
	}
	return f
}

// expired tells whether an answer says that the credentials are no longer good
// for anything.
func expired(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "ExpiredToken")
}
