package tunnel

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/session-manager-plugin/src/communicator"
	pluginlog "github.com/aws/session-manager-plugin/src/log"
	"github.com/aws/session-manager-plugin/src/message"
)

// pluginLogT keeps the plugin's log package out of the other files' signatures.
type pluginLogT = pluginlog.T

// textMessage is the websocket opcode of text (RFC 6455 section 5.6), which
// the plugin takes from gorilla/websocket.
const textMessage = 1

// wsChannel is the websocket as the plugin's data channel sees it. The plugin
// only ever sends through it; opening, reading and closing are done by link.
type wsChannel struct{ c *channel }

var _ communicator.IWebSocketChannel = wsChannel{}

// SendMessage takes what the plugin has to say: the OpenDataChannel request, and
// its part of the handshake. It never fails: a frame that finds no socket counts
// as lost on the wire. The plugin's acknowledgements are dropped, as the channel
// has made its own. The caller holds c.mu.
func (w wsChannel) SendMessage(_ pluginlog.T, content []byte, opcode int) error {
	if opcode == textMessage {
		w.c.hello = content
		return nil
	}
	if f, err := decode(content); err == nil && f.kind == message.InputStreamMessage {
		w.c.keep(content)
	}
	return nil
}

func (wsChannel) Initialize(pluginlog.T, string, string, string, *v4.Signer, aws.Credentials) {}
func (wsChannel) Open(pluginlog.T) error                                                      { return nil }
func (wsChannel) Close(pluginlog.T) error                                                     { return nil }
func (wsChannel) StartPings(pluginlog.T, time.Duration)                                       {}
func (wsChannel) GetChannelToken() string                                                     { return "" }
func (wsChannel) GetStreamUrl() string                                                        { return "" }
func (wsChannel) SetChannelToken(string)                                                      {}
func (wsChannel) SetOnError(func(error))                                                      {}
func (wsChannel) SetOnMessage(func([]byte))                                                   {}
