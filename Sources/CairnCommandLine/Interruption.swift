import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What happens at SIGINT, SIGTERM and SIGHUP: a thread waits for them, removes what the program is making and has not finished,
/// says so, and ends the program by the signal, so that shells see it.
enum Interruption {
    /// Call it before there are other threads: they must not get the signals. One that is ignored, as under nohup, stays so.
    /// `isAtomic`: whether the command writes everything at its end or nothing.
    static func watch(isAtomic: Bool) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) { unsafe sigaddset(&signals, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let thread = Thread(signals: signals, isAtomic: isAtomic)
        #if canImport(Glibc)
        var handle = pthread_t()
        #else
        var handle: pthread_t?
        #endif
        let context = unsafe Unmanaged.passRetained(thread).toOpaque()
        let result = unsafe pthread_create(
            &handle, nil,
            { context in
                #if canImport(Glibc)
                let context = unsafe context!
                #endif
                unsafe Unmanaged<Thread>.fromOpaque(context).takeRetainedValue().run()
            }, context)
        // Without the thread nobody would take them.
        if result != 0 { unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
    }

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

/// The thread that waits.
private final class Thread {
    private var signals: sigset_t
    private let isAtomic: Bool

    init(signals: sigset_t, isAtomic: Bool) {
        self.signals = signals
        self.isAtomic = isAtomic
    }

    func run() -> Never {
        var number: Int32 = 0
        while unsafe sigwait(&signals, &number) != 0 {}
        let hasPublished = UnfinishedFiles.removeAll()
        let line = "cairn: interrupted" + (isAtomic && !hasPublished ? "; nothing was written\n" : "\n")
        // Over what is left of a line of progress.
        let start = isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K" : ""
        _ = try? FileDescriptor.standardError.writeAll((start + line).utf8)
        signal(number, SIG_DFL)
        var signals = self.signals
        unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        kill(getpid(), number)
        while true { pause() }
    }
}
