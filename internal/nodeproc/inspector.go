package nodeproc

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// inspectorLine begins the line on stderr with which every Node.js since
// version 8 says that its inspector listens.
const inspectorLine = "Debugger listening on ws://"

// ParseInspector takes the address, "host:port", out of a line such as
// "Debugger listening on ws://127.0.0.1:9229/0f2c936f-b1cd-4ac9-aab3-f63b0f33d55e".
func ParseInspector(line string) (string, error) {
	at := strings.Index(line, inspectorLine)
	if at < 0 {
		return "", fmt.Errorf("parsing inspector line %q: no %q", line, inspectorLine)
	}
	u, err := url.Parse("ws://" + strings.TrimSpace(line[at+len(inspectorLine):]))
	if err != nil {
		return "", fmt.Errorf("parsing inspector line: %w", err)
	}
	if u.Hostname() == "" || u.Port() == "" {
		return "", fmt.Errorf("parsing inspector line %q: no host and port", line)
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}
