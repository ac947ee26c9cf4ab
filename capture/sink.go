package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"os"
)

// sink is the way of a snapshot to the disk: it is checked, counted and hashed
// as it passes.
type sink struct {
	file   *os.File
	check  *verifier
	hash   hash.Hash
	size   int64
	report func(size int64)
	err    error // of the file; those of the check go to the source alone
}

func newSink(f *os.File, report func(int64)) *sink {
	return &sink{file: f, check: newVerifier(), hash: sha256.New(), report: report}
}

func (s *sink) Write(p []byte) (int, error) {
	if _, err := s.check.Write(p); err != nil {
		return 0, err
	}
	s.hash.Write(p)
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		s.err = err
		return n, err
	}
	s.report(s.size)
	return n, nil
}

// describe fills in what is known when all has passed, or says what is missing.
func (s *sink) describe(shot *Shot) error {
	h, err := s.check.finish()
	if err != nil {
		return err
	}
	shot.Bytes = s.size
	shot.SHA256 = hex.EncodeToString(s.hash.Sum(nil))
	shot.Nodes, shot.Edges = h.Nodes, h.Edges
	return nil
}
