package nodetest

import (
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

const socketTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41234 1 0000000000000000 100 0 0 10 0
   1: 0100007F:240D 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 41235 1 0000000000000000 20 4 30 10 -1
`

func TestParseSockets(t *testing.T) {
	got, err := parseSockets(socketTable)
	if err != nil {
		t.Fatal(err)
	}
	local := netip.MustParseAddrPort("127.0.0.1:9229")
	want := []socket{
		{local: local, remote: netip.MustParseAddrPort("0.0.0.0:0"), state: tcpListen, inode: "41234"},
		{local: local, remote: netip.MustParseAddrPort("127.0.0.1:50000"), state: 1, inode: "41235"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in, want string // want "" = error
	}{
		{"0100007F:1F90", "127.0.0.1:8080"},
		{"00000000:0000", "0.0.0.0:0"},
		{"00000000000000000000000001000000:1F90", "[::1]:8080"},
		{"0000000000000000FFFF00000100007F:1F90", "127.0.0.1:8080"},
		{"B80D01200000000000000000010000FF:0001", "[2001:db8::ff00:1]:1"},
		{"0100007F", ""},
		{"0100007F:", ""},
		{"0100007F:10000", ""},
		{"0100007:1F90", ""},
		{"0100007FFF:1F90", ""},
		{"x100007F:1F90", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got, err := parseAddress(tt.in)
		if tt.want == "" {
			if err == nil {
				t.Errorf("parseAddress(%q) = %v, want an error", tt.in, got)
			}
		} else if err != nil || got.String() != tt.want {
			t.Errorf("parseAddress(%q) = %v, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add(socketTable)
	f.Add("heading\n 0: 00000000000000000000000001000000:1F90 0:0 0A")
	f.Add("")
	f.Fuzz(func(t *testing.T, table string) {
		all, err := parseSockets(table)
		if err != nil {
			return
		}
		if rows := strings.Count(table, "\n") + 1; len(all) > rows {
			t.Errorf("%d sockets in %d rows", len(all), rows)
		}
	})
}

// FuzzParseAddress checks against the kernel's own way to print: words backwards.
func FuzzParseAddress(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(8080))
	f.Add([]byte{15: 1}, uint16(1))
	f.Fuzz(func(t *testing.T, ip []byte, port uint16) {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		printed := slices.Clone(ip)
		for word := range slices.Chunk(printed, 4) {
			slices.Reverse(word)
		}
		text := strings.ToUpper(hex.EncodeToString(printed)) + ":" + hex.EncodeToString([]byte{byte(port >> 8), byte(port)})
		if got, err := parseAddress(text); err != nil || got != netip.AddrPortFrom(addr.Unmap(), port) {
			t.Errorf("parseAddress(%q) = %v, %v; want %v", text, got, err, addr)
		}
	})
}

// TestProbesOfThisProcess compares with what this process knows of itself.
func TestProbesOfThisProcess(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := os.CreateTemp(t.TempDir(), "open")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listeners, err := Listeners(os.Getpid())
	if os.Getenv("CI") != "true" && err != nil {
		t.Skip(err)
	}
	if !slices.Contains(listeners, listener.Addr().String()) {
		t.Errorf("listeners %v, %v; want %v among them", listeners, err, listener.Addr())
	}
	if files, err := OpenFiles(os.Getpid()); !slices.Contains(files, file.Name()) {
		t.Errorf("files %v, %v; want %v among them", files, err, file.Name())
	}
	if _, err := OpenFiles(0); err == nil {
		t.Error("files of pid 0")
	}
}
