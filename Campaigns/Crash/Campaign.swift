import Cairn
import CrashStates
import HNSW
import MappedStorage
import SystemPackage
import Threading

/// Distinct crash states of many workloads, each checked; on several threads.
final class Campaign: Sendable {
    /// States of one workload: enough that every position of most traces gets one, few enough for many workloads.
    static let statesPerWorkload = 1000

    private let goal: Int
    private let stopsAtFirst: Bool
    private let root: FilePath
    private let tally: Guarded<Tally>

    private struct Tally {
        var seen: Set<UInt64> = []
        var doubles = 0
        var workloads = 0
        var violations: [Violation] = []
        var nextSeed: UInt64
    }

    /// A broken promise, and the seed of the workload that shows it.
    struct Violation {
        let seed: UInt64
        let problem: String
    }

    init(states: Int, seed: UInt64, stopsAtFirst: Bool, root: FilePath) {
        goal = states
        self.stopsAtFirst = stopsAtFirst
        self.root = root
        tally = Guarded(Tally(nextSeed: seed))
    }

    var result: (states: Int, doubles: Int, workloads: Int, violations: [Violation]) {
        tally.withLock { ($0.seen.count, $0.doubles, $0.workloads, $0.violations) }
    }

    func run(threads: Int, progress: @escaping @Sendable (Int) -> Void) {
        WorkerTeam(threads).run { [self] thread in
            while !isDone {
                let seed = tally.withLock { tally in
                    defer { tally.nextSeed += 1 }
                    return tally.nextSeed
                }
                do {
                    try explore(seed: seed, thread: thread)
                } catch {
                    report("the workload itself failed: \(error)", seed)
                }
                if thread == 0 { progress(tally.withLock { $0.seen.count }) }
            }
        }
    }

    private var isDone: Bool {
        tally.withLock { $0.seen.count >= goal || ($0.violations.count >= (stopsAtFirst ? 1 : 20)) }
    }

    /// The states of one workload, spread over the whole of it.
    private func explore(seed: UInt64, thread: Int) throws {
        let work = root.appending("work\(thread)"), place = root.appending("state\(thread)")
        try StateDirectory(work).write(DiskState(), fresh: true)
        let workload = try Workload(seed: seed, root: work)
        tally.withLock { $0.workloads += 1 }
        var random = CrashGenerator(seed: seed &* 0x9E37_79B9 &+ 1)
        var cursor = CrashCursor(workload.trace)
        let state = try StateDirectory(place)
        // In proportion to what is uncertain at a position.
        let share = min(4, Double(Self.statesPerWorkload) / Self.weight(of: workload.trace))
        while cursor.position < cursor.end && !isDone {
            cursor.advance(to: cursor.position + 1)
            guard let value = cursor.lastMark else { continue }
            let oracle = Oracle(workload.history, Mark(value), dimensions: workload.dimensions)
            let wanted = Self.weight(cursor) * share
            for _ in 0..<Int(wanted + Double(random.below(1000)) / 1000) where !isDone {
                let disk = cursor.state(using: &random)
                if !isNew(disk.digest) { continue }
                try state.write(disk)
                if random.below(8) == 0 {
                    let again = SecondCrash(disk, state, oracle, dimensions: workload.dimensions)
                    let problem = try again.problem(&random) { [self] digest in
                        let isNew = isNew(digest)
                        if isNew { tally.withLock { $0.doubles += 1 } }
                        return isNew
                    }
                    if let problem { report("position \(cursor.position): \(problem)", seed) }
                } else if let problem = oracle.problem(place, checksReader: random.below(4) == 0) {
                    report("position \(cursor.position): \(problem)", seed)
                }
            }
        }
    }

    private static func weight(_ cursor: CrashCursor) -> Double {
        cursor.endsEpoch ? Double(6 + min(14, cursor.uncertainCount)) : 1
    }

    private static func weight(of trace: Trace) -> Double {
        var cursor = CrashCursor(trace), sum = 1.0
        while cursor.position < cursor.end {
            cursor.advance(to: cursor.position + 1)
            if cursor.lastMark != nil { sum += weight(cursor) }
        }
        return sum
    }

    private func isNew(_ digest: UInt64) -> Bool { tally.withLock { $0.seen.insert(digest).inserted } }

    private func report(_ problem: String, _ seed: UInt64) {
        tally.withLock { $0.violations.append(Violation(seed: seed, problem: problem)) }
    }
}
