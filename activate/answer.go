package activate

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

const (
	// The markers around an answer. The command line does not contain them, so an
	// echo of it cannot be taken for one.
	beginMark = "<<<ecsheap "
	endMark   = " ecsheap>>>"

	// version is what activate.js answers with.
	version = 1

	// tailLength is how much of a failed command's output goes into an error.
	tailLength = 300
)

// survey is what the script tells of the container.
type survey struct {
	Self      int       `json:"self"` // pid of the script itself
	Platform  string    `json:"platform"`
	Options   []string  `json:"options"` // of NODE_OPTIONS, as far as they matter
	Processes []process `json:"processes"`
	Ports     []port    `json:"ports"` // that 127.0.0.1 leads to
}

// process is one process of the container.
type process struct {
	PID      int      `json:"pid"`
	Parent   int      `json:"ppid"` // 0 for those without one in the container
	Start    string   `json:"start"`
	Name     string   `json:"name"` // comm, at most 15 bytes
	State    string   `json:"state"`
	Caught   bool     `json:"caught"` // SIGUSR1 has a handler
	Blocked  bool     `json:"blocked"`
	Ignored  bool     `json:"ignored"`
	Exe      string   `json:"exe"`  // base name; "" where it may not be seen
	Same     bool     `json:"same"` // the same binary as the script's
	Threads  []string `json:"threads"`
	Argv0    string   `json:"argv0"` // or the title, a few words of it
	Options  []string `json:"options"`
	Script   string   `json:"script"`
	Seen     bool     `json:"seen"`     // its sockets could be seen
	Mentions bool     `json:"mentions"` // its main script names SIGUSR1
}

// port is a TCP port that something listens on.
type port struct {
	Port      int    `json:"port"`
	Inspector string `json:"inspector"` // version of Node.js, "" if it is none
	PIDs      []int  `json:"pids"`      // who holds it, as far as can be seen
}

// reply is what the script tells after a signal, or instead of one.
type reply struct {
	Signalled bool   `json:"signalled"`
	Port      int    `json:"port"`
	Version   string `json:"version"`
	Sure      bool   `json:"sure"`
	Error     string `json:"error"`
}

// parse finds the answer in the output of a command. A terminal may have broken
// its line, and others may write to it; the last answer counts.
func parse(output string, answer any) error {
	at := strings.LastIndex(output, beginMark)
	if at < 0 {
		return errors.New("no answer in the output")
	}
	text, _, found := strings.Cut(output[at+len(beginMark):], endMark)
	if !found {
		return errors.New("the answer is cut off")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	var head struct {
		V     int    `json:"v"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	if head.V != version {
		return fmt.Errorf("the answer is of version %d, not %d", head.V, version)
	}
	if _, ok := answer.(*survey); ok && head.Error != "" {
		return fmt.Errorf("the script failed: %s", tail(head.Error))
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	return nil
}

// tail is the end of a text as one line that is safe to print: output comes from
// a foreign process, and a terminal obeys control characters.
func tail(output string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, output)
	clean = strings.Join(strings.Fields(clean), " ")
	if runes := []rune(clean); len(runes) > tailLength {
		return "…" + string(runes[len(runes)-tailLength:])
	}
	return clean
}

// isMissing tells from its output that a command was no Node.js at all: env,
// a shell, or the agent says so.
func isMissing(output string) bool {
	for _, text := range []string{"not found", "No such file or directory", "no such file or directory", "permission denied", "Permission denied"} {
		if strings.Contains(output, text) && !strings.Contains(output, "Node.js v") && !strings.Contains(output, "node:internal") {
			return true
		}
	}
	return false
}
