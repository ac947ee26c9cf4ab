package leaktest

// healthy are apps without a leak, some of which look as if they had one.
func healthy() []App {
	return []App{
		{Name: "lru-full", Pattern: "cache with a limit, full"},
		{Name: "cache-fills", Pattern: "cache with a limit, fills once"},
		{Name: "ttl-cache", Pattern: "cache with a time to live"},
		{Name: "jit-warmup", Pattern: "code gets hot"},
		{Name: "connection-pool", Pattern: "pool that grows to its limit"},
		{Name: "burst", Pattern: "burst that drains"},
		{Name: "lazy-modules", Pattern: "modules loaded late"},
		{Name: "buffer-pool", Pattern: "buffers used again"},
		{Name: "object-pool", Pattern: "objects used again"},
		{Name: "in-flight", Pattern: "more and more requests under way"},
		{Name: "ring-log", Pattern: "ring of log lines"},
		{Name: "weakref-cache", Pattern: "cache with weak references"},
		{Name: "histogram", Pattern: "metrics of a fixed number"},
		{Name: "static-table", Pattern: "large table"},
		{Name: "idle", Pattern: "nothing to do"},
		{Name: "intern-table", Pattern: "table that saturates"},
		{Name: "queue-steady", Pattern: "queue with a steady backlog"},
		{Name: "config-reload", Pattern: "large object replaced"},
		{Name: "pool-high-water", Pattern: "pool without a limit, all of it in use"},
		{Name: "listeners-removed", Pattern: "everything is taken off again", Load: 150},
	}
}
