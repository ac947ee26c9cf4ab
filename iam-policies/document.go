package iampolicies

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// document is a policy, as "Grammar of the IAM JSON policy language" in the IAM user
// guide has it: the part of it that ours use.
type document struct {
	Version   string
	Statement []statement
}

// statement is one of its statements.
type statement struct {
	Sid         string
	Effect      string
	Action      list                       `json:",omitzero"`
	Resource    list                       `json:",omitzero"`
	NotResource list                       `json:",omitzero"`
	Condition   map[string]map[string]list `json:",omitempty"` // operator, key, values
}

// list is a text or a list of them; one written without brackets stays so.
type list struct {
	values []string
	bare   bool
}

// IsZero tells whether there is no such element in the statement.
func (l list) IsZero() bool { return l.values == nil }

// UnmarshalJSON reads a text or a list of texts.
func (l *list) UnmarshalJSON(data []byte) error {
	if l.bare = bytes.HasPrefix(data, []byte(`"`)); l.bare {
		l.values = make([]string, 1)
		return json.Unmarshal(data, &l.values[0])
	}
	return json.Unmarshal(data, &l.values)
}

// MarshalJSON writes what was read; a bare text that became several, as a list.
func (l list) MarshalJSON() ([]byte, error) {
	if l.bare && len(l.values) == 1 {
		return json.Marshal(l.values[0])
	}
	return json.Marshal(l.values)
}

// parse reads a policy and refuses what it does not know, so that nothing gets
// lost on the way from the file to the user.
func parse(text []byte) (document, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var d document
	if err := decoder.Decode(&d); err != nil {
		return document{}, fmt.Errorf("reading the policy: %w", err)
	}
	return d, nil
}

// text writes a policy the way the files are written.
func (d document) text() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("writing the policy: %w", err)
	}
	return b.Bytes(), nil
}
