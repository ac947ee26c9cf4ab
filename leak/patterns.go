package leak

import (
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// pattern recognises a well-known way to leak by what grows and what it keeps.
func (f *finder) pattern(c *candidate, i inventory) Pattern {
	v, w := f.survey, f.words
	if c.kind == value || c.kind == inside {
		return valuePattern(v, c)
	}
	if f.isLoaders(c, i.top) {
		return ModulesLoaded
	}
	if _, _, ok := w.listeners(c.node); ok {
		return ListenerLeak
	}
	if c.kind == group {
		if _, _, ok := w.listeners(c.members[0]); ok {
			return ListenerLeak
		}
	}
	if p, ok := byElement(i); ok {
		if p = f.nature(c, i.top).refine(p, i.top); p != "" {
			return p
		}
	}
	if i.scripts > maxSamples {
		return CodeGrowth
	}
	title := strings.ToLower(w.title(c))
	switch {
	case c.kind == chain:
		return chainPattern(v, c)
	case strings.Contains(title, "session"):
		return SessionStore
	case v.isWeak(c.node):
		return WeakMapValue
	case hasBuffers(i):
		return BufferRetention
	case i.top == "Function" || i.top == "system / Context":
		return ClosureRetention
	case c.kind == owner:
		return OtherPattern
	case f.isArray(c):
		return UnboundedArray
	case c.kind == collection && v.isList(c.node):
		return LinkedList
	}
	return UnboundedCache
}

// byElement recognises what the elements themselves are.
func byElement(i inventory) (Pattern, bool) {
	switch i.top {
	case "Timeout", "Immediate", "TimersList":
		return TimerLeak, true
	case "Promise", "Generator", "AsyncFunctionObject", "(system)":
		return PendingPromises, true
	case "AbortSignal":
		return ListenerLeak, true
	case "Socket", "TLSSocket", "TCP", "Http2Session", "ServerHttp2Stream", "WebSocket":
		return OpenSockets, true
	case "Gzip", "Gunzip", "Deflate", "Inflate", "DeflateRaw", "InflateRaw", "Unzip", "BrotliCompress", "BrotliDecompress", "ZstdCompress", "ZstdDecompress",
		"ReadStream", "WriteStream", "FileHandle", "Cipheriv", "Decipheriv":
		return OpenStreams, true
	case "IncomingMessage", "ServerResponse", "ClientRequest":
		return RequestRetention, true
	}
	for _, k := range i.kept {
		switch k.Class {
		case "IncomingMessage", "ServerResponse":
			return RequestRetention, true
		}
	}
	return "", false
}

func valuePattern(v *survey, c *candidate) Pattern {
	n := c.node
	if c.kind == value {
		n = c.parts[0]
	}
	switch v.Type(n) {
	case heap.StringNode, heap.ConsStringNode, heap.SlicedStringNode:
		return StringConcatenation
	case heap.NativeNode:
		return BufferRetention
	}
	switch v.RawName(n) {
	case "Array":
		return UnboundedArray
	case "Map", "Set":
		return UnboundedCache
	case "ArrayBuffer", "Uint8Array", "Buffer":
		return BufferRetention
	}
	return OtherPattern
}

func chainPattern(v *survey, c *candidate) Pattern {
	pos := v.tree.Pos(c.parts[0])
	contexts := false
	for p := pos; p < min(v.tree.End(pos), pos+maxStride*maxStride); p++ {
		n := v.tree.At(p)
		switch {
		case v.Type(n) == heap.ConsStringNode && p == pos:
			return StringConcatenation
		case v.NameLabel(n) == v.reaction && v.Type(n) == heap.HiddenNode:
			return PendingPromises
		case v.RawName(n) == "Promise":
			return PendingPromises
		case v.NameLabel(n) == v.contextName:
			contexts = true
		}
	}
	if contexts {
		return ClosureRetention
	}
	return LinkedList
}

// isArray says whether the collection is an array, or the members of the group are.
func (f *finder) isArray(c *candidate) bool {
	n := c.node
	if len(c.members) > 0 {
		n = c.members[0]
	}
	return f.survey.RawName(n) == "Array"
}

// isWeak says whether the node is a WeakMap or a WeakSet.
func (v *survey) isWeak(n heap.Node) bool {
	name := v.RawName(n)
	return name == "WeakMap" || name == "WeakSet"
}

// hasBuffers says whether most of the bytes are those of buffers.
func hasBuffers(i inventory) bool {
	var all int64
	for _, b := range i.bytes {
		all += b
	}
	return all > 0 && i.memory > all/2
}
