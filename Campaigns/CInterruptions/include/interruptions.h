// Calls of the C library that are interrupted: `openat`, `pread`, `pwrite`, `fdatasync`, `flock` and `posix_fallocate` of the whole
// program go through here, below whatever repeats interrupted calls. One thread at a time may use it.
#pragma once

// From now on the call of this number, counted from 1, is interrupted; with `is_sticky` so are all after it. 0: none is.
void cairn_interrupt(long number, int is_sticky);

// Calls that could have been interrupted since then.
long cairn_interruptible_count(void);

// The name of the first call that was; NULL if none was.
const char *cairn_interrupted_call(void);
