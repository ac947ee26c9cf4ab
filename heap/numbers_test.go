package heap

import (
	"strconv"
	"strings"
	"testing"
)

// numbersOf reads text as the end of an array of records.
func numbersOf(text string, fields int) (records [][]uint64, ok bool) {
	b := append([]byte(text), "99999999,9999999"[:padBytes]...) // what a block has behind its end
	b[len(text)] = ']'
	for i := 0; i < len(text); {
		vals := make([]uint64, fields)
		if i, ok = record(b, i, len(text), vals); !ok {
			return nil, false
		}
		records = append(records, vals)
	}
	return records, true
}

// slowNumbers is numbersOf by means of package strconv.
func slowNumbers(text string, fields int) (records [][]uint64, ok bool) {
	parts := strings.Split(text, ",")
	if parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1] // the comma in front of the next block
	}
	for i, p := range parts {
		v, err := strconv.ParseUint(strings.Trim(p, " \n\r\t"), 10, 64)
		if err != nil || strings.ContainsAny(p, "+_") {
			return nil, false
		}
		if i%fields == 0 {
			records = append(records, nil)
		}
		records[len(records)-1] = append(records[len(records)-1], v)
	}
	return records, len(parts)%fields == 0
}

func FuzzRecord(f *testing.F) {
	for _, text := range []string{
		"1", "12,345", "1,22,333,4444,55555,666666,7777777,88888888,999999999,1234567890", " 1 ,\n2", "1,,2", "a", "1 2", "-1", "0x1",
		"18446744073709551615", "18446744073709551616", "00000000000000000000000001", "1,2,", "12345678\n,12345678 ,1", "9/,1", "1:,1", "1\xb0,1",
	} {
		f.Add(text, 1)
		f.Add(text, 2)
	}
	f.Fuzz(func(t *testing.T, text string, fields int) {
		if fields < 1 || fields > maxFields || strings.TrimRight(text, " \n\r\t") == "" {
			return
		}
		got, ok := numbersOf(text, fields)
		want, wantOK := slowNumbers(text, fields)
		if ok != wantOK {
			t.Fatalf("%q: ok is %v, want %v", text, ok, wantOK)
		}
		if !ok {
			return
		}
		for i := range want {
			for j := range want[i] {
				if got[i][j] != want[i][j] {
					t.Fatalf("%q: got %v, want %v", text, got, want)
				}
			}
		}
	})
}

func TestRecordOfAllLengths(t *testing.T) {
	for digits := 1; digits <= 19; digits++ {
		text := "1234567890123456789"[:digits]
		want, _ := strconv.ParseUint(text, 10, 64)
		for _, padded := range []string{text, " " + text, text + "\n"} {
			got, ok := numbersOf(padded, 1)
			if !ok || got[0][0] != want {
				t.Errorf("%q: got %v, %v", padded, got, ok)
			}
		}
	}
}

func TestWholeRecords(t *testing.T) {
	tests := []struct {
		text   string
		fields int
		cut, n int
	}{
		{"1,2,3,4", 2, 4, 1}, {"1,2,3,4,", 2, 8, 2}, {"1,2", 3, 0, 0}, {"12", 1, 0, 0}, {"1,2", 1, 2, 1}, {"1,2,3\n,4,5", 3, 7, 1},
	}
	for _, tt := range tests {
		if cut, n := wholeRecords([]byte(tt.text), 0, len(tt.text), tt.fields); cut != tt.cut || n != tt.n {
			t.Errorf("%q by %d: got %d records in %d bytes, want %d in %d", tt.text, tt.fields, n, cut, tt.n, tt.cut)
		}
	}
}

func TestDivisor(t *testing.T) {
	for d := uint64(5); d <= maxFields; d++ {
		div := newDivisor(d)
		for _, q := range []uint64{0, 1, 2, 1000, 1<<29 - 1, (1<<32 - 1) / d} {
			if got := div.quotient(q * d); got != q {
				t.Errorf("%d / %d = %d", q*d, d, got)
			}
		}
		for _, v := range []uint64{1, d + 1, 1<<32 - 1, 1<<64 - 1} {
			if got := div.quotient(v); v%d != 0 && got*d == v {
				t.Errorf("%d passes for a multiple of %d", v, d)
			}
		}
	}
}

func TestRoomFor(t *testing.T) {
	for _, count := range []int{1, 1000, 1 << 20, 100 << 20, unknownCount} {
		for _, n := range []int{1, 1000, 1 << 16, 1 << 20, 50 << 20} {
			if count != unknownCount && n > count {
				continue
			}
			room := roomFor(n, count)
			if room < n || count != unknownCount && room > count {
				t.Errorf("%d of %d: room for %d", n, count, room)
			}
			if room > max(firstRoom, n*manyRoomFactor) {
				t.Errorf("%d of %d: too much room, %d", n, count, room)
			}
		}
	}
}
