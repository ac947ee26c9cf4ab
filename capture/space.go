package capture

// FreeSpace returns the bytes that an ordinary user may still write to the disk
// of a directory, -1 if that is unknown.
func FreeSpace(dir string) int64 { return freeSpace(dir) }
