package fakeaws

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// newHex returns n random lower-case hexadecimal digits.
func newHex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)[:n]
}

// newDigits returns ten random decimal digits, the tail of a Fargate runtime id.
func newDigits() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%010d", binary.BigEndian.Uint64(b[:])%10_000_000_000)
}

// newUUID returns a random UUID with dashes.
func newUUID() string {
	id := newMessageID()
	return id.String()
}

// newToken returns a data-channel token: opaque, one use.
func newToken() string {
	var b [48]byte
	_, _ = rand.Read(b[:]) // never fails
	return "AAEAA" + base64.RawURLEncoding.EncodeToString(b[:])
}

// messageID is a UUID in its ordinary byte order.
type messageID [16]byte

func newMessageID() messageID {
	var id messageID
	_, _ = rand.Read(id[:])   // never fails
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// String writes the UUID with dashes.
func (id messageID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], id[10:16])
	return string(b[:])
}
