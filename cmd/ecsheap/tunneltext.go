package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/ecsheap/ecsheap/capture"
)

// chromeInspect is the page of Chrome that finds inspectors by their address.
const chromeInspect = "chrome://inspect/#devices"

// tunnelJSON is the output of tunnel --output json, printed when it is open.
type tunnelJSON struct {
	Schema     int            `json:"schema"`
	Address    string         `json:"address"` // HOST:PORT to connect to
	LocalPort  int            `json:"localPort"`
	RemotePort int            `json:"remotePort"`
	Target     capture.Target `json:"target"`
	// Inspector is null where none answers, or the port is not one's.
	Inspector *inspectorJSON `json:"inspector"`
	// Launch is the entry of a launch.json, null for another port than an inspector's.
	Launch *launch `json:"launch"`
}

// inspectorJSON is what the far end debugs.
type inspectorJSON struct {
	ID                   string `json:"id"`
	Title                string `json:"title"`
	URL                  string `json:"url"`
	WebSocketDebuggerURL string `json:"webSocketDebuggerUrl"`
	DevToolsURL          string `json:"devtoolsUrl"`
}

// launch is an entry of VS Code's launch.json, its fields in the order to read
// them in.
type launch struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Request    string `json:"request"`
	Address    string `json:"address"`
	Port       int    `json:"port"`
	LocalRoot  string `json:"localRoot"`
	RemoteRoot string `json:"remoteRoot"`
	// AutoAttachChildProcesses has to be off: VS Code would change the environment of
	// the process, so that its children load a file of this machine
	// (vscode-js-debug src/targets/node/nodeAttacher.ts).
	AutoAttachChildProcesses bool     `json:"autoAttachChildProcesses"`
	Restart                  bool     `json:"restart"` // attach again after a lost connection
	SkipFiles                []string `json:"skipFiles"`
}

// unknownRoot stands in for the directory of the sources in the container.
const unknownRoot = "/app"

// launch is the entry for the tunnel.
func (t openTunnel) launch() *launch {
	name := t.inspector
	if name == "" {
		name = t.target.Container + " of " + cmp.Or(t.target.Service, t.target.Cluster)
	}
	root := t.debuggee.directory()
	if root == "" {
		root = unknownRoot
	}
	return &launch{
		Name: name + " (ecsheap)", Type: "node", Request: "attach", Address: loopback, Port: t.local,
		LocalRoot: "${workspaceFolder}", RemoteRoot: root, Restart: true, SkipFiles: []string{"<node_internals>/**"},
	}
}

// devtoolsURL is the address to open in Chrome. It is the one that Node.js gives
// itself, with the local port.
func devtoolsURL(address, id string) string {
	return "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=" + address + "/" + id
}

// open is what is told of an open tunnel.
type openTunnel struct {
	target     capture.Target
	inspector  string // HOST:PORT, where there is no AWS between
	local      int    // port
	remote     int    // port
	inspecting bool
	debuggee   debuggee
}

func (t openTunnel) address() string { return net.JoinHostPort(loopback, strconv.Itoa(t.local)) }

// farEnd is where the tunnel leads, in words.
func (t openTunnel) farEnd() string {
	if t.inspector != "" {
		return "the inspector at " + t.inspector
	}
	return fmt.Sprintf("port %d of container %s", t.remote, printable(t.target.Container))
}

// debugged is what an inspector at the far end executes code in, in words.
func (t openTunnel) debugged() string {
	if t.inspector != "" {
		return "the process behind " + t.inspector
	}
	return "container " + t.target.Container
}

func (t openTunnel) json() tunnelJSON {
	j := tunnelJSON{Schema: schema, Address: t.address(), LocalPort: t.local, RemotePort: t.remote, Target: t.target}
	if !t.inspecting {
		return j
	}
	j.Launch = t.launch()
	if d := t.debuggee; d.ID != "" {
		j.Inspector = &inspectorJSON{
			ID: d.ID, Title: d.Title, URL: d.URL,
			WebSocketDebuggerURL: "ws://" + t.address() + "/" + d.ID, DevToolsURL: devtoolsURL(t.address(), d.ID),
		}
	}
	return j
}

// write tells it to people.
func (t openTunnel) write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s leads to %s\n", t.address(), t.farEnd())
	if t.inspecting {
		if t.debuggee.ID != "" {
			fmt.Fprintf(&b, "\nDevTools, in Chrome's address bar (%s):\n  %s\n", printable(t.debuggee.Title), devtoolsURL(t.address(), t.debuggee.ID))
		}
		fmt.Fprintf(&b, "\n%s > Configure…, then it finds the process by itself:\n  %s\n", chromeInspect, t.address())
		entry, err := entryText(t.launch())
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\nVS Code, in configurations of .vscode/launch.json (localRoot and remoteRoot are the same directory here and there):\n%s\n", entry)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// entryText is the entry, indented as one of a list.
func entryText(l *launch) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", "  ")
	if err := e.Encode(l); err != nil {
		return "", err
	}
	return "  " + strings.TrimSpace(string(printableJSON(b.Bytes()))), nil
}
