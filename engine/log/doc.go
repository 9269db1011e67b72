// Package log is the way of a process's output to its file, to the terminal
// and back to whoever reads it later.
//
// A [Log] is one unit's file, UNIT.log. It holds the bytes of both streams
// as whole lines: nothing stands before a line and nothing is added, except
// where an unfinished line of one stream has to be parted from a line of the
// other, and where a note says that lines were lost. Beside it, UNIT.idx has
// one fixed record for each write: offset, time, length, stream and flags.
// The records of one stream, joined, are exactly the bytes that the process
// wrote there. Without the index the file is still a plain log.
//
//	process ─pipe─► stream ─┐ whole lines            ┌─► UNIT.log, UNIT.idx
//	                        ├──────────► Log ────────┤
//	process ─pipe─► stream ─┘ one write each         └─► Merger ─► terminal
//
// What is promised:
//
//   - A process never waits for anything but the disk: a slow terminal makes
//     the [Merger] drop lines and say so, a full disk makes the log lose
//     lines, say so and mend itself. A disk that does not answer has the log
//     say so, after [Stall], and holds up nobody but who writes to it.
//   - What has been read from a pipe is in the file before the next read; an
//     unfinished line follows once its stream has been quiet for [Quiet], or
//     ends. A kill -9 of the engine loses nothing that was read before.
//   - No line of up to [MaxLine] bytes is split, between streams or between
//     files. A longer one is cut into pieces that are marked as continued.
//   - A quiet process costs two waiting goroutines and no buffer and, once it
//     has been so for [Stall], no timer and no CPU time. A log file is made by
//     its first line.
//
// [Read] merges the files of many units by time, also while no engine runs
// and after a crash.
package log
