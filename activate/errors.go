package activate

import (
	"fmt"
	"strings"
	"time"
)

// NoNodeError means that no Node.js was found to run the script with.
type NoNodeError struct {
	Tried []string
	Err   error // what the last one said
}

func (e *NoNodeError) Error() string {
	return fmt.Sprintf("no Node.js in the container at %s: %v", strings.Join(e.Tried, ", "), e.Err)
}

// Unwrap returns what the last try said.
func (e *NoNodeError) Unwrap() error { return e.Err }

// Hint says what can be done instead.
func (e *NoNodeError) Hint() string {
	return "is this the container of the Node.js process? Choose with --container; else deploy with NODE_OPTIONS=--inspect"
}

// NoProcessError means that the container has no such Node.js process.
type NoProcessError struct {
	PID       int       // that was asked for, 0 for any
	Processes []Process // what there is instead
}

func (e *NoProcessError) Error() string {
	if e.PID != 0 {
		return fmt.Sprintf("process %d of the container is no Node.js process", e.PID)
	}
	return "the container runs no Node.js application"
}

// Hint names what there is.
func (e *NoProcessError) Hint() string {
	if len(e.Processes) == 0 {
		return "choose the container of the application with --container"
	}
	return "there is " + names(e.Processes)
}

// AmbiguousError means that several processes may be meant, such as the workers
// of a cluster.
type AmbiguousError struct{ Processes []Process }

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("the container runs %d Node.js processes: %s", len(e.Processes), names(e.Processes))
}

// Hint says how to choose.
func (e *AmbiguousError) Hint() string {
	return fmt.Sprintf("choose one with --process, such as --process %d", e.Processes[len(e.Processes)-1].PID)
}

func names(all []Process) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = fmt.Sprintf("%d (%s", p.PID, p.Title)
		if p.Parent != 0 {
			texts[i] += fmt.Sprintf(", child of %d", p.Parent)
		}
		texts[i] += ")"
	}
	return strings.Join(texts, ", ")
}

// Reason is why no signal was sent.
type Reason string

// Reasons of a RefusedError.
const (
	ReasonPlatform  Reason = "platform"   // the container does not run Linux
	ReasonDisabled  Reason = "disabled"   // --disable-sigusr1, or not a Node.js that handles the signal
	ReasonOption    Reason = "option"     // an option gives the signal another meaning
	ReasonHandler   Reason = "handler"    // the main script names the signal; can be forced
	ReasonPortTaken Reason = "port-taken" // another process listens on the port
	ReasonStopped   Reason = "stopped"    // the process is stopped by a signal or a debugger
	ReasonChanged   Reason = "changed"    // the process ended or changed meanwhile
	ReasonDenied    Reason = "denied"     // the kernel allows no signal to it
)

// RefusedError means that no signal was sent: nothing has changed.
type RefusedError struct {
	Process Process
	Reason  Reason
	Detail  string
}

func (e *RefusedError) Error() string {
	why := ""
	switch e.Reason {
	case ReasonPlatform:
		return fmt.Sprintf("the container runs %s, which has no SIGUSR1", e.Detail)
	case ReasonDisabled:
		why = "it does not handle SIGUSR1 (started with --disable-sigusr1?)"
	case ReasonOption:
		why = fmt.Sprintf("its option %s uses SIGUSR1 for something else", e.Detail)
	case ReasonHandler:
		why = fmt.Sprintf("its main script %s names SIGUSR1, so it may handle the signal itself", e.Detail)
	case ReasonPortTaken:
		why = fmt.Sprintf("the port that it would open is taken (%s)", e.Detail)
	case ReasonStopped:
		why = "it is stopped"
	case ReasonDenied:
		why = "a signal to it is not permitted"
	case ReasonChanged:
		why = fmt.Sprintf("it changed meanwhile (%s)", e.Detail)
	}
	return fmt.Sprintf("no signal was sent to %s: %s", e.Process, why)
}

// Hint says what can be done instead.
func (e *RefusedError) Hint() string {
	const deploy = "deploy with NODE_OPTIONS=--inspect"
	switch e.Reason {
	case ReasonHandler:
		return "look at what the handler does; --force sends the signal all the same"
	case ReasonPortTaken:
		return "close that inspector first, or choose its process with --process"
	case ReasonChanged:
		return "run the same command again"
	case ReasonStopped:
		return "a debugger may be attached; let the process go on"
	}
	return deploy
}

// SilentError means that the signal was sent, or may have been, and that no
// inspector answers.
type SilentError struct {
	Process Process
	Waited  time.Duration
	Ended   bool  // the process has ended
	Err     error // the command failed, so that it is not known how far it came
}

func (e *SilentError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("SIGUSR1 may have been sent to %s, but its inspector was not seen: %v", e.Process, e.Err)
	case e.Ended:
		return fmt.Sprintf("%s ended after it was sent SIGUSR1", e.Process)
	}
	return fmt.Sprintf("SIGUSR1 was sent to %s, but no inspector answered within %s: a handler of the application has probably run instead", e.Process, e.Waited)
}

// Unwrap returns the error of the command, if that failed.
func (e *SilentError) Unwrap() error { return e.Err }

// Hint says what can be done.
func (e *SilentError) Hint() string {
	if e.Err != nil {
		return "run the same command again: it finds the inspector if it is open"
	}
	return "look into the log of the application; deploy with NODE_OPTIONS=--inspect to have an inspector"
}

// AnswerError means that the script was started but did not answer.
type AnswerError struct {
	Output string // the end of what it wrote
	Err    error
}

func (e *AnswerError) Error() string {
	if e.Output == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v: %q", e.Err, e.Output)
}

// Unwrap returns what is wrong with the answer.
func (e *AnswerError) Unwrap() error { return e.Err }

// Hint names the usual cause.
func (e *AnswerError) Hint() string {
	return "the script runs under the container's own NODE_OPTIONS: a module that these load may have failed"
}
