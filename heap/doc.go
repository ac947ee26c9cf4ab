// Package heap reads V8 heap snapshots (.heapsnapshot files of Node.js and Chrome) and
// answers the questions that Chrome DevTools answers, with the same numbers: classes,
// retained sizes, dominators, distances, retaining paths, comparisons.
//
// Parse reads a file in one pass and keeps only flat slices of integers and the
// strings. Everything else is computed on first need and kept: dominators and retained
// sizes, distances, classes, retainers. Prepare computes them beside each other on two
// cores.
//
// The rules are those of front_end/entrypoints/heap_snapshot_worker/HeapSnapshot.ts of
// Chrome DevTools. Snapshot is safe for use by several goroutines.
package heap
