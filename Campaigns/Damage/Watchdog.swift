import Foundation

/// Ends this process when a case takes too long: by the processor's time, for the machine may be busy, or after many more looks at a
/// process that does nothing, for a case may wait for ever.
final class Watchdog: @unchecked Sendable {
    private let lock = NSLock()
    private var processor = 0.0
    private var looks = 0

    private static let pause = 0.2

    init(seconds: Int) {
        begin()
        let thread = Foundation.Thread { [self] in
            while true {
                // Not the clock: all processes may be stopped for a while.
                Foundation.Thread.sleep(forTimeInterval: Self.pause)
                lock.lock()
                looks += 1
                let isOver =
                    Self.processorTime - processor > Double(seconds)
                    || Double(looks) * Self.pause > Double(30 * seconds)
                lock.unlock()
                if isOver { kill(getpid(), SIGALRM) }
            }
        }
        thread.start()
    }

    /// A case begins.
    func begin() {
        lock.lock()
        processor = Self.processorTime
        looks = 0
        lock.unlock()
    }

    private static var processorTime: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
