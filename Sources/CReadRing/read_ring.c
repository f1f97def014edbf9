#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "cairn_read_ring.h"

#include <fcntl.h>
#include <stddef.h>

bool cairn_bypass_cache(int descriptor) {
#ifdef O_DIRECT
    // All other flags go, so that no read is refused because it would wait.
    return fcntl(descriptor, F_SETFL, O_DIRECT) == 0;
#else
    (void)descriptor;
    return false;
#endif
}

#if defined(__linux__) && __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

// Headers from before Linux 5.6 do not know how to read into a plain buffer.
#if defined(IORING_FEAT_RW_CUR_POS)

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#endif

/// What both sides see of a queue: the kernel moves one end, this process the other.
typedef struct ring_memory {
    char *base;
    size_t length;
} ring_memory;

struct cairn_read_ring {
    int descriptor;
    /// The file, and whether the kernel holds it and the buffer already: then a read need not look them up.
    int file;
    bool holds_file, holds_buffer;
    unsigned queued;
    ring_memory submissions, completions, entries;
    unsigned *submission_tail, submission_mask, *submission_array;
    unsigned *completion_head, *completion_tail, completion_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

static bool map_ring(ring_memory *memory, int descriptor, size_t length, off_t offset) {
    memory->length = length;
    void *base = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, offset);
    memory->base = base == MAP_FAILED ? NULL : base;
    return memory->base != NULL;
}

static unsigned *field(ring_memory memory, unsigned offset) { return (unsigned *)(memory.base + offset); }

/// Has the kernel hold one file or buffer for as long as the ring is there, which it may refuse.
static bool registers(const cairn_read_ring *ring, unsigned operation, const void *what) {
    return syscall(__NR_io_uring_register, ring->descriptor, operation, what, 1) == 0;
}

cairn_read_ring *cairn_read_ring_open(unsigned depth, int descriptor, void *buffer, size_t length) {
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    // Completions need no interrupt: whoever reads waits for them.
    params.flags = IORING_SETUP_COOP_TASKRUN;
    cairn_read_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) return NULL;
    ring->descriptor = (int)syscall(__NR_io_uring_setup, depth, &params);
    if (ring->descriptor < 0 && errno == EINVAL) {
        memset(&params, 0, sizeof params);
        ring->descriptor = (int)syscall(__NR_io_uring_setup, depth, &params);
    }
    if (ring->descriptor < 0) {
        free(ring);
        return NULL;
    }
    bool mapped =
        map_ring(&ring->submissions, ring->descriptor, params.sq_off.array + params.sq_entries * sizeof(unsigned),
                 IORING_OFF_SQ_RING) &&
        map_ring(&ring->completions, ring->descriptor,
                 params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING) &&
        map_ring(&ring->entries, ring->descriptor, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    if (!mapped) {
        cairn_read_ring_close(ring);
        return NULL;
    }
    ring->submission_tail = field(ring->submissions, params.sq_off.tail);
    ring->submission_mask = *field(ring->submissions, params.sq_off.ring_mask);
    ring->submission_array = field(ring->submissions, params.sq_off.array);
    ring->completion_head = field(ring->completions, params.cq_off.head);
    ring->completion_tail = field(ring->completions, params.cq_off.tail);
    ring->completion_mask = *field(ring->completions, params.cq_off.ring_mask);
    ring->sqes = (struct io_uring_sqe *)ring->entries.base;
    ring->cqes = (struct io_uring_cqe *)(ring->completions.base + params.cq_off.cqes);
    ring->file = descriptor;
    ring->holds_file = registers(ring, IORING_REGISTER_FILES, &descriptor);
    struct iovec pages = {.iov_base = buffer, .iov_len = length};
    ring->holds_buffer = registers(ring, IORING_REGISTER_BUFFERS, &pages);
    return ring;
}

void cairn_read_ring_close(cairn_read_ring *ring) {
    ring_memory memories[] = {ring->submissions, ring->completions, ring->entries};
    for (int index = 0; index < 3; index++) {
        if (memories[index].base != NULL) munmap(memories[index].base, memories[index].length);
    }
    close(ring->descriptor);
    free(ring);
}

void cairn_read_ring_add(cairn_read_ring *ring, void *target, uint32_t length, uint64_t offset, uint64_t tag) {
    unsigned tail = *ring->submission_tail, place = tail & ring->submission_mask;
    struct io_uring_sqe *entry = &ring->sqes[place];
    memset(entry, 0, sizeof *entry);
    entry->opcode = ring->holds_buffer ? IORING_OP_READ_FIXED : IORING_OP_READ;
    entry->fd = ring->holds_file ? 0 : ring->file;
    entry->flags = ring->holds_file ? IOSQE_FIXED_FILE : 0;
    entry->addr = (uint64_t)(uintptr_t)target;
    entry->len = length;
    entry->off = offset;
    entry->user_data = tag;
    ring->submission_array[place] = place;
    __atomic_store_n(ring->submission_tail, tail + 1, __ATOMIC_RELEASE);
    ring->queued++;
}

int cairn_read_ring_submit(cairn_read_ring *ring, unsigned count) {
    // Without memory for them, reads are tried again for a while.
    int attempts = 10000;
    for (;;) {
        unsigned ended = __atomic_load_n(ring->completion_tail, __ATOMIC_ACQUIRE) - *ring->completion_head;
        if (ring->queued == 0 && ended >= count) return 0;
        long taken = syscall(__NR_io_uring_enter, ring->descriptor, ring->queued, count, IORING_ENTER_GETEVENTS, NULL,
                             0);
        if (taken >= 0) {
            ring->queued -= (unsigned)taken;
        } else if (errno == EAGAIN || errno == EBUSY) {
            if (--attempts == 0) return errno;
            sched_yield();
        } else if (errno != EINTR) {
            return errno;
        }
    }
}

bool cairn_read_ring_take(cairn_read_ring *ring, uint64_t *tag, int32_t *result) {
    unsigned head = *ring->completion_head;
    if (head == __atomic_load_n(ring->completion_tail, __ATOMIC_ACQUIRE)) return false;
    const struct io_uring_cqe *entry = &ring->cqes[head & ring->completion_mask];
    *tag = entry->user_data;
    *result = entry->res;
    __atomic_store_n(ring->completion_head, head + 1, __ATOMIC_RELEASE);
    return true;
}

#else

cairn_read_ring *cairn_read_ring_open(unsigned depth, int descriptor, void *buffer, size_t length) { return NULL; }
void cairn_read_ring_close(cairn_read_ring *ring) {}
void cairn_read_ring_add(cairn_read_ring *ring, void *target, uint32_t length, uint64_t offset, uint64_t tag) {}
int cairn_read_ring_submit(cairn_read_ring *ring, unsigned count) { return 0; }
bool cairn_read_ring_take(cairn_read_ring *ring, uint64_t *tag, int32_t *result) { return false; }

#endif
