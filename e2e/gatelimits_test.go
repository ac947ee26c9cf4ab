package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// asksMemory is a program that runs the guest's look at its surroundings on a
// system of files from a JSON file, and prints "limits {…}".
const asksMemory = `'use strict';
const fs = require('fs');
const {files, constrained} = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const fake = {
  existsSync: (path) => Object.keys(files).some((file) => file === path || file.startsWith(path + '/')),
  readFileSync: (path) => {
    if (!(path in files)) throw new Error('ENOENT ' + path);
    return files[path];
  },
};
process.constrainedMemory = () => constrained;
const surroundings = eval(fs.readFileSync(process.argv[3], 'utf8'));
console.log('limits ' + JSON.stringify(surroundings((name) => (name === 'fs' ? fake : require(name))).memory()));
`

const (
	gib = 1 << 30
	mib = 1 << 20
	// noLimit is what cgroup v1 says where there is none.
	noLimit = "9223372036854771712"
)

// TestGateInContainers has the files of containers of both versions of cgroups
// read by the guest of a real Node.js, and the gate decide by them on a forecast of
// 200, likely 400, at most 800 MB.
func TestGateInContainers(t *testing.T) {
	const v2, v1 = "/sys/fs/cgroup", "/sys/fs/cgroup/memory"
	tests := map[string]struct {
		files       map[string]string
		constrained int64
		limit, used int64
		want        gate.Verdict
		id          string
	}{
		"v2, roomy": {
			files: map[string]string{"/proc/self/cgroup": "0::/\n", v2 + "/memory.max": "1073741824\n", v2 + "/memory.current": "314572800\n", v2 + "/memory.stat": "anon 5\ninactive_file 209715200\n"},
			limit: gib, used: 100 * mib, want: gate.Go, id: "mem.headroom",
		},
		"v2, files of the page cache do not count, others do": {
			files: map[string]string{"/proc/self/cgroup": "0::/\n", v2 + "/memory.max": "1073741824\n", v2 + "/memory.current": "734003200\n", v2 + "/memory.stat": "file 629145600\ninactive_file 104857600\n"},
			limit: gib, used: 600 * mib, want: gate.Warn, id: "mem.headroom",
		},
		"v2, full": {
			files: map[string]string{"/proc/self/cgroup": "0::/\n", v2 + "/memory.max": "1073741824\n", v2 + "/memory.current": "943718400\n", v2 + "/memory.stat": "inactive_file 0\n"},
			limit: gib, used: 900 * mib, want: gate.Refuse, id: "mem.headroom",
		},
		"v2, none": {
			files: map[string]string{"/proc/self/cgroup": "0::/\n", v2 + "/memory.max": "max\n", v2 + "/memory.current": "943718400\n"},
			used:  900 * mib, want: gate.Warn, id: "mem.limit",
		},
		"v2, the task's limit above that of the container": {
			files: map[string]string{
				"/proc/self/cgroup": "0::/ecs/task/container\n", v2 + "/ecs/task/container/memory.max": "max\n", v2 + "/ecs/task/container/memory.current": "104857600\n",
				v2 + "/ecs/task/memory.max": "1073741824\n", v2 + "/ecs/task/memory.current": "943718400\n", v2 + "/ecs/task/memory.stat": "inactive_file 0\n",
			},
			limit: gib, used: 900 * mib, want: gate.Refuse, id: "mem.headroom", // of the sidecars as well
		},
		"v1, path of the host": {
			files: map[string]string{
				"/proc/self/cgroup": "9:memory:/ecs/task/container\n1:name=systemd:/x\n", v1 + "/memory.limit_in_bytes": "1073741824\n",
				v1 + "/memory.usage_in_bytes": "314572800\n", v1 + "/memory.stat": "inactive_file 1\ntotal_inactive_file 209715200\n",
			},
			limit: gib, used: 100 * mib, want: gate.Go, id: "mem.headroom",
		},
		"v1, none": {
			files: map[string]string{"/proc/self/cgroup": "9:memory:/\n", v1 + "/memory.limit_in_bytes": noLimit + "\n", v1 + "/memory.usage_in_bytes": "314572800\n"},
			used:  300 * mib, want: gate.Warn, id: "mem.limit",
		},
		"v1 beside an empty v2": {
			files: map[string]string{
				"/proc/self/cgroup": "9:cpuset,memory:/a\n0::/a\n", v2 + "/unified/a/cgroup.procs": "", v1 + "/a/memory.limit_in_bytes": "536870912\n",
				v1 + "/memory.limit_in_bytes": noLimit + "\n", v1 + "/a/memory.usage_in_bytes": "209715200\n", v1 + "/memory.usage_in_bytes": "9209715200\n",
			},
			limit: gib / 2, used: 200 * mib, want: gate.Refuse, id: "mem.headroom",
		},
		"known to libuv alone": {
			files: map[string]string{"/proc/self/cgroup": "0::/\n"}, constrained: gib, limit: gib, want: gate.Go, id: "mem.headroom",
		},
		"nothing to read": {files: map[string]string{}, want: gate.Warn, id: "mem.limit"},
	}
	surroundings, err := filepath.Abs("../guest/surroundings.js")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fixture := filepath.Join(t.TempDir(), "files.json")
			text, err := json.Marshal(map[string]any{"files": tt.files, "constrained": tt.constrained})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(fixture, text, 0o600); err != nil {
				t.Fatal(err)
			}
			p := nodetest.Start(t, nodetest.Options{Script: asksMemory, Args: []string{fixture, surroundings}})
			var got struct{ MemoryLimit, MemoryUsed int64 }
			decode(t, p.Line("limits ")[len("limits "):], &got)
			if got.MemoryLimit != tt.limit || got.MemoryUsed != tt.used {
				t.Errorf("limit %d, used %d, want %d and %d", got.MemoryLimit, got.MemoryUsed, tt.limit, tt.used)
			}
			f := gate.Forecast{Transfer: gate.Stream, Extra: gate.Range[int64]{Low: 200e6, Likely: 400e6, High: 800e6}}
			d := gate.Decide(f, gate.Limits{Memory: []gate.Bound{{Name: "the container", Limit: got.MemoryLimit, Used: got.MemoryUsed}}}, gate.Vitals{})
			if d.Verdict != tt.want || d.Reasons[0].ID != tt.id {
				t.Errorf("%s, %+v, want %s by %s", d.Verdict, d.Reasons, tt.want, tt.id)
			}
		})
	}
}

// TestGateKnowsPauses asks for a snapshot of a real heap with less and less time
// allowed: it goes, is warned of, and is refused, in this order.
func TestGateKnowsPauses(t *testing.T) {
	p := startProbed(t, "24", "mix", 8, "", nodetest.Options{})
	f := gate.Predict(p.vitals, gate.Disk, nil)
	_, seen, err := p.take(t.Context(), t)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Pause.Within(seen.Pause) {
		t.Logf("a pause of %v outside of %v to %v", seen.Pause, f.Pause.Low, f.Pause.High)
	}
	for _, tt := range []struct {
		allowed time.Duration
		want    gate.Verdict
	}{
		{0, gate.Go}, {f.Pause.High, gate.Go}, {f.Pause.High - time.Millisecond, gate.Warn}, {f.Pause.Likely, gate.Warn}, {f.Pause.Likely - time.Millisecond, gate.Refuse},
	} {
		limits := gate.Limits{MaxPause: tt.allowed, DiskFree: 1 << 40, Memory: []gate.Bound{{Name: "the container", Limit: 1 << 40}}}
		if d := gate.Decide(f, limits, p.vitals); d.Verdict != tt.want {
			t.Errorf("--max-pause %v: %s, %+v, want %s", tt.allowed, d.Verdict, d.Reasons[0], tt.want)
		}
	}
}
