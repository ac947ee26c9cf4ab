package gate

import (
	"cmp"
	"fmt"
	"strings"
)

// Dir is a directory of the process that could take the file.
type Dir struct {
	Path     string
	Free     int64 // bytes, below 0 = unknown
	InMemory bool  // tmpfs and the like: a file there counts as memory
	ReadOnly bool
}

// Choice is a transfer and why.
type Choice struct {
	Transfer Transfer
	Dir      string // for the file, "" when the transfer writes none
	Why      string // a sentence without its period
}

// Choose says which transfer `auto` takes: disk when a real disk has room for
// the file, or might have, else memory when the process has room for its
// compressed form, else stream. It never takes s3, which leaves a copy with
// someone else.
func Choose(v Vitals, seen []Seen, dirs ...Dir) Choice {
	file := Predict(v, Disk, seen).File
	var not []string
	unknown := ""
	for _, d := range dirs {
		switch {
		case d.ReadOnly:
			not = append(not, d.Path+" is read-only")
		case d.InMemory:
			not = append(not, d.Path+" is memory")
		case d.Free < 0:
			unknown = cmp.Or(unknown, d.Path)
		case d.Free < file.High:
			not = append(not, fmt.Sprintf("%s has %s free", d.Path, size(d.Free)))
		default:
			return Choice{
				Transfer: Disk, Dir: d.Path,
				Why: fmt.Sprintf("disk: %s has %s free for a file of at most %s, and nothing waits in memory", d.Path, size(d.Free), size(file.High)),
			}
		}
	}
	if unknown != "" { // a disk that gets full costs the pause, memory that does the process
		return Choice{
			Transfer: Disk, Dir: unknown,
			Why: fmt.Sprintf("disk: what is free in %s is not to be known, for a file of at most %s; a full disk would be noticed, and nothing stays", unknown, size(file.High)),
		}
	}
	if len(dirs) == 0 {
		not = append(not, "no directory can be written")
	}
	why := "no disk has room for " + size(file.High) + " (" + strings.Join(not, ", ") + ")"
	memory := Predict(v, Memory, seen)
	room := Bound{Limit: v.MemoryLimit, Used: v.MemoryUsed}.room()
	switch {
	case v.MemoryLimit <= 0 || v.MemoryLimit >= unlimited:
		return Choice{Transfer: Memory, Why: "memory: " + why + ", and no memory limit is known that its compressed form could break"}
	case memory.Extra.High <= room:
		return Choice{Transfer: Memory, Why: fmt.Sprintf("memory: %s, and %s of memory are free for the %s that it takes at most", why, size(room), size(memory.Extra.High))}
	}
	return Choice{Transfer: Stream, Why: fmt.Sprintf("stream: %s, and %s of memory are free, too little for its compressed form beside the snapshot", why, size(room))}
}
