package guest

import "context"

// Vitals is what a process says of its state. Sizes are bytes.
type Vitals struct {
	PID         int     `json:"pid"`
	NodeVersion string  `json:"nodeVersion"` // with the v, such as "v22.11.0"
	Uptime      float64 `json:"uptime"`      // seconds
	Worker      bool    `json:"worker"`      // this is a worker thread; RSS and the like are of the process

	RSS           int64            `json:"rss"`
	PeakRSS       int64            `json:"peakRss"` // the highest RSS of the process so far, 0 = unknown
	HeapUsed      int64            `json:"heapUsed"`
	HeapTotal     int64            `json:"heapTotal"`
	External      int64            `json:"external"`
	ArrayBuffers  int64            `json:"arrayBuffers"`
	HeapSizeLimit int64            `json:"heapSizeLimit"` // V8's own limit
	OldSpaceLimit int64            `json:"oldSpaceLimit"` // --max-old-space-size in bytes, 0 = not set
	Spaces        map[string]int64 `json:"spaces"`        // used bytes by heap space

	MemoryLimit      int64            `json:"memoryLimit"`      // smallest of Limits, 0 = none known
	Limits           map[string]int64 `json:"limits"`           // "cgroup2", "cgroup1", "constrainedMemory"; only those that limit
	MemoryUsed       int64            `json:"memoryUsed"`       // by the cgroup of the limit, without page cache that can go at once; 0 = unknown
	SwapLimit        int64            `json:"swapLimit"`        // of the cgroup; 0 = no swap, -1 = unlimited or unknown
	SwapUsed         int64            `json:"swapUsed"`         // of the cgroup
	OOMKills         int64            `json:"oomKills"`         // in the cgroup so far, -1 = unknown
	MachineTotal     int64            `json:"machineTotal"`     // memory of the machine
	MachineAvailable int64            `json:"machineAvailable"` // what the machine has left for programs, 0 = unknown

	CPUs        float64 `json:"cpus"`        // CPU quota of the cgroup in CPUs, 0 = none
	MachineCPUs int     `json:"machineCpus"` // of the machine
	Load        float64 `json:"load"`        // share of the last moment in which the event loop was busy, 0..1; -1 = unknown (before Node.js 14.10)
	Workers     int     `json:"workers"`     // worker threads of the process, -1 = unknown (before Node.js 24)

	Dirs []Dir `json:"dirs"` // where a snapshot could be written, in order of preference
}

// Dir is a directory in the target that might take the file of a snapshot.
type Dir struct {
	Path string `json:"path"`
	FS   string `json:"fs"`   // kind of file system, such as "overlay"; "" = unknown
	Free int64  `json:"free"` // bytes, -1 = unknown (before Node.js 18.15)
	Why  string `json:"why"`  // why it is not used, in words; "" = it can be
}

// LargeObjects returns the used bytes of V8's spaces of large objects, which a
// snapshot pays more for than for others.
func (v Vitals) LargeObjects() int64 {
	return v.Spaces["large_object_space"] + v.Spaces["new_large_object_space"]
}

// DiskFree returns the room of the directory that Take would use: -1 when it is
// unknown, 0 when there is no such directory.
func (v Vitals) DiskFree() int64 {
	for _, d := range v.Dirs {
		if d.Why == "" {
			return d.Free
		}
	}
	return 0
}

// Vitals asks the process how it is. It takes a tenth of a second, in which the
// process runs on, and changes nothing.
func (g *Guest) Vitals(ctx context.Context) (Vitals, error) {
	v, err := call[Vitals](ctx, g, "vitals", nil)
	return v, wrap("asking the process how it is", err)
}
