package leaktest

// holdoutLeaking are leaks to test with.
func holdoutLeaking() []App {
	return []App{
		{Name: "metric-labels", Pattern: "unbounded cache", Want: one("Object", "hashMap")},
		{Name: "agent-requests", Pattern: "request retained", Want: Want{Any: []Point{{"Array", "127.0.0.1"}, {"Object", "requests"}}}, Load: 100},
		{Name: "empty-rooms", Pattern: "unbounded cache", Want: one("Map", "rooms")},
		{Name: "event-iterators", Pattern: "listener leak", Want: Want{Any: []Point{{"Array", "tick"}, {"Object", "_events"}, {"EventEmitter", "bus"}}}, Load: 200},
		{Name: "span-chain", Pattern: "linked list", Want: Want{Any: []Point{{"Span", "current"}, {"Tracer", "current"}}}},
		{Name: "tenant-models", Pattern: "code generated over and over", Want: one("Object", "models")},
		{Name: "chunked-list", Pattern: "unbounded array", Want: Want{Any: []Point{{"Array", "chunks"}, {"ChunkedList", "postings"}}}},
		{Name: "log-lines", Pattern: "unbounded array", Want: one("Array", "unsent")},
		{Name: "buffer-concat", Pattern: "buffers retained", Want: Want{Any: []Point{{"Buffer", "recorded"}, {"FastBuffer", "recorded"}, {"Uint8Array", "recorded"}}}},
		{Name: "hour-timers", Pattern: "timer never cleared", Want: Want{Any: []Point{{"TimersList", "3600000"}, {"TimersList", "setTimeout"}, {"Timeout", "3600000"}}}.at("// culprit")},
		{Name: "worker-loop", Pattern: "unbounded array", Want: one("Array", "processed")},
		{Name: "query-documents", Pattern: "unbounded cache", Want: one("Map", "documents")},
		{Name: "busy-leak", Pattern: "unbounded cache", Want: one("Map", "answers")},
		{Name: "accelerating", Pattern: "unbounded cache", Want: one("Map", "drafts")},
		{Name: "error-path", Pattern: "request retained", Want: one("Map", "inflight")},
		{Name: "hourly-buckets", Pattern: "unbounded cache", Want: one("Object", "buckets")},
		{Name: "immutable-state", Pattern: "unbounded array", Want: one("Array", "events")},
		{Name: "trie", Pattern: "unbounded cache", Want: Want{Any: []Point{{"TrieNode", "root"}, {"Completion", "completion"}, {"Map", "children"}}}},
		{Name: "sparse-index", Pattern: "unbounded cache", Want: one("Object", "byNumber")},
		{Name: "registry-class", Pattern: "unbounded cache", Want: one("DeviceRegistry", "devices")},
		{Name: "two-indexes", Pattern: "unbounded cache", Want: Want{Any: []Point{{"Map", "byId"}, {"Map", "byMail"}, {"Customers", "customers"}}}},
		{Name: "weak-list", Pattern: "unbounded array", Want: one("Array", "refs")},
		{Name: "finalization", Pattern: "growth", Want: one("FinalizationRegistry", "registry")},
		{Name: "cursors", Pattern: "unbounded cache", Want: one("Map", "open")},
		{Name: "socket-listeners", Pattern: "listener leak", Want: one("Array", "close")},
		{Name: "slow-consumer", Pattern: "unbounded array", Want: Want{Any: []Point{{"Array", "buffered"}, {"Array", "kBufferedValue"}}}},
	}
}

// holdoutHealthy are controls to test with.
func holdoutHealthy() []App {
	return []App{
		{Name: "generations", Pattern: "cache of two generations"},
		{Name: "sliding-window", Pattern: "hits that are forgotten"},
		{Name: "clients-by-day", Pattern: "clients come and go"},
		{Name: "lru-filling", Pattern: "cache with a limit, far from full"},
		{Name: "batch-writer", Pattern: "array that is emptied"},
		{Name: "leaderboard", Pattern: "array made anew"},
		{Name: "text-buffer", Pattern: "string that is emptied"},
		{Name: "stream-pipeline", Pattern: "streams that end"},
		{Name: "busy-healthy", Pattern: "a bit of everything"},
		{Name: "under-way", Pattern: "requests under way, taken out when they end"},
		{Name: "kept-buckets", Pattern: "a number of buckets"},
		{Name: "immutable-history", Pattern: "a number of states to go back to"},
		{Name: "late-tables", Pattern: "tables loaded late"},
		{Name: "coalesce", Pattern: "promises shared and forgotten"},
		{Name: "compacting", Pattern: "array that is cut down"},
		{Name: "route-cache", Pattern: "a number of patterns"},
		{Name: "pooled-workers", Pattern: "workers replaced by new ones"},
	}
}
