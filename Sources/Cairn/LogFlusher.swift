import HNSW
import MappedStorage
import WriteAheadLog

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Syncs the log every so often on a thread of its own: what `.interval` promises.
@safe
final class LogFlusher: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let milliseconds: Int
    private var log: LogWriter?
    private var isEnding = false
    private var thread: Thread?
    private let process = getpid()

    /// `failed` is called, once, when a sync fails; then no more are made.
    init?(milliseconds: Int, failed: @escaping @Sendable (StorageError) -> Void) {
        // Half of it may pass before a sync begins.
        self.milliseconds = max(1, milliseconds / 2)
        unsafe pthread_mutex_init(mutex, nil)
        #if canImport(Darwin)
        unsafe pthread_cond_init(changed, nil)
        #else
        // A clock that is set back must not put the next sync off.
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(changed, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        #endif
        thread = Thread { [unowned self] in run(failed) }
        if thread == nil { return nil }
    }

    deinit {
        end()
        unsafe pthread_mutex_destroy(mutex)
        unsafe pthread_cond_destroy(changed)
        unsafe mutex.deallocate()
        unsafe changed.deallocate()
    }

    /// From now on this log is synced.
    func flush(_ log: LogWriter) {
        unsafe pthread_mutex_lock(mutex)
        self.log = log
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Ends the thread; a process that was forked off has none.
    func end() {
        guard getpid() == process, thread != nil else { return }
        unsafe pthread_mutex_lock(mutex)
        isEnding = true
        unsafe pthread_cond_signal(changed)
        unsafe pthread_mutex_unlock(mutex)
        thread?.join()
        thread = nil
    }

    private func run(_ failed: (StorageError) -> Void) {
        while let log = next() {
            guard let log = log, log.lastFrame > log.durableFrame else { continue }
            do throws(StorageError) {
                try log.synchronize()
            } catch {
                return failed(error)
            }
        }
    }

    /// The log to sync after a pause; nil when the thread is to end.
    private func next() -> LogWriter?? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        #if canImport(Darwin)
        var pause = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        while !isEnding {
            if unsafe pthread_cond_timedwait_relative_np(changed, mutex, &pause) == ETIMEDOUT { break }
        }
        #else
        var until = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &until)
        until.tv_nsec += milliseconds % 1000 * 1_000_000
        until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1_000_000_000
        until.tv_nsec %= 1_000_000_000
        while !isEnding {
            if unsafe pthread_cond_timedwait(changed, mutex, &until) == ETIMEDOUT { break }
        }
        #endif
        return isEnding ? nil : .some(log)
    }
}
