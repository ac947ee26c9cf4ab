package ecs

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// oldSpaceShare is the share of the memory limit that V8's old space may have: what
// else Node.js needs is seldom less than a quarter.
const oldSpaceShare = 0.75

// ordinaryGrowth is how much more memory than there is in use a snapshot of ordinary
// objects takes; many small ones take up to ten times as much
// (docs/measurements/capture-forecast.md).
const ordinaryGrowth = 1.0

func memoryRules() []Rule {
	return []Rule{
		{
			ID: "mem.headroom", What: "room for a snapshot", Worst: Danger, Needs: []string{"cloudwatch:GetMetricData"},
			Want: "as much memory free as is in use", Why: "a snapshot needs one to twelve times the heap on top: without room the kernel kills the process, and the heap is gone",
			judge: judgeHeadroom,
		},
		{
			ID: "mem.limits", Defined: true, What: "a hard limit on the container's memory", Worst: Danger,
			Want: "a hard limit", Why: "without one a growing process takes the memory of its neighbours and of the ECS agent",
			judge: judgeLimits,
		},
		{
			ID: "mem.swap", Defined: true, What: "swap of the container", Worst: Info,
			Want: "no swap", Why: "a heap that was swapped out makes the pause many times longer",
			judge: func(f *Facts) Finding {
				_, d := f.Target.container()
				if d.LinuxParameters == nil || aws.ToInt32(d.LinuxParameters.MaxSwap) == 0 {
					return Finding{}
				}
				return told(fmt.Sprintf("maxSwap %d MiB", *d.LinuxParameters.MaxSwap))
			},
		},
		{
			ID: "mem.oldspace", Defined: true, What: "V8's own limit against the container's", Worst: Warn,
			Want: fmt.Sprintf("--max-old-space-size of at most %.0f %% of the memory limit", 100*oldSpaceShare), Why: "otherwise the kernel kills the process before V8 reports that its heap is full",
			judge: judgeOldSpace,
		},
	}
}

// mib prints a size in the unit of ECS.
func mib(bytes int64) string { return fmt.Sprintf("%d MiB", bytes/mebibyte) }

func judgeHeadroom(f *Facts) Finding {
	_, limit := f.Target.memoryLimit()
	if limit == 0 {
		return Finding{} // mem.limits tells
	}
	if gap := f.MemoryUsed.gap(); gap != nil {
		found := gap.finding()
		if found.Level != "" {
			found.Got = fmt.Sprintf("the limit is %s; what is in use is %s", mib(limit), found.Got)
		}
		return found
	}
	used := f.MemoryUsed.Value.Bytes
	room := limit - used
	text := fmt.Sprintf("%s of %s in use, %s free", mib(used), mib(limit), mib(max(room, 0)))
	if f.MemoryUsed.Value.Hungriest {
		text += ", in the hungriest task of the service"
	}
	if float64(room) < ordinaryGrowth*float64(used) {
		return Finding{Level: Danger, Got: text, Live: true, Fix: "snapshot forecasts what it needs, and refuses if it does not fit; ecsheap profile is safe; a younger task has more room"}
	}
	return fine(text)
}

func judgeLimits(f *Facts) Finding {
	if name, limit := f.Target.memoryLimit(); limit > 0 {
		return fine(fmt.Sprintf("%s, of %s", mib(limit), name))
	}
	if f.Target.fargate() {
		return Finding{} // a task that is not placed yet
	}
	_, d := f.Target.container()
	found := Finding{Level: Danger, Got: "no hard limit", Fix: "set memory beside memoryReservation with the next deployment"}
	if r := aws.ToInt32(d.MemoryReservation); r > 0 {
		found.Got = fmt.Sprintf("only memoryReservation %d MiB", r)
	}
	return found
}

// oldSpace is the last --max-old-space-size of the command line, in MiB, and the flag
// with it. In two words it is written without an equals sign.
func (t Target) oldSpace() (mebibytes int64, flag string, twoWords bool) {
	words := t.words()
	for i, w := range words {
		name, value, whole := strings.Cut(w.text, "=")
		if normalFlag(name) != "--max-old-space-size" {
			continue
		}
		if !whole && i+1 < len(words) {
			value = words[i+1].text
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
			mebibytes, flag, twoWords = n, "--max-old-space-size="+value, !whole
		}
	}
	return mebibytes, flag, twoWords
}

func judgeOldSpace(f *Facts) Finding {
	size, flag, twoWords := f.Target.oldSpace()
	name, limit := f.Target.memoryLimit()
	if size == 0 || limit == 0 {
		return Finding{}
	}
	share := float64(size) * mebibyte / float64(limit)
	text := fmt.Sprintf("%s is %.0f %% of the %s of %s", flag, 100*share, mib(limit), name)
	if share <= oldSpaceShare {
		return fine(text)
	}
	fit := fmt.Sprintf("%.0f", math.Floor(oldSpaceShare*float64(limit)/mebibyte))
	found := Finding{Level: Warn, Got: text, Fix: "--max-old-space-size=" + fit + " with the next deployment, or more memory"}
	if !twoWords {
		found.Params = map[string]string{ParamOldSpace: fit}
	}
	return found
}
