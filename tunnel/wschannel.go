package tunnel

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/session-manager-plugin/src/communicator"
	pluginlog "github.com/aws/session-manager-plugin/src/log"
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

// SendMessage never fails: a frame that finds no socket counts as lost on the
// wire. (An error from an acknowledgement would make the plugin deliver the
// acknowledged data twice.)
func (w wsChannel) SendMessage(_ pluginlog.T, frame []byte, opcode int) error {
	if opcode == textMessage {
		w.c.hello = frame
		return nil
	}
	w.c.transmit(frame)
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
