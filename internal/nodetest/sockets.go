package nodetest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// tcpListen is the state LISTEN in /proc/net/tcp (include/net/tcp_states.h).
const tcpListen = 0x0a

// socket is a row of /proc/net/tcp or tcp6.
type socket struct {
	local, remote netip.AddrPort
	state         uint8
	inode         string
}

// parseSockets reads /proc/net/tcp or tcp6, described in proc_net_tcp.rst of
// the Linux documentation: a heading, then one row a socket.
func parseSockets(table string) ([]socket, error) {
	const stateColumn, inodeColumn = 3, 9
	var all []socket
	first := true
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if first || len(fields) == 0 {
			first = false
			continue
		}
		if len(fields) <= inodeColumn {
			return nil, fmt.Errorf("parsing socket %q: %d columns", line, len(fields))
		}
		state, err := strconv.ParseUint(fields[stateColumn], 16, 8)
		if err != nil {
			return nil, fmt.Errorf("parsing state of socket %q: %w", line, err)
		}
		local, err := parseAddress(fields[1])
		if err != nil {
			return nil, err
		}
		remote, err := parseAddress(fields[2])
		if err != nil {
			return nil, err
		}
		all = append(all, socket{local: local, remote: remote, state: uint8(state), inode: fields[inodeColumn]})
	}
	return all, nil
}

// parseAddress reads "0100007F:1F90": the address as 32-bit words in the byte
// order of the machine, here little-endian as everywhere that Node.js runs, and
// the port in hexadecimal.
func parseAddress(s string) (netip.AddrPort, error) {
	const word = 4
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("parsing socket address %q: %w", s, err)
	}
	if len(raw) != word && len(raw) != 4*word {
		return netip.AddrPort{}, fmt.Errorf("parsing socket address %q: %d bytes", s, len(raw))
	}
	for i := 0; i < len(raw); i += word {
		binary.BigEndian.PutUint32(raw[i:], binary.LittleEndian.Uint32(raw[i:]))
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("parsing port of socket address %q: %w", s, err)
	}
	addr, _ := netip.AddrFromSlice(raw) // the length is one of the two it takes
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
