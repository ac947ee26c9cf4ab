package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ecsheap": main})
}

// TestProgramScripts runs the program itself on the scripts in testdata/script.
func TestProgramScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			// Nothing of the developer's own AWS configuration may matter.
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Values[worldKey{}] = &world{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fakeaws": startFakeAWS, "task": addTask, "fault": addFault, "sessions": checkSessions, "cluster": addCluster, "insights": setInsights, "throttle": throttle, "exits": exits,
			"snapshots": writeSnapshots, "compress": compressFile, "truncate": truncateFile,
			"series": writeKeepers, "captured": writeCapture,
		},
	})
}

// fakeaws [LATENCY]: starts a loopback AWS for the script and sets the environment.
func startFakeAWS(ts *testscript.TestScript, _ bool, args []string) {
	cfg := fakeaws.Config{}
	if len(args) > 0 {
		latency, err := time.ParseDuration(args[0])
		ts.Check(err)
		cfg.Latency = latency
	}
	server, err := fakeaws.Start(cfg)
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	for _, kv := range server.Env() {
		name, value, _ := strings.Cut(kv, "=")
		ts.Setenv(name, value)
	}
	worldOf(ts).aws = server
}

// world is the state of one script; scripts run beside each other.
type world struct {
	aws *fakeaws.Server // once the script has started it
}

// worldKey is the key of the world among the values of a script.
type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// task CLUSTER ID [key=value...]: adds a task, or as many as count says, whose ids begin with
// their number.
func addTask(ts *testscript.TestScript, _ bool, args []string) {
	task := fakeaws.Task{Cluster: args[0], ID: args[1], Service: "api", Exec: true}
	c := fakeaws.Container{Name: "api", Command: []string{"node", "main.js"}, Essential: true, Ports: map[int]string{}}
	count, beside := 1, ""
	for _, kv := range args[2:] {
		key, value, _ := strings.Cut(kv, "=")
		switch key {
		case "service":
			task.Service = value
		case "exec":
			task.Exec = value == "on"
		case "age":
			age, err := time.ParseDuration(value)
			ts.Check(err)
			task.StartedAt = time.Now().Add(-age)
		case "revision":
			revision, err := strconv.Atoi(value)
			ts.Check(err)
			task.Revision = revision
		case "used":
			used, err := strconv.ParseFloat(value, 64)
			ts.Check(err)
			task.MemoryUsed = used
		case "limit":
			task.Memory = value
		case "health":
			c.HealthStatus = value
		case "provider":
			task.CapacityProvider = value
		case "zone":
			task.Zone = value
		case "protected":
			task.Protected = value == "on"
		case "agent":
			c.AgentStatus = value
		case "connected":
			c.Disconnected = value != "on"
		case "command":
			c.Command = strings.Fields(value)
		case "count":
			var err error
			count, err = strconv.Atoi(value)
			ts.Check(err)
		case "beside": // another container that may be meant
			beside = value
		case "map":
			port, err := strconv.Atoi(value)
			ts.Check(err)
			c.PortMappings = append(c.PortMappings, fakeaws.PortMapping{ContainerPort: port})
		case "port":
			c.Ports[9229] = listener(ts, value)
		default:
			ts.Fatalf("unknown key %q", key)
		}
	}
	for n := range count {
		if count > 1 {
			task.ID = fmt.Sprintf("%04d%s", n, args[1][4:])
		}
		c.RuntimeID = task.ID + "-1234567890"
		task.Containers = []fakeaws.Container{c}
		if beside != "" {
			task.Containers = append(task.Containers, fakeaws.Container{Name: beside, Command: c.Command, Essential: true})
		}
		worldOf(ts).aws.AddTask(task)
	}
}

// cluster NAME: makes a cluster without tasks.
func addCluster(ts *testscript.TestScript, _ bool, args []string) {
	worldOf(ts).aws.AddCluster(args[0])
}

// insights CLUSTER disabled|enabled|enhanced: what CloudWatch knows of the tasks.
func setInsights(ts *testscript.TestScript, _ bool, args []string) {
	worldOf(ts).aws.SetCluster(fakeaws.Cluster{Name: args[0], ContainerInsights: args[1]})
}

// throttle N: refuses the next N calls of ECS as too many.
func throttle(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	worldOf(ts).aws.Throttle(fakeaws.Throttle{Operations: []string{"ecs."}, Refusals: n})
}

// listener is something at the inspector's port that is no inspector.
func listener(ts *testscript.TestScript, greeting string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 1024)
				_, _ = c.Read(buf)
				_, _ = c.Write([]byte(greeting + "\r\n"))
			}()
		}
	}()
	return l.Addr().String()
}

// fault OPERATION CODE MESSAGE: makes an API operation fail.
func addFault(ts *testscript.TestScript, _ bool, args []string) {
	worldOf(ts).aws.Fault(fakeaws.Fault{Operation: args[0], Code: args[1], Message: args[2]})
}

// sessions N: checks the number of sessions so far, and that all have ended.
func checkSessions(ts *testscript.TestScript, _ bool, args []string) {
	sessions := worldOf(ts).aws.Sessions()
	if n := strconv.Itoa(len(sessions)); n != args[0] {
		ts.Fatalf("%s sessions, want %s", n, args[0])
	}
	for _, s := range sessions {
		if s.EndedAt.IsZero() {
			ts.Fatalf("session %s is still open", s.ID)
		}
	}
}

// exits CODE COMMAND...: runs a command, which must exit with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		text := err.Error()
		n, convErr := strconv.Atoi(text[strings.LastIndexByte(text, ' ')+1:])
		if convErr != nil {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = n
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}
