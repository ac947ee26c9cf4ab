package ecs

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// question is one fact to ask for, with a call for each key. Tasks that have the same
// key share the answer; nobody may change it.
type question[T any] struct {
	action string // of IAM
	fact   func(*Facts) *Fact[T]
	// key is "" for what is not to be asked. A gap of an answer that the question needs is
	// its own gap.
	key func(*Facts) (string, *Gap)
	ask func(context.Context, *Facts) (T, error)
}

// put asks for all tasks. Its error is that of credentials which have expired: then
// nothing else is worth asking.
func (q question[T]) put(ctx context.Context, g *gatherer) error {
	order, by := g.sorted(func(f *Facts) string {
		key, gap := q.key(f)
		if gap != nil {
			*q.fact(f) = because[T](gap)
			return ""
		}
		return key
	})
	group, ctx := errgroup.WithContext(ctx)
	for _, key := range order {
		group.Go(func() error {
			fact, err := asked(q.action, func() (T, error) {
				defer g.slot(ctx)()
				return q.ask(ctx, by[key][0])
			})
			for _, f := range by[key] {
				*q.fact(f) = fact
			}
			return err
		})
	}
	return group.Wait()
}

// list is a fact to ask for with one call for as many keys as that takes.
type list[T any] struct {
	action  string // of IAM
	size    int    // keys in a call, 0 = all
	missing error  // what it means that an answer has nothing of a key; nil: the zero value is the fact
	fact    func(*Facts) *Fact[T]
	key     func(*Facts) string                                            // "" is not asked
	ask     func(ctx context.Context, keys []string) (map[string]T, error) // answers by key
}

// put is as that of question.
func (l list[T]) put(ctx context.Context, g *gatherer) error {
	order, by := g.sorted(l.key)
	group, ctx := errgroup.WithContext(ctx)
	for keys := range slices.Chunk(order, cmp.Or(l.size, max(len(order), 1))) {
		group.Go(func() error {
			all, err := asked(l.action, func() (map[string]T, error) {
				defer g.slot(ctx)()
				return l.ask(ctx, keys)
			})
			for _, key := range keys {
				fact := Fact[T]{Gap: all.Gap}
				if v, ok := all.Value[key]; all.Gap == nil {
					fact = Known(v)
					if !ok && l.missing != nil {
						fact = factOf(l.action, v, l.missing)
					}
				}
				for _, f := range by[key] {
					*l.fact(f) = fact
				}
			}
			return err
		})
	}
	return group.Wait()
}

// sorted puts tasks together that have the same key, in the order of the first of each.
func (g *gatherer) sorted(key func(*Facts) string) (order []string, by map[string][]*Facts) {
	by = map[string][]*Facts{}
	for _, f := range g.all {
		k := key(f)
		if k == "" {
			continue
		}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], f)
	}
	return order, by
}

// byKey makes a map of a list.
func byKey[T any](all []T, key func(T) string) map[string]T {
	m := make(map[string]T, len(all))
	for _, v := range all {
		m[key(v)] = v
	}
	return m
}

// slot waits until another call may go out. The result says that it is back.
func (g *gatherer) slot(ctx context.Context) func() {
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }
	case <-ctx.Done():
		return func() {} // a call with this ctx goes nowhere
	}
}

// asked makes a fact of an answer. The error is that of expired credentials.
func asked[T any](action string, ask func() (T, error)) (Fact[T], error) {
	v, err := ask()
	if expired(err) {
		return Fact[T]{}, fmt.Errorf("checking: %w", err)
	}
	return factOf(action, v, err), nil
}
