package heap

// maxHeaderBytes bounds the "snapshot" object, the only part that is kept as JSON. V8
// writes about 1.5 kB.
const maxHeaderBytes = 1 << 20

// header reads one JSON object and returns it as it is.
func (in *input) header() ([]byte, error) {
	if err := in.expect('{'); err != nil {
		return nil, err
	}
	raw := []byte{'{'}
	err := in.nested(1, func(c byte) error {
		if len(raw) == maxHeaderBytes {
			return &LimitError{What: "bytes of header", Max: maxHeaderBytes}
		}
		raw = append(raw, c)
		return nil
	})
	return raw, err
}

// skip reads one JSON value and forgets it: no more than its brackets and quotes are
// checked.
func (in *input) skip() error {
	c, err := in.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{', '[':
		return in.nested(0, nil)
	case '"':
		in.pos++
		return in.quoted(nil)
	case ',', ']', '}', 0:
		return in.want("a value")
	}
	for { // a number, true, false or null
		c, err := in.peek()
		if err != nil {
			return err
		}
		if c == ',' || c == ']' || c == '}' || in.pos == in.end {
			return nil
		}
		in.pos++
	}
}

// nested reads to the end of the value that is depth brackets deep here. each, if not
// nil, gets every byte.
func (in *input) nested(depth int, each func(byte) error) error {
	for {
		c, err := in.next("a closing bracket")
		if err != nil {
			return err
		}
		if each != nil {
			if err := each(c); err != nil {
				return err
			}
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if err := in.quoted(each); err != nil {
				return err
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

// quoted reads the rest of a JSON string, without decoding it. each, if not nil, gets
// every byte.
func (in *input) quoted(each func(byte) error) error {
	for escaped := false; ; {
		c, err := in.next("a closing quote")
		if err != nil {
			return err
		}
		if each != nil {
			if err := each(c); err != nil {
				return err
			}
		}
		if c == '"' && !escaped {
			return nil
		}
		escaped = c == '\\' && !escaped
	}
}

// maxKeyBytes bounds the names of the sections; V8's longest is "trace_function_infos".
const maxKeyBytes = 64

// key reads an object's key and the colon behind it.
func (in *input) key() (string, error) {
	if err := in.expect('"'); err != nil {
		return "", err
	}
	var key []byte
	err := in.quoted(func(c byte) error {
		if len(key) > maxKeyBytes {
			return in.want("a short key")
		}
		key = append(key, c)
		return nil
	})
	if err != nil {
		return "", err
	}
	return string(key[:len(key)-1]), in.expect(':')
}
