package leak

import (
	"fmt"
	"strings"
)

// lesson is what is said of a pattern: why it grows, and what to do about it.
type lesson struct{ explanation, advice string }

// lessons has one for each pattern.
var lessons = map[Pattern]lesson{
	UnboundedCache: {
		"Entries are added and never removed: the keys keep being new ones.",
		"Give it a limit (an LRU cache with max), a time to live, or delete each entry when its work is done. If the keys are objects, a WeakMap lets them go.",
	},
	UnboundedArray: {
		"Elements are appended and never removed.",
		"Remove elements when they have been used, keep only the last N, or keep sums instead of the elements.",
	},
	ListenerLeak: {
		"Each call adds a listener to an emitter that lives as long as the process. The emitter keeps every listener, and each listener the variables around it.",
		"Add the listener once, outside of the request, or take it off again: once(), removeListener() in a finally, or the option signal.",
	},
	TimerLeak: {
		"Timers are kept after they have fired, or fire for ever, with all that their callbacks use.",
		"Call clearTimeout or clearInterval when the work is done, and take the timer out of the list that holds it when it fires. unref() does not free it.",
	},
	ClosureRetention: {
		"Functions are kept, and each keeps the variables of the scope that it was made in, also those that only its neighbours use.",
		"Drop the functions when they have run. Set big variables of the scope to null, or make the function where it does not see them.",
	},
	RequestRetention: {
		"Requests or responses are kept after they have been answered, with their sockets, headers and bodies.",
		"Keep the few fields that are needed, not the request, and delete them when the response has finished.",
	},
	StringConcatenation: {
		"A string becomes longer and longer: each += keeps all that came before.",
		"Write the text out in pieces, to a stream or a file, and start again with an empty string.",
	},
	LinkedList: {
		"The list gets new links and loses none: what fills it is faster than what empties it, or old links are still referred to.",
		"Take links off when they are done, set their next to null, and put a limit on the length: a queue needs back-pressure.",
	},
	PendingPromises: {
		"Promises are waited for that never settle. Each keeps the functions that wait for it, with all their variables.",
		"See that each promise settles: a timeout (AbortSignal.timeout), reject on close and on error. Promise.race with a promise that lives for ever adds to it on every call.",
	},
	OpenSockets: {
		"Connections are kept after they have closed, or are never closed.",
		"Remove the socket in its 'close' event, which always comes, and set a timeout on idle ones.",
	},
	WeakMapValue: {
		"The values of a WeakMap live as long as their keys, and something holds the keys.",
		"Look for what holds the keys: it is what has to let go.",
	},
	SessionStore: {
		"Sessions are stored and none expires: the memory store has no limit.",
		"Use a store with a time to live outside of the process, and do not open a session for health checks and crawlers.",
	},
	BufferRetention: {
		"Buffers are kept. A small slice keeps the whole buffer that it was cut from.",
		"Copy the bytes that are needed (Buffer.from), and let the big buffer go.",
	},
	CodeGrowth: {
		"Functions are compiled over and over from text.",
		"Compile once and keep the function by its source, with a limit.",
	},
	ModulesLoaded: {
		"Modules are loaded when they are first needed. That ends when all of them are there, unless their names are made up.",
		"Load them at the start to tell it from a leak. An import with a changing query string is never let go.",
	},
	Finalizers: {
		"Objects are registered with a FinalizationRegistry, and it keeps what it has to hold for each until the object is gone: that does not come, or more are registered all the time.",
		"See what keeps the objects, take them off by unregister() when they are closed, and give register() a held value that does not refer to the object.",
	},
	OtherPattern: {
		"What is new below it stays.",
		"Look at what it keeps and at the path: the last named step is where it is put in.",
	},
}

// explain says why the suspect grows and what to do, with what is known of this one.
func (f *finder) explain(c *candidate, s *Suspect) (explanation, advice string) {
	l := lessons[s.Pattern]
	if special, ok := f.nature(c, s.holds).lesson(s.Pattern); ok {
		l = special
	}
	explanation, advice = l.explanation, l.advice
	if c.kind == group {
		explanation += fmt.Sprintf(" It is spread over %s collections that each grow a little.", grouped(len(c.members)))
	}
	if c.bound != "" {
		text, hint := f.boundText(c)
		explanation += text
		advice = hint + advice
	}
	explanation += roomText(c)
	if c.removed > 0 && len(f.survey.past) > 0 {
		explanation += fmt.Sprintf(" %s elements have been removed meanwhile.", grouped(c.removed))
	}
	return explanation, advice
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// size writes bytes in decimal units, as operating systems and clouds do.
func size(bytes int64) string {
	const step = 1000
	value, unit := float64(bytes), "B"
	for _, bigger := range []string{"kB", "MB", "GB", "TB"} {
		if value < step && value > -step {
			break
		}
		value, unit = value/step, bigger
	}
	if unit == "B" || value >= 10 || value <= -10 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
