package fakeaws

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The plugin's log package, which the codec test needs, starts seelog when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/cihub/seelog.(*asyncLoopLogger).processQueue"))
}
