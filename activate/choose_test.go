package activate

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// node is a healthy Node.js process, as seen by its own user.
func node(pid, parent int, argv0, script string, change ...func(*process)) process {
	p := process{PID: pid, Parent: parent, Exe: "node", Argv0: argv0, Script: script, Caught: true, Seen: true, State: "S"}
	for _, c := range change {
		c(&p)
	}
	return p
}

// other is a process of another program.
func other(pid, parent int, name string) process {
	return process{PID: pid, Parent: parent, Name: name, Exe: name, Argv0: name, Seen: true, State: "S"}
}

// unseen hides what only the same user may see.
func unseen(p *process) { p.Exe, p.Seen = "", false }

func TestChoose(t *testing.T) {
	// What ECS Exec puts into every container; 90 is the script.
	session := []process{
		other(70, 0, "amazon-ssm-agen"), other(71, 70, "ssm-agent-worke"), other(80, 71, "ssm-session-wor"),
		node(90, 80, "node", ""), other(81, 71, "ssm-session-wor"), node(91, 81, "node", ""), // and a colleague's REPL
	}
	tests := map[string]struct {
		processes []process
		pid       int // asked for
		want      int // 0 = none
		listed    []int
	}{
		"pid 1":                {[]process{node(1, 0, "node", "app.js")}, 0, 1, nil},
		"below tini":           {[]process{other(1, 0, "tini"), node(7, 1, "node", "app.js")}, 0, 7, nil},
		"below a shell":        {[]process{other(1, 0, "sh"), node(7, 1, "/usr/local/bin/node", "app.js")}, 0, 7, nil},
		"npm, by title":        {[]process{node(1, 0, "npm start", ""), other(17, 1, "sh"), node(18, 17, "node", "app.js")}, 0, 18, nil},
		"npm, by script":       {[]process{node(1, 0, "node", "/usr/local/bin/npm"), node(18, 1, "node", "app.js")}, 0, 18, nil},
		"npm-cli.js":           {[]process{node(1, 0, "node", "/usr/lib/node_modules/npm/bin/npm-cli.js"), node(18, 1, "node", "app.js")}, 0, 18, nil},
		"yarn 4":               {[]process{node(1, 0, "/usr/local/bin/node", "/app/.yarn/releases/yarn-4.1.0.cjs"), node(18, 1, "node", "app.js")}, 0, 18, nil},
		"pnpm above cross-env": {[]process{node(1, 0, "node", "/usr/bin/pnpm.cjs"), node(8, 1, "node", "/app/node_modules/.bin/cross-env"), node(9, 8, "node", "app.js")}, 0, 9, nil},
		"tsx":                  {[]process{node(1, 0, "node", "/app/node_modules/tsx/dist/cli.mjs"), node(8, 1, "/usr/bin/node", "app.ts")}, 0, 8, nil},
		"--watch":              {[]process{node(1, 0, "node", "app.js", func(p *process) { p.Options = []string{"--watch"} }), node(8, 1, "node", "app.js")}, 0, 8, nil},
		"pm2-runtime, fork":    {[]process{node(1, 0, "node", "/usr/local/bin/pm2-runtime"), node(8, 1, "node /app/app.js", "")}, 0, 8, nil},
		"pm2 daemon, cluster":  {[]process{node(1, 0, "PM2 v5.3.0: God", ""), node(8, 1, "node /app/app.js", ""), node(9, 1, "node /app/app.js", "")}, 0, 0, []int{8, 9}},
		"cluster":              {[]process{node(1, 0, "node", "app.js"), node(8, 1, "node", "app.js"), node(9, 1, "node", "app.js")}, 0, 0, []int{1, 8, 9}},
		"one of a cluster":     {[]process{node(1, 0, "node", "app.js"), node(8, 1, "node", "app.js"), node(9, 1, "node", "app.js")}, 9, 9, nil},
		"a helper beside":      {[]process{node(1, 0, "node", "app.js"), node(8, 1, "node", "mailer.js")}, 0, 0, []int{1, 8}},
		"npm, asked for":       {[]process{node(1, 0, "npm start", ""), node(8, 1, "node", "app.js")}, 1, 1, nil},
		"asked in vain":        {[]process{other(1, 0, "tini"), node(8, 1, "node", "app.js")}, 1, 0, []int{8}},
		"the session, in vain": {[]process{node(1, 0, "node", "app.js")}, 91, 0, []int{1}},
		"npm alone":            {[]process{node(1, 0, "npm start", "")}, 0, 0, []int{1}},
		"no Node.js":           {[]process{other(1, 0, "nginx"), other(8, 1, "bun")}, 0, 0, nil},
		"a zombie":             {[]process{node(1, 0, "node", "app.js"), node(8, 1, "", "", func(p *process) { p.State = "Z" })}, 0, 1, nil},
		"a renamed binary":     {[]process{node(1, 0, "myapp", "", func(p *process) { p.Exe, p.Same = "myapp", true })}, 0, 1, nil},
		"node-18":              {[]process{node(1, 0, "node18", "app.js", func(p *process) { p.Exe = "node-18" })}, 0, 1, nil},
		"unseen, by name":      {[]process{node(1, 0, "my title", "", unseen, func(p *process) { p.Name = "node" })}, 0, 1, nil},
		"unseen, by threads":   {[]process{node(1, 0, "my title", "", unseen, func(p *process) { p.Name, p.Threads = "my title", []string{"my title", "V8Worker"} })}, 0, 1, nil},
		"unseen, by argv":      {[]process{other(1, 0, "tini"), node(8, 1, "/usr/local/bin/node", "app.js", unseen, func(p *process) { p.Name = "x" })}, 0, 8, nil},
		"unseen and no node":   {[]process{node(1, 0, "python3", "app.py", unseen)}, 0, 0, nil},
		"parents in a circle":  {[]process{node(5, 6, "node", "app.js"), other(6, 5, "sh")}, 0, 5, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := choose(survey{Self: 90, Processes: slices.Concat(tt.processes, session)}, tt.pid)
			if got.PID != tt.want || (err != nil) != (tt.want == 0) {
				t.Fatalf("chose %d, %v; want %d", got.PID, err, tt.want)
			}
			if listed := pids(err); !slices.Equal(listed, tt.listed) {
				t.Errorf("%v lists %v, want %v", err, listed, tt.listed)
			}
		})
	}
}

// pids are those that an error lists.
func pids(err error) []int {
	var all []Process
	if e, ok := errors.AsType[*AmbiguousError](err); ok {
		all = e.Processes
	}
	if e, ok := errors.AsType[*NoProcessError](err); ok {
		all = e.Processes
	}
	var out []int
	for _, p := range all {
		out = append(out, p.PID)
	}
	return out
}

func TestOpenAlready(t *testing.T) {
	inspector := port{Port: 9230, Inspector: "v22.1.0", PIDs: []int{8}}
	stranger := port{Port: 9230, Inspector: "v22.1.0"}
	option := func(p *process) { p.Options = []string{"--inspect-port=9230"} }
	tests := map[string]struct {
		p        process
		ports    []port
		expected int
		want     int
		sure     bool
	}{
		"its own":                  {node(8, 1, "node", "app.js"), []port{inspector}, 9229, 9230, true},
		"another's":                {node(9, 1, "node", "app.js"), []port{inspector}, 9230, 0, false},
		"no inspector":             {node(8, 1, "node", "app.js"), []port{{Port: 9229, PIDs: []int{8}}}, 9229, 0, false},
		"unseen, by its options":   {node(8, 1, "node", "app.js", unseen, option), []port{stranger}, 9229, 9230, false},
		"unseen, where expected":   {node(8, 1, "node", "app.js", unseen), []port{stranger}, 9230, 9230, false},
		"unseen, somewhere":        {node(8, 1, "node", "app.js", unseen), []port{stranger}, 9229, 0, false},
		"unseen, held by another":  {node(9, 1, "node", "app.js", unseen), []port{inspector}, 9230, 0, false},
		"seen, held by nobody":     {node(9, 1, "node", "app.js"), []port{stranger}, 9230, 0, false},
		"nothing listens":          {node(9, 1, "node", "app.js"), nil, 9229, 0, false},
		"one of several listeners": {node(8, 1, "node", "app.js"), []port{{Port: 80, PIDs: []int{8}}, inspector}, 9229, 9230, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, ok := survey{Ports: tt.ports}.open(tt.p, tt.expected)
			if ok != (tt.want != 0) || a.Port != tt.want || a.Sure != tt.sure || a.Opened {
				t.Errorf("got %+v, %t; want port %d, sure %t", a, ok, tt.want, tt.sure)
			}
			if ok && !strings.Contains(a.String(), "already") {
				t.Errorf("String = %q", a)
			}
		})
	}
}

func TestObstacle(t *testing.T) {
	with := func(options ...string) func(*process) { return func(p *process) { p.Options = options } }
	tests := map[string]struct {
		change  func(*process)
		options []string // of NODE_OPTIONS
		ports   []port
		force   bool
		want    Reason
	}{
		"none":                     {},
		"no handler":               {change: func(p *process) { p.Caught = false }, want: ReasonDisabled},
		"blocked":                  {change: func(p *process) { p.Blocked = true }, want: ReasonDisabled},
		"ignored":                  {change: func(p *process) { p.Ignored, p.Caught = true, false }, want: ReasonDisabled, force: true},
		"stopped":                  {change: func(p *process) { p.State = "T" }, want: ReasonStopped},
		"traced":                   {change: func(p *process) { p.State = "t" }, want: ReasonStopped},
		"heap snapshot":            {change: with("--heapsnapshot-signal=SIGUSR1"), want: ReasonOption, force: true},
		"heap snapshot elsewhere":  {change: with("--heapsnapshot-signal=SIGUSR2")},
		"report by NODE_OPTIONS":   {options: []string{"--report-signal=SIGUSR1"}, want: ReasonOption},
		"handler":                  {change: func(p *process) { p.Mentions = true }, want: ReasonHandler},
		"handler, forced":          {change: func(p *process) { p.Mentions = true }, force: true},
		"port taken":               {ports: []port{{Port: 9229, PIDs: []int{9}}}, want: ReasonPortTaken, force: true},
		"other port taken":         {ports: []port{{Port: 9230}}},
		"its own port taken":       {change: with("--inspect-port=9230"), ports: []port{{Port: 9230}}, want: ReasonPortTaken},
		"its options count more":   {change: with("--inspect-port=9230"), options: []string{"--inspect=9229"}, ports: []port{{Port: 9229}}},
		"port of NODE_OPTIONS":     {options: []string{"--inspect=127.0.0.1:9300"}, ports: []port{{Port: 9300}}, want: ReasonPortTaken},
		"any port":                 {change: with("--inspect-port=0"), ports: []port{{Port: 9229}, {Port: 0}}},
		"the last option":          {change: with("--inspect-port=1111", "--debug-port=2222"), ports: []port{{Port: 1111}}},
		"a host with colons":       {change: with("--inspect=[::1]:9444"), ports: []port{{Port: 9444}}, want: ReasonPortTaken},
		"a port that is no number": {change: with("--inspect=localhost:99999"), ports: []port{{Port: 9229}}, want: ReasonPortTaken},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := node(1, 0, "node", "app.js")
			if tt.change != nil {
				tt.change(&p)
			}
			s := survey{Options: tt.options, Ports: tt.ports, Processes: []process{p, node(9, 1, "node", "other.js")}}
			err := s.obstacle(p, tt.force)
			refused, _ := errors.AsType[*RefusedError](err)
			if got := Reason(""); refused != nil {
				got = refused.Reason
				if got != tt.want {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			} else if tt.want != "" {
				t.Errorf("no obstacle, want %q", tt.want)
			}
			if name == "port taken" && !strings.Contains(err.Error(), "other.js") {
				t.Errorf("%v does not name the holder", err)
			}
		})
	}
}
