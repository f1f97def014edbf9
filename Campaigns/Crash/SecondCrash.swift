import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// A crash while the store is recovered from an earlier one, or soon after: the recovery is recorded, with a few changes after
/// it, and states of that are checked too.
struct SecondCrash {
    private let disk: DiskState
    private let state: StateDirectory
    private let first: Oracle
    private let dimensions: Int

    init(_ disk: DiskState, _ state: StateDirectory, _ first: Oracle, dimensions: Int) {
        self.disk = disk
        self.state = state
        self.first = first
        self.dimensions = dimensions
    }

    /// What is wrong with the states after a second crash; nil if nothing is. `isNew` says whether a state was not seen before.
    func problem(_ random: inout CrashGenerator, isNew: (UInt64) -> Bool) throws -> String? {
        let recorder = RecordingSystem(root: state.path, trace: Trace(base: disk))
        var history = History(), mark = Mark()
        do {
            let store = try CampaignAccess.open(
                at: state.path.appending(Workload.storeName), forWriting: true, options: Workload.options,
                calls: recorder.calls)
            // What was recovered must not get lost again.
            history.contents.append(try content(store))
            history.settings.append(try History.Setting(store))
            mark.durable = 0
            recorder.trace.mark(mark.value)
            let codes = try store.configuration.quantization
            if codes != .none && random.below(2) == 0 { try store.setQuantization(codes) }
            let labels: [Label] = [.max - 1, .max - 2]
            for label in labels where random.below(2) == 0 {
                mark.begun += 1
                recorder.trace.mark(mark.value)
                try store.add([Float](repeating: Float(label % 8 + 1), count: dimensions), labels: [label])
                history.contents.append(try content(store))
                mark.durable += 1
                recorder.trace.mark(mark.value)
            }
            try store.close()
        } catch {
            return first.allows(error) ? nil : "the recovery failed: \(error)"
        }
        var cursor = CrashCursor(recorder.trace)
        guard cursor.end > 0 else { return nil }
        for _ in 0..<4 {
            let next = cursor.position + 1 + random.below(max(1, cursor.end / 3))
            if next > cursor.end { break }
            cursor.advance(to: next)
            let second = cursor.state(using: &random)
            if !isNew(second.digest) { continue }
            try state.write(second)
            let oracle = cursor.lastMark.map { Oracle(history, Mark($0), dimensions: dimensions) } ?? first
            if let problem = oracle.problem(state.path, checksReader: random.below(4) == 0) {
                return "crashed again at \(next) of \(cursor.end): " + problem
            }
        }
        return nil
    }

    private func content(_ store: VectorStore) throws -> UInt64 {
        let report = try store.verify()
        guard report.isSound, let content = report.contentChecksum else {
            throw StoreProblem(problems: report.problems, batch: 0)
        }
        return content
    }
}
