// Command stockplugin is AWS's session-manager-plugin without its shell
// sessions, whose terminal packages this module does not have: the child process
// that tests and measurements put beside package tunnel. It takes the arguments
// that the AWS CLI gives to the real one.
package main

import (
	"os"

	"github.com/aws/session-manager-plugin/src/sessionmanagerplugin/session"
	// Registers the plugin for port sessions.
	_ "github.com/aws/session-manager-plugin/src/sessionmanagerplugin/session/portsession"
)

func main() { session.ValidateInputAndStartSession(os.Args, os.Stdout) }
