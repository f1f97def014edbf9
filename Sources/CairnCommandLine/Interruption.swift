import MappedStorage
import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What happens at SIGINT, SIGTERM and SIGHUP: a thread waits for them, removes what the program is making and has not
/// finished, says so, and ends the program by the signal, so that shells see it. A command that works in steps may
/// finish the one it is at.
enum Interruption {
    private struct State {
        /// Whether the program looks at `isRequested` between two steps.
        var isInSteps = false
        /// The signal that asked for an end meanwhile.
        var requested: Int32?
        /// What was done so far; a clause.
        var progress: String?
    }

    private static let state = Guarded(State())

    /// Call it before there are other threads: they must not get the signals. One that is ignored, as under nohup,
    /// stays so. `isAtomic`: whether the command writes everything at its end or nothing.
    static func watch(isAtomic: Bool) {
        if isAtomic { state.withLock { $0.progress = "nothing was written" } }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) { unsafe sigaddset(&signals, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let isWatching = startThread { [signals] in
            while true {
                var signals = signals, number: Int32 = 0
                while unsafe sigwait(&signals, &number) != 0 {}
                if !request(number) { end(by: number, isAtomic: isAtomic) }
            }
        }
        // Without the thread nobody would take them.
        if !isWatching { unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
    }

    /// Runs `body`, which works in steps: the first signal only sets `isRequested`, at which `body` is to return after
    /// the step it is at. The next one ends the program.
    static func inSteps<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.isInSteps = true }
        defer { state.withLock { $0.isInSteps = false } }
        return try body()
    }

    /// Whether a signal asked for an end.
    static var isRequested: Bool { state.withLock { $0.requested != nil } }

    /// Says what was done so far, for the line that the program ends with; a clause.
    static func note(_ progress: String) { state.withLock { $0.progress = progress } }

    /// Ends the program if a signal asked for it.
    static func endIfRequested() {
        if let number = state.withLock({ $0.requested }) { end(by: number, isAtomic: false) }
    }

    /// Whether the program goes on to the end of its step.
    private static func request(_ number: Int32) -> Bool {
        let isTaken = state.withLock { state in
            guard state.isInSteps, state.requested == nil else { return false }
            state.requested = number
            return true
        }
        if isTaken && isatty(STDERR_FILENO) == 1 {
            write("\r\u{1B}[Kcairn: stopping when this batch is done; interrupt again to end at once\n")
        }
        return isTaken
    }

    private static func end(by number: Int32, isAtomic: Bool) -> Never {
        let hasPublished = UnfinishedFiles.removeAll()
        let progress = state.withLock { $0.progress }.flatMap { isAtomic && hasPublished ? nil : "; \($0)" } ?? ""
        // Over what is left of a line of progress.
        write((isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : "") + "cairn: interrupted\(progress)\n")
        signal(number, SIG_DFL)
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, number)
        unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        kill(getpid(), number)
        while true { pause() }
    }

    private static func write(_ line: String) { _ = try? FileDescriptor.standardError.writeAll(line.utf8) }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        #if canImport(Glibc)
        let handler = unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        #else
        let handler = unsafe unsafeBitCast(action.__sigaction_u.__sa_handler, to: Int.self)
        #endif
        return unsafe handler == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
