import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A line on the terminal that says what the program is doing, and for how long already, where it cannot be told how
/// far it is: `quantizing and measuring, 12 s`. It comes after a second.
final class WaitingLine: Sendable {
    private struct State {
        var isDrawn = false
        var isOver = false
    }

    private let state = Guarded(State())

    /// Nil unless somebody watches standard error.
    init?(_ work: String, quiet: Bool) {
        guard !quiet, isatty(STDERR_FILENO) == 1 else { return nil }
        let start = ContinuousClock.now
        _ = startThread { [weak self] in
            while true {
                usleep(100_000)
                guard let self else { return }
                let seconds = Int((ContinuousClock.now - start).seconds)
                guard self.draw(seconds < 1 ? nil : "\(work), \(seconds) s") else { return }
            }
        }
    }

    /// Removes the line.
    func finish() {
        state.withLock { state in
            if state.isDrawn { Self.write("\r\u{1B}[K") }
            state = State(isOver: true)
        }
    }

    /// Whether it is still waited for.
    private func draw(_ line: String?) -> Bool {
        state.withLock { state in
            if let line, !state.isOver {
                Self.write("\r\u{1B}[K\(line)")
                state.isDrawn = true
            }
            return !state.isOver
        }
    }

    private static func write(_ text: String) { _ = try? FileDescriptor.standardError.writeAll(text.utf8) }
}
