package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ecsheap/ecsheap/sampling"
)

// The files of a profile.
const (
	profileFile      = "profile.heapprofile" // for Chrome DevTools
	profilePprofFile = "profile.pb.gz"       // for go tool pprof
	profileJSONFile  = "profile.json"        // as --output json prints it
)

const (
	// tmpSuffix marks a file that is not whole.
	tmpSuffix = ".tmp"

	// The names of functions and files are nobody else's business.
	profileDirMode  = 0o700
	profileFileMode = 0o600
)

// storeProfile writes the files of a profile into the directory.
func storeProfile(dir string, r sampled, p *sampling.Profile, o profileOptions, summary profileJSON) error {
	var pprof, text bytes.Buffer
	if err := p.Pprof(pprofOptions(r, o)).Write(&pprof); err != nil {
		return fmt.Errorf("converting the profile: %w", err)
	}
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(summary); err != nil {
		return fmt.Errorf("encoding the profile's summary: %w", err)
	}
	return storeFiles(dir, profilePart{profileFile, r.raw}, profilePart{profilePprofFile, pprof.Bytes()}, profilePart{profileJSONFile, text.Bytes()})
}

// profilePart is a file to be.
type profilePart struct {
	name string
	data []byte
}

// storeFiles writes files into the directory, which is made if it is not there.
func storeFiles(dir string, files ...profilePart) error {
	if err := os.MkdirAll(dir, profileDirMode); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeWhole(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// pprofOptions are what the pprof file tells of the sampling.
func pprofOptions(r sampled, o profileOptions) sampling.PprofOptions {
	return sampling.PprofOptions{
		Interval: o.interval, Start: r.startedAt, Duration: r.duration, Collected: o.collected,
		Comments: []string{
			fmt.Sprintf("ecsheap %s: pid %d, Node.js %s, V8 %s", version(), r.process.PID, r.process.NodeVersion, r.process.V8Version),
			"lines are where functions begin; inlined functions count for their callers",
		},
	}
}

// writeWhole writes a file that has its name only when it is whole and on disk.
func writeWhole(path string, data []byte) error {
	f, err := os.OpenFile(path+tmpSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, profileFileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}
