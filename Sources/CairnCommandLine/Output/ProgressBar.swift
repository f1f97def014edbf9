import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A line on the terminal that says how far something is: `42% [########............] 421000/1000000 5094/s 1:54 left`.
final class ProgressBar: Sendable {
    /// What is counted.
    enum Unit {
        case rows
        /// Shown as MiB and such.
        case bytes
        /// Of different kinds, which tell nobody anything: only their share is shown.
        case steps
    }

    private struct State {
        var drawn = ContinuousClock.now
        var width = 0
    }

    private let unit: Unit
    private let delay: Duration

    private let start = ContinuousClock.now
    private let state = Guarded(State())
    private static let interval = Duration.milliseconds(100)
    private static let cells = 20

    /// Nil unless somebody watches standard error. `delay`: nothing is shown before that, for what is mostly over by
    /// then.
    init?(quiet: Bool, unit: Unit = .rows, delay: Duration = .zero) {
        guard !quiet, isatty(STDERR_FILENO) == 1 else { return nil }
        self.unit = unit
        self.delay = delay
    }

    /// Shows that `done` of `total` are done; at most ten times a second. Threads: any.
    func update(_ done: Int, of total: Int) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - start >= delay, state.width == 0 || now - state.drawn >= Self.interval else { return }
            state.drawn = now
            let line = line(done, total, seconds: (now - start).seconds)
            // What is left of a longer line before is blotted out.
            Self.write("\r" + line + String(repeating: " ", count: max(0, state.width - line.count)))
            state.width = line.count
        }
    }

    /// Removes the line.
    func finish() {
        state.withLock { state in
            guard state.width > 0 else { return }
            Self.write("\r" + String(repeating: " ", count: state.width) + "\r")
            state.width = 0
        }
    }

    private func line(_ done: Int, _ total: Int, seconds: Double) -> String {
        let share = total == 0 ? 1 : Double(done) / Double(total)
        let filled = Int(share * Double(Self.cells))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.cells - filled)
        let percent = "\(Int(share * 100))% [\(bar)]"
        let rate = done > 0 && seconds > 0 ? Double(done) / seconds : nil
        let left = rate.map { " \(Self.clock(Double(total - done) / $0)) left" } ?? ""
        switch unit {
        case .rows: return "\(percent) \(done)/\(total)" + (rate.map { " \(fixed($0, decimals: 0))/s" } ?? "") + left
        case .bytes:
            return "\(percent) \(readableBytes(done))/\(readableBytes(total))"
                + (rate.map { " \(readableBytes(Int($0)))/s" } ?? "") + left
        case .steps: return percent + left
        }
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
