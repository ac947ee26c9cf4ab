package leak

import (
	"fmt"
	"strings"
)

// lesson is what is said of a pattern: why it grows, what would make it grow, for those who
// have too few snapshots to know, and what to do about it.
type lesson struct{ explanation, premise, advice string }

// lessons has one for each pattern.
var lessons = map[Pattern]lesson{
	UnboundedCache: {
		"Entries are added and never removed: the keys keep being new ones.",
		"If entries are added and never removed, as when the keys keep being new ones, it grows for ever.",
		"Give it a limit (an LRU cache with max), a time to live, or delete each entry when its work is done. If the keys are objects, a WeakMap lets them go.",
	},
	UnboundedArray: {
		"Elements are appended and never removed.",
		"If elements are appended and never removed, it grows for ever.",
		"Remove elements when they have been used, keep only the last N, or keep sums instead of the elements.",
	},
	ListenerLeak: {
		"Each call adds a listener to an emitter that lives as long as the process. The emitter keeps every listener, and each listener the variables around it.",
		"If each call adds a listener to an emitter that lives as long as the process, the emitter keeps all of them, and each listener the variables around it.",
		"Add the listener once, outside of the request, or take it off again: once(), removeListener() in a finally, or the option signal.",
	},
	TimerLeak: {
		"Timers are kept after they have fired, or fire for ever, with all that their callbacks use.",
		"A timer that is kept after it has fired, or that is never cleared, stays with all that its callback uses.",
		"Call clearTimeout or clearInterval when the work is done, and take the timer out of the list that holds it when it fires. unref() does not free it.",
	},
	ClosureRetention: {
		"Functions are kept, and each keeps the variables of the scope that it was made in, also those that only its neighbours use.",
		"Each function that is kept keeps the variables of the scope that it was made in, also those that only its neighbours use.",
		"Drop the functions when they have run. Set big variables of the scope to null, or make the function where it does not see them.",
	},
	RequestRetention: {
		"Requests or responses are kept after they have been answered, with their sockets, headers and bodies.",
		"A request that is kept after it has been answered keeps its socket, headers and body. Those under way look the same.",
		"Keep the few fields that are needed, not the request, and delete them when the response has finished.",
	},
	StringConcatenation: {
		"A string becomes longer and longer: each += keeps all that came before.",
		"A string that is made longer with += keeps all that came before.",
		"Write the text out in pieces, to a stream or a file, and start again with an empty string.",
	},
	LinkedList: {
		"The list gets new links and loses none: what fills it is faster than what empties it, or old links are still referred to.",
		"If the list gets new links and loses none, it grows for ever.",
		"Take links off when they are done, set their next to null, and put a limit on the length: a queue needs back-pressure.",
	},
	PendingPromises: {
		"Promises are waited for that never settle. Each keeps the functions that wait for it, with all their variables.",
		"A promise that never settles keeps the functions that wait for it, with all their variables. Work under way looks the same.",
		"See that each promise settles: a timeout (AbortSignal.timeout), reject on close and on error. Promise.race with a promise that lives for ever adds to it on every call.",
	},
	OpenSockets: {
		"Connections are kept after they have closed, or are never closed.",
		"A connection that is kept after it has closed, or is never closed, stays with its buffers. Those in use look the same.",
		"Remove the socket in its 'close' event, which always comes, and set a timeout on idle ones.",
	},
	OpenStreams: {
		"Streams are kept that were never ended or destroyed. Those of zlib and of files have memory outside of V8's heap besides, far more than the object itself.",
		"A stream that is neither ended nor destroyed keeps its buffers, and memory outside of V8's heap besides.",
		"End or destroy each stream on every way out, also when the other side has gone, as stream.pipeline does: 'close' comes then, and the memory goes at once.",
	},
	WeakMapValue: {
		"The values of a WeakMap live as long as their keys, and something holds the keys.",
		"The values of a WeakMap live as long as their keys, and something holds the keys.",
		"Look for what holds the keys: it is what has to let go.",
	},
	SessionStore: {
		"Sessions are stored and none expires: the memory store has no limit.",
		"Sessions that never expire stay for ever.",
		"Use a store with a time to live outside of the process, and do not open a session for health checks and crawlers.",
	},
	BufferRetention: {
		"Buffers are kept. A small slice keeps the whole buffer that it was cut from.",
		"A small slice keeps the whole buffer that it was cut from.",
		"Copy the bytes that are needed (Buffer.from), and let the big buffer go.",
	},
	CodeGrowth: {
		"Functions are compiled over and over from text.",
		"Functions that are compiled from text over and over stay while something refers to them.",
		"Compile once and keep the function by its source, with a limit.",
	},
	ModulesLoaded: {
		"Modules are loaded when they are first needed. That ends when all of them are there, unless their names are made up.",
		"Modules are loaded when they are first needed. That ends when all of them are there, unless their names are made up.",
		"Load them at the start to tell it from a leak. An import with a changing query string is never let go.",
	},
	Finalizers: {
		"Objects are registered with a FinalizationRegistry, and it keeps what it has to hold for each until the object is gone: that does not come, or more are registered all the time.",
		"A FinalizationRegistry keeps what it has to hold for each object until that object is gone.",
		"See what keeps the objects, take them off by unregister() when they are closed, and give register() a held value that does not refer to the object.",
	},
	OtherPattern: {
		"What is new below it stays.",
		"It keeps what is below it.",
		"Look at what it keeps and at the path: the last named step is where it is put in.",
	},
}

// explain says why the suspect grows and what to do, with what is known of this one, and no
// more than the snapshots can show: that nothing is removed takes three of them.
func (f *finder) explain(c *candidate, s *Suspect) (explanation, advice string) {
	l := lessons[s.Pattern]
	if special, ok := f.nature(c, s.holds).lesson(s.Pattern); ok {
		special.premise = l.premise
		l = special
	}
	explanation, advice = l.explanation, l.advice
	switch {
	case s.Pattern == ModulesLoaded && isEndless(c):
		explanation = "Modules are loaded all the time, as many in each interval: their names seem to be made up, or each is loaded anew."
		advice = "Read data with fs and JSON.parse instead of require. What is deleted from require.cache stays in module.children of its parent; an import with a changing query string is never let go."
	case f.isAlone():
		explanation = "One snapshot shows that this is big, not whether it grows. " + l.premise
	case len(f.past) == 1 || c.history != nil && c.history.watched == 0:
		explanation = "It has grown; whether what is new stays, these snapshots do not show. " + l.premise
	case s.reused:
		explanation = "Its elements are taken out, used and put back, all of them since the snapshot before: it looks like a pool, which becomes bigger when all that it has is busy."
		advice = "See how many of them the load needs at once, and give the pool a greatest size. If that is less than there are, see who takes new ones while others are free."
	case c.removed > 0:
		explanation = l.premise
	}
	if c.kind == group {
		explanation += fmt.Sprintf(" It is spread over %s collections%s.", grouped(len(c.members)), unless(f.isAlone(), " that each grow a little"))
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

// isAlone says whether there is no other snapshot that this one can be compared with.
func (f *finder) isAlone() bool { return len(f.past) == 0 && !f.judgesByPath() }

func unless(not bool, text string) string {
	if not {
		return ""
	}
	return text
}

// seen are names of patterns that claim no more than one snapshot, or two, can show.
var seen = map[Pattern]string{
	UnboundedCache: "cache or table", UnboundedArray: "array", ListenerLeak: "listeners", TimerLeak: "timers", ClosureRetention: "closures",
	RequestRetention: "requests", StringConcatenation: "string", PendingPromises: "promises", OpenSockets: "sockets", OpenStreams: "streams", WeakMapValue: "WeakMap",
	SessionStore: "sessions", BufferRetention: "buffers", CodeGrowth: "code", ModulesLoaded: "modules", OtherPattern: "objects",
}

// kindText names a pattern as far as the snapshots show it.
func (f *finder) kindText(p Pattern) string {
	if text := seen[p]; text != "" && len(f.past) < 2 {
		return text
	}
	return string(p)
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
