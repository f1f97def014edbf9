// Reads that the kernel works on together: a ring of Linux's io_uring, by its three system calls.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cairn_read_ring cairn_read_ring;

/// Makes reads of an open file, which must be of whole pages, go past the page cache. False where that cannot be.
bool cairn_bypass_cache(int descriptor);

/// A ring for up to `depth` reads at a time, of one file into parts of one buffer. NULL where the kernel has none, or
/// does not let this process have one: containers often do not.
cairn_read_ring *cairn_read_ring_open(unsigned depth, int descriptor, void *buffer, size_t length);

/// Ends a ring that no read is under way in.
void cairn_read_ring_close(cairn_read_ring *ring);

/// Queues a read of `length` bytes from `offset` on to a place in the buffer. No more than `depth` may be queued or
/// under way.
void cairn_read_ring_add(cairn_read_ring *ring, void *target, uint32_t length, uint64_t offset, uint64_t tag);

/// Hands what is queued to the kernel, and waits until `count` reads more have ended. Returns 0, or an errno.
int cairn_read_ring_submit(cairn_read_ring *ring, unsigned count);

/// Takes a read that has ended: its tag, and how many bytes it read or a negative errno. False if there is none.
bool cairn_read_ring_take(cairn_read_ring *ring, uint64_t *tag, int32_t *result);
