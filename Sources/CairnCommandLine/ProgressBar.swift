import Synchronization
import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A line on the terminal that says how far a build is: `42% [########............] 421000/1000000 5094/s 1:54 left`.
final class ProgressBar: Sendable {
    private struct State {
        var drawn = ContinuousClock.now
        var width = 0
    }

    private let start = ContinuousClock.now
    private let state = Mutex(State())
    private static let interval = Duration.milliseconds(100)
    private static let cells = 20

    /// Nil unless somebody watches standard error.
    init?(quiet: Bool) {
        guard !quiet, isatty(STDERR_FILENO) == 1 else { return nil }
    }

    /// Shows that `done` of `total` rows are done; at most ten times a second. Threads: any.
    func update(_ done: Int, of total: Int) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard state.width == 0 || now - state.drawn >= Self.interval else { return }
            state.drawn = now
            let line = Self.line(done, total, seconds: (now - start).seconds)
            // What is left of a longer line before is blotted out.
            Self.write("\r" + line + String(repeating: " ", count: max(0, state.width - line.count)))
            state.width = line.count
        }
    }

    /// Removes the line.
    func finish() {
        state.withLock { state in
            Self.write("\r" + String(repeating: " ", count: state.width) + "\r")
            state.width = 0
        }
    }

    private static func line(_ done: Int, _ total: Int, seconds: Double) -> String {
        let share = total == 0 ? 1 : Double(done) / Double(total)
        let filled = Int(share * Double(cells))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: cells - filled)
        var line = "\(Int(share * 100))% [\(bar)] \(done)/\(total)"
        if done > 0 && seconds > 0 {
            let rate = Double(done) / seconds
            line += " \(fixed(rate, decimals: 0))/s \(clock(Double(total - done) / rate)) left"
        }
        return line
    }

    private static func clock(_ seconds: Double) -> String {
        let seconds = Int(min(seconds, 1e9).rounded(.up))
        let hours = seconds / 3600, minutes = seconds / 60 % 60
        let tail = (seconds % 60 < 10 ? "0" : "") + "\(seconds % 60)"
        return hours > 0 ? "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)" : "\(minutes):\(tail)"
    }

    private static func write(_ text: String) {
        _ = try? FileDescriptor.standardError.writeAll(text.utf8)
    }
}
