// Prints how many random reads of 4 KiB a second a file's disk does, past the page cache, with so many under way at a time.
// Usage: random_reads FILE DEPTH
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

int main(int count, char **words) {
    if (count != 3) return fprintf(stderr, "usage: random_reads FILE DEPTH\n"), 64;
    enum { page = 4096 };
    int depth = atoi(words[2]), file = open(words[1], O_RDONLY | O_DIRECT);
    if (file < 0) fail(words[1]);
    uint64_t pages = (uint64_t)lseek(file, 0, SEEK_END) / page;
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    int ring = (int)syscall(__NR_io_uring_setup, depth, &params);
    if (ring < 0) fail("io_uring_setup");
    char *submissions = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                             IORING_OFF_SQ_RING);
    char *completions = mmap(NULL, params.cq_off.cqes + params.cq_entries * 16, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                             IORING_OFF_CQ_RING);
    struct io_uring_sqe *entries = mmap(NULL, params.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                                        IORING_OFF_SQES);
    char *memory = aligned_alloc(page, (size_t)depth * page);
    unsigned *tail = (unsigned *)(submissions + params.sq_off.tail), *order = (unsigned *)(submissions + params.sq_off.array);
    unsigned mask = *(unsigned *)(submissions + params.sq_off.ring_mask);
    unsigned *head = (unsigned *)(completions + params.cq_off.head), *end = (unsigned *)(completions + params.cq_off.tail);
    uint64_t random = 88172645463325252u;
    long done = 0;
    int under_way = 0;
    double start = now(), time = start;
    while ((time = now()) - start < 2) {
        int added = depth - under_way;
        for (int index = 0; index < added; index++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            unsigned place = *tail & mask;
            struct io_uring_sqe *entry = &entries[place];
            memset(entry, 0, sizeof *entry);
            entry->opcode = IORING_OP_READ;
            entry->fd = file;
            entry->addr = (uint64_t)(memory + (size_t)(*tail % (unsigned)depth) * page);
            entry->len = page;
            entry->off = random % pages * page;
            order[place] = place;
            __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        }
        if (syscall(__NR_io_uring_enter, ring, added, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) fail("io_uring_enter");
        under_way += added;
        unsigned ended = __atomic_load_n(end, __ATOMIC_ACQUIRE) - *head;
        done += ended;
        under_way -= (int)ended;
        __atomic_store_n(head, *head + ended, __ATOMIC_RELEASE);
    }
    printf("%.0f\n", (double)done / (time - start));
    return 0;
}
