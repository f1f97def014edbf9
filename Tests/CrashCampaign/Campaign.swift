import Cairn
import CrashStates
import HNSW
import MappedStorage
import Synchronization
import SystemPackage

/// Distinct crash states of many workloads, each checked; on several threads.
final class Campaign: Sendable {
    private let goal: Int
    private let seed: UInt64
    private let stopsAtFirst: Bool
    private let root: FilePath
    private struct Tally {
        var seen: Set<UInt64> = []
        var doubles = 0
        var workloads = 0
        var violations: [String] = []
        var nextSeed: UInt64
    }
    private let tally: Guarded<Tally>
    /// States of one workload.
    private static let statesPerWorkload = 2500

    init(states: Int, seed: UInt64, stopsAtFirst: Bool, root: FilePath) {
        goal = states
        self.seed = seed
        self.stopsAtFirst = stopsAtFirst
        self.root = root
        tally = Guarded(Tally(nextSeed: seed))
    }

    var result: (states: Int, doubles: Int, workloads: Int, violations: [String]) {
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
                    tally.withLock { $0.violations.append("seed \(seed): the workload itself failed: \(error)") }
                }
                if thread == 0 { progress(tally.withLock { $0.seen.count }) }
            }
        }
    }

    private var isDone: Bool {
        tally.withLock { $0.seen.count >= goal || ($0.violations.count >= (stopsAtFirst ? 1 : 20)) }
    }

    private func explore(seed: UInt64, thread: Int) throws {
        let work = root.appending("work\(thread)"), place = root.appending("state\(thread)")
        let directory = try StateDirectory(work)
        try directory.write(DiskState(), fresh: true)
        let workload = try Workload(seed: seed, count: 40, root: work)
        tally.withLock { $0.workloads += 1 }
        var random = CrashGenerator(seed: seed &* 0x9E37_79B9 &+ 1)
        var cursor = CrashCursor(workload.trace)
        let state = try StateDirectory(place)
        var done = 0
        while cursor.position < cursor.end && !isDone {
            cursor.advance(to: cursor.position + 1)
            guard let value = cursor.lastMark else { continue }
            // The states at each position in proportion to what is uncertain there.
            let share = min(40, 2 + cursor.uncertainCount)
            for _ in 0..<share where done < Self.statesPerWorkload && !isDone {
                let disk = cursor.state(using: &random)
                if !isNew(disk.digest) { continue }
                done += 1
                try state.write(disk)
                let mark = Workload.Mark(value)
                let oracle = Oracle(workload, mark, Workload.configuration(seed))
                if random.below(8) == 0 {
                    try crashAgain(disk, state, oracle, &random, seed: seed, position: cursor.position)
                } else if let problem = oracle.problem(place, checksReader: random.below(4) == 0) {
                    report(problem, seed, cursor.position)
                }
            }
        }
    }

    /// Opens the store, which recovers, and crashes in the middle of that.
    private func crashAgain(
        _ disk: DiskState, _ state: StateDirectory, _ oracle: Oracle, _ random: inout CrashGenerator, seed: UInt64,
        position: Int
    ) throws {
        let recorder = RecordingSystem(root: state.path, trace: Trace(base: disk))
        do {
            let store = try VectorStore.open(
                at: state.path.appending(Workload.storeName), options: .init(access: .readWrite, threads: 1),
                calls: recorder.calls)
            try store.close()
        } catch {
            if oracle.mark.durable < 0 && (error.code == .notFound || error.code == .notAStore) { return }
            return report("the recovery failed: \(error)", seed, position)
        }
        var cursor = CrashCursor(recorder.trace)
        guard cursor.end > 0 else { return }
        for _ in 0..<4 {
            let next = cursor.position + 1 + random.below(max(1, cursor.end / 3))
            if next > cursor.end { break }
            cursor.advance(to: next)
            let second = cursor.state(using: &random)
            if !isNew(second.digest) { continue }
            tally.withLock { $0.doubles += 1 }
            try state.write(second)
            if let problem = oracle.problem(state.path, checksReader: random.below(4) == 0) {
                return report("crashed again at \(next) of \(cursor.end): " + problem, seed, position)
            }
        }
    }

    private func isNew(_ digest: UInt64) -> Bool { tally.withLock { $0.seen.insert(digest).inserted } }

    private func report(_ problem: String, _ seed: UInt64, _ position: Int) {
        tally.withLock { $0.violations.append("seed \(seed), position \(position): \(problem)") }
    }
}
