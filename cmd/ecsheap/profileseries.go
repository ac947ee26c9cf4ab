package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/tunnel"
)

// snapshotReason begins the reason of a session that takes snapshots (see runReason).
const snapshotReason = reasonPrefix + "snapshot "

// beforeSeries refuses to connect to a container that another ecsheap takes
// snapshots of: the end of any inspector session makes V8 forget the ids of objects,
// and the series over there could not be compared any more. With --force it warns.
//
// What cannot be known costs nothing here: the session will tell.
func beforeSeries(ctx context.Context, u *ui, o profileOptions, client *awsssm.Client, target ecs.Target) error {
	for _, s := range seriesOf(ctx, client, target) {
		text := fmt.Sprintf("another ecsheap takes snapshots of this container (session %s): the end of a profile would make V8 forget the object ids of its series", s)
		if !o.force {
			return &earlyError{text: text, hint: "wait until it is done; --force profiles all the same, and its later snapshots cannot be compared with the earlier ones"}
		}
		u.warn(text, "--force: profiled all the same")
	}
	return nil
}

// besideSeries refuses to take snapshots where another ecsheap does: its helper is in
// the process, so that nothing would come of it but the loss of its object ids.
func besideSeries(ctx context.Context, u *ui, force bool, client *awsssm.Client, target ecs.Target) error {
	for _, s := range seriesOf(ctx, client, target) {
		if !force {
			return &rivalError{session: s}
		}
		u.warn(fmt.Sprintf("another ecsheap has a session to take snapshots of this container (%s)", s), "--force: connected all the same")
	}
	return nil
}

// rivalError says that another ecsheap takes snapshots of the container.
type rivalError struct{ session tunnel.Session }

func (e *rivalError) Error() string {
	return fmt.Sprintf("another ecsheap takes snapshots of this container (session %s): to connect would make V8 forget the object ids of its series", e.session)
}

// Hint says what to do.
func (e *rivalError) Hint() string {
	return "wait until it is done; --force connects all the same, when it is known to be gone without having closed its session"
}

// seriesOf are the sessions of other ecsheap that take snapshots of the target, none
// when that cannot be known. They count in a container that serves no more, too: by the
// time that the tunnel is opened another session may have ended.
func seriesOf(ctx context.Context, client *awsssm.Client, target ecs.Target) []tunnel.Session {
	active, err := tunnel.Active(ctx, client, target.SSM())
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(active, func(s tunnel.Session) bool { return !takesSnapshots(s) })
}

// takesSnapshots tells whether a session is of an ecsheap that takes snapshots, and
// lives as far as that can be known.
func takesSnapshots(s tunnel.Session) bool {
	if !strings.HasPrefix(s.Reason, snapshotReason) {
		return false
	}
	return !startedBy(s.Reason).gone
}

// lookForSeries warns when a series is taken of the process that has been connected
// to. By then it is too late to refuse: to leave now costs the series its object ids
// just as well, and nobody can look into a process without connecting.
func lookForSeries(ctx context.Context, u *ui, conn *cdp.Conn) {
	var busy *guest.BusyError
	if !errors.As(guest.Look(ctx, conn.Evaluate), &busy) || abandoned(busy) {
		return
	}
	what, hint := "snapshots are taken", "its later snapshots cannot be compared with the earlier ones, and it will say so"
	if busy.Detached {
		what, hint = "a detached series is taken", "the snapshots to come cannot be compared with those that there are; --resume will say so"
	}
	u.warn(fmt.Sprintf("%s of this process by another ecsheap (%s): this connection costs it the object ids", what, busy.Label), hint)
}
