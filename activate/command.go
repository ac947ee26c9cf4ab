package activate

import (
	"bytes"
	"compress/flate"
	_ "embed" // the script
	"encoding/base64"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed activate.js
var script string

const (
	linux      = "linux" // process.platform
	notStarted = 127     // the code of a command that could not be started
)

// usualNodes are where the official and the distroless images have Node.js.
var usualNodes = []string{"/usr/local/bin/node", "/nodejs/bin/node", "/usr/bin/node"}

// question is what the script is asked: with a PID to signal it, else to look
// around.
type question struct {
	Port  int    `json:"port"`
	PID   int    `json:"pid,omitempty"`
	Start string `json:"start,omitempty"`
	Wait  int64  `json:"wait,omitempty"` // milliseconds
}

// NodePaths finds the paths of Node.js in the entryPoint and command of a
// container definition, for [Options].Nodes.
func NodePaths(commandLines ...[]string) []string {
	var found []string
	for _, line := range commandLines {
		for _, words := range line { // "sh -c" has a command line as one word
			for word := range strings.FieldsSeq(words) {
				if base := path.Base(word); path.IsAbs(word) && (base == "node" || base == "nodejs") && !slices.Contains(found, word) {
					found = append(found, word)
				}
			}
		}
	}
	return found
}

// nodes is the order in which paths are tried.
func nodes(extra []string) []string {
	all := []string{"node"}
	for _, node := range slices.Concat(extra, usualNodes) {
		if !slices.Contains(all, node) && plainPath.MatchString(node) {
			all = append(all, node)
		}
	}
	return all
}

// plainPath matches paths that need no quoting, whoever splits the command line.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._+-]+$`)

// command is the command line that asks a question.
//
// The agent splits it with github.com/google/shlex and executes the words
// itself (amazon-ssm-agent agent/session/shell, ContainerMode); a shell would
// split it in the same way, as single quotes mean the same to both and there is
// nothing inside but letters, digits and (",+/=.).
//
// The process inherits the container's NODE_OPTIONS. --inspect among them would
// have it take the very port that is to be opened, or end because it is taken:
// port 0 sends that inspector elsewhere. --input-type overrides one that would
// make the script an ES module.
func command(node string, q question) string {
	ask, _ := json.Marshal(q) // numbers and a string of digits: cannot fail
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression) // the level is valid
	_, _ = w.Write([]byte("const ask = " + string(ask) + ";\n" + bare(script)))
	_ = w.Close() // into memory: cannot fail
	return node + ` --inspect-port=0 --input-type=commonjs -e ` +
		`'eval(require("zlib").inflateRawSync(Buffer.from("` + base64.StdEncoding.EncodeToString(packed.Bytes()) + `","base64")).toString())'`
}

// bare is the script without its comment lines and indentation: AWS does not
// say how long a command may be, so it is kept short.
func bare(script string) string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
