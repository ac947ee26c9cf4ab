package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	pluginlog "github.com/aws/session-manager-plugin/src/log"
)

// pluginLog is the log.T that the plugin's packages ask for. They log payloads
// and tokens on several levels, so only warnings and errors pass, and only to
// a debug log.
type pluginLog struct{ log *slog.Logger }

var _ pluginlog.T = pluginLog{}

func (l pluginLog) warn(text string) error {
	l.log.LogAttrs(context.Background(), slog.LevelDebug, "plugin: "+text)
	return errors.New(text)
}

func (l pluginLog) Warnf(format string, p ...any) error     { return l.warn(fmt.Sprintf(format, p...)) }
func (l pluginLog) Errorf(format string, p ...any) error    { return l.warn(fmt.Sprintf(format, p...)) }
func (l pluginLog) Criticalf(format string, p ...any) error { return l.warn(fmt.Sprintf(format, p...)) }
func (l pluginLog) Warn(v ...any) error                     { return l.warn(fmt.Sprint(v...)) }
func (l pluginLog) Error(v ...any) error                    { return l.warn(fmt.Sprint(v...)) }
func (l pluginLog) Critical(v ...any) error                 { return l.warn(fmt.Sprint(v...)) }

func (pluginLog) Tracef(string, ...any) {}
func (pluginLog) Debugf(string, ...any) {}
func (pluginLog) Infof(string, ...any)  {}
func (pluginLog) Trace(...any)          {}
func (pluginLog) Debug(...any)          {}
func (pluginLog) Info(...any)           {}
func (pluginLog) Flush()                {}
func (pluginLog) Close()                {}

// WithContext returns the same log: there is one session for each log already.
func (l pluginLog) WithContext(...string) pluginlog.T { return l }
