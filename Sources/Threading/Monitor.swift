#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A mutex and a condition: threads change what it guards under the one and wait for changes on the other.
/// ThreadSanitizer knows both, unlike `Synchronization.Mutex`.
@safe
package final class Monitor: @unchecked Sendable {
    // Sendable because both pointers are immutable after init, and what they point to is made to be used by all
    // threads.

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        unsafe pthread_mutex_init(mutex, nil)
        #if canImport(Darwin)
        unsafe pthread_cond_init(changed, nil)
        #else
        // A clock that is set back must not make a pause longer.
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(changed, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        #endif
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(changed)
        unsafe mutex.deallocate()
        unsafe changed.deallocate()
    }

    /// Runs `body` alone.
    package func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Within `locked`: lets others in while `body` runs.
    package func unlocked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_unlock(mutex)
        defer { unsafe pthread_mutex_lock(mutex) }
        return body()
    }

    /// Within `locked`: wakes everybody who waits.
    package func wakeAll() { unsafe pthread_cond_broadcast(changed) }

    /// Within `locked`: lets others in until somebody wakes this thread, or for no reason.
    package func wait() { unsafe pthread_cond_wait(changed, mutex) }

    /// Within `locked`: waits until `isOver` holds, which is asked whenever somebody wakes this thread, or the pause
    /// has passed.
    package func wait(milliseconds: Int, until isOver: () -> Bool) {
        #if canImport(Darwin)
        var pause = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        while !isOver() {
            if unsafe pthread_cond_timedwait_relative_np(changed, mutex, &pause) == ETIMEDOUT { return }
        }
        #else
        var end = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        end.tv_nsec += milliseconds % 1000 * 1_000_000
        end.tv_sec += milliseconds / 1000 + end.tv_nsec / 1_000_000_000
        end.tv_nsec %= 1_000_000_000
        while !isOver() {
            if unsafe pthread_cond_timedwait(changed, mutex, &end) == ETIMEDOUT { return }
        }
        #endif
    }
}
