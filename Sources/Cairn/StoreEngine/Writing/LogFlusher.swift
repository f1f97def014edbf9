import HNSW
import MappedStorage
import Threading
import WriteAheadLog

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Syncs the log every so often on a thread of its own: what `.interval` promises.
@safe
final class LogFlusher: @unchecked Sendable {
    // Sendable because `log` and `isEnding` are touched only inside `monitor.locked`, and `thread` only by whoever
    // makes it and ends it.

    private let monitor = Monitor()
    private let milliseconds: Int
    private var log: LogWriter?
    private var isEnding = false
    private var thread: Thread?
    private let process = getpid()

    /// `failed` is called, once, when a sync fails; then no more are made.
    init?(milliseconds: Int, failed: @escaping @Sendable (StorageError) -> Void) {
        // Half of it may pass before a sync begins.
        self.milliseconds = max(1, milliseconds / 2)
        // It may begin when this object is ending already, which waits for it.
        thread = Thread { [unowned(unsafe) self] in unsafe run(failed) }
        if thread == nil { return nil }
    }

    deinit { end() }

    /// From now on this log is synced.
    func flush(_ log: LogWriter) {
        monitor.locked { self.log = log }
    }

    /// Ends the thread; a process that was forked off has none.
    func end() {
        guard getpid() == process, thread != nil else { return }
        monitor.locked {
            isEnding = true
            monitor.wakeAll()
        }
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
        monitor.locked {
            monitor.wait(milliseconds: milliseconds) { isEnding }
            return isEnding ? nil : .some(log)
        }
    }
}

extension Duration {
    /// Whole milliseconds, from one to those of a day.
    var milliseconds: Int {
        let day: Duration = .seconds(86_400), duration = min(max(self, .milliseconds(1)), day)
        let (seconds, attoseconds) = duration.components
        return Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
