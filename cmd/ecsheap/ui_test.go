package main

import "testing"

func TestClip(t *testing.T) {
	tests := []struct {
		text    string
		columns int
		want    string
	}{
		{"next snapshot in 0:10, heap 22 MB", 40, "next snapshot in 0:10, heap 22 MB"},
		{"next snapshot in 0:10, heap 22 MB", 33, "next snapshot in 0:10, heap 22 MB"},
		{"next snapshot in 0:10, heap 22 MB", 32, "next snapshot in 0:10"},
		{"next snapshot in 0:10, heap 22 MB", 21, "next snapshot in 0:10"},
		{"next snapshot in 0:10, heap 22 MB", 19, "next snapshot in 0…"},
		{"a: reading, 25 % of 4.0 kB, 0:02", 31, "a: reading, 25 % of 4.0 kB"},
		{"日本語, 0:02", 6, "日本語"},
		{"日本語, 0:02", 5, "日本…"},
		{"text", 1, "…"},
		{"text", 0, ""},
		{"text", -1, ""},
		{"", 0, ""},
	}
	for _, tt := range tests {
		if got := clip(tt.text, tt.columns); got != tt.want {
			t.Errorf("clip(%q, %d) = %q, want %q", tt.text, tt.columns, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	u := &ui{colorErr: true}
	got := u.line(red, "error: ", "task \x1b[31mx\x9b\nnext\u202e é 日")
	if want := "ecsheap: \x1b[31merror: \x1b[0m" + `task \u001b[31mx\x9b\nnext\u202e é 日`; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
