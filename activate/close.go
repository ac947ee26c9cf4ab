package activate

import (
	_ "embed" // the expression
	"encoding/json"
	"fmt"
)

//go:embed close.js
var closeScript string

// CloseExpression is JavaScript to evaluate in the process whose inspector is to
// be closed (Runtime.evaluate with includeCommandLineAPI, awaitPromise and
// returnByValue), over the last connection to it, which is to be closed right
// after. It closes the inspector in a moment, once nobody is connected; with
// another client connected it closes nothing. Its value is JSON text, for
// [ParseClosing].
func CloseExpression() string { return closeScript }

// Closing is the value of CloseExpression.
type Closing struct {
	// Closing says that the inspector will be closed as soon as the connection is.
	Closing bool `json:"closing"`
	// Others is the number of other clients, for whom it stays open.
	Others int `json:"others"`
	// Why says why it stays open.
	Why string `json:"why"`
}

// ParseClosing reads the value of CloseExpression.
func ParseClosing(value string) (Closing, error) {
	var c Closing
	if err := json.Unmarshal([]byte(value), &c); err != nil {
		return Closing{}, fmt.Errorf("reading whether the inspector closes: %w", err)
	}
	return c, nil
}
