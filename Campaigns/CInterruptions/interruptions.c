// Definitions in the program take the place of the C library's, for the program and for the libraries that it loads.
#define _GNU_SOURCE
#include "interruptions.h"

#ifdef __linux__
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

static long chosen, count;
static int sticky;
static const char *interrupted;

void cairn_interrupt(long number, int is_sticky) {
    chosen = number;
    sticky = is_sticky;
    count = 0;
    interrupted = 0;
}

long cairn_interruptible_count(void) { return count; }

const char *cairn_interrupted_call(void) { return interrupted; }

static int is_interrupted(const char *name) {
    count++;
    if (chosen == 0 || !(count == chosen || (sticky && count > chosen))) return 0;
    if (!interrupted) interrupted = name;
    errno = EINTR;
    return 1;
}

int openat(int directory, const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return is_interrupted("open") ? -1 : (int)syscall(SYS_openat, directory, path, flags, mode);
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset) {
    return is_interrupted("pread") ? -1 : syscall(SYS_pread64, descriptor, bytes, length, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return is_interrupted("pwrite") ? -1 : syscall(SYS_pwrite64, descriptor, bytes, length, offset);
}

int fdatasync(int descriptor) { return is_interrupted("synchronize") ? -1 : (int)syscall(SYS_fdatasync, descriptor); }

int flock(int descriptor, int operation) {
    return is_interrupted("lock") ? -1 : (int)syscall(SYS_flock, descriptor, operation);
}

// The C library's returns the error; so does this.
int posix_fallocate(int descriptor, off_t offset, off_t length) {
    if (is_interrupted("allocate")) return EINTR;
    return syscall(SYS_fallocate, descriptor, 0, offset, length) == 0 ? 0 : errno;
}
#else
void cairn_interrupt(long number, int is_sticky) {}
long cairn_interruptible_count(void) { return 0; }
const char *cairn_interrupted_call(void) { return 0; }
#endif
