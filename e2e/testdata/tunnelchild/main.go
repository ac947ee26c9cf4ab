// Command tunnelchild is package tunnel in the clothes of the stock plugin, so
// that measurements compare like with like: it opens a local port and prints it in
// the plugin's words. It takes the plugin's arguments, of which it uses the target
// alone, and ends the session that was started for it in favour of one of its own.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/tunnel"
)

func main() {
	if err := run(context.Background(), os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var session struct{ SessionId string }
	var params struct{ Target string }
	if err := json.Unmarshal([]byte(args[1]), &session); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(args[5]), &params); err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := awsssm.NewFromConfig(cfg)
	if _, err := client.TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: &session.SessionId}); err != nil {
		return err
	}
	tun, err := tunnel.Open(ctx, client, tunnel.Config{Target: params.Target, Port: 9229})
	if err != nil {
		return err
	}
	defer tun.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Port %d opened for sessionId %s.\n", listener.Addr().(*net.TCPAddr).Port, tun.SessionID())
	for {
		local, err := listener.Accept()
		if err != nil {
			return err
		}
		remote, err := tun.Dial(ctx)
		if err != nil {
			return err
		}
		go pump(remote, local)
		go pump(local, remote)
	}
}

func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}
