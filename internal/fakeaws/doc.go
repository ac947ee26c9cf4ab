// Package fakeaws is a loopback AWS: one HTTP port that is ECS, Systems Manager, STS, the Session
// Manager message gateway and the SSM agent inside the containers. The containers' ports are real
// TCP addresses (usually a Node.js inspector), so whatever runs through it runs through real bytes.
//
// It is a second, independent reading of the protocols: it shares no code with the packages that it
// tests. Where it had to choose, it behaves like amazon-ssm-agent 3.3 (agent/session/datachannel
// and agent/session/plugins/port), its weaknesses included: front-only resending, two sessions a
// container, one millisecond a message.
//
// The request path of a port session:
//
//	client websocket <-> gateway (channel) <-> agent (stream) <-> smux <-> TCP port of the container
//
// The zero Config is fast and faultless; Pace, RTT, Network and the Kill methods bring the real
// world in.
package fakeaws
