import Cairn
import CrashStates
import HNSW
import MappedStorage
import SystemPackage

/// A store that is not sound although nothing crashed.
struct StoreProblem: Error {
    let problems: [String]
    let batch: Int
}

/// A small store under changes of every kind, recorded: what it did to the disk, and the state after each batch.
struct Workload {
    let trace: Trace
    /// The state of level 0 after each batch, by its number; the first is that of the empty store.
    let states: [UInt64]
    static let storeName = "store"

    /// A mark: batches begun, and the last one that was acknowledged as durable; -1 while the store itself is not.
    struct Mark {
        let begun: Int
        let durable: Int

        init(begun: Int, durable: Int) {
            self.begun = begun
            self.durable = durable
        }

        init(_ value: Int) { self.init(begun: value >> 32, durable: value & 0xffff_ffff - 1) }

        var value: Int { begun << 32 | (durable + 1) }
    }

    static func configuration(_ seed: UInt64) -> VectorStore.Configuration {
        var random = CrashGenerator(seed: seed &* 77)
        let metrics: [Metric] = [.l2, .cosine, .innerProduct], scalars: [Scalar] = [.float32, .uint8, .float16]
        return VectorStore.Configuration(
            dimensions: [3, 16, 90][random.below(3)], metric: metrics[random.below(3)], scalar: scalars[random.below(3)],
            connectivity: 2 + random.below(3), constructionWidth: 8, seed: seed)
    }

    /// Runs `count` changes with `seed` on a store below `root`, an empty directory.
    init(seed: UInt64, count: Int, root: FilePath) throws {
        var run = Run(seed: seed, root: root)
        try run.perform(count)
        trace = run.recorder.trace
        states = run.states
    }

    /// The workload while it runs.
    private struct Run {
        private(set) var recorder: RecordingSystem
        let path: FilePath
        let configuration: VectorStore.Configuration
        var random: CrashGenerator
        var states: [UInt64] = []
        var durable = -1
        var live: [Label] = []
        var marked: [Label] = []
        var nextLabel: Label = 0
        var options: VectorStore.OpenOptions

        init(seed: UInt64, root: FilePath) {
            recorder = RecordingSystem(root: root)
            path = root.appending(Workload.storeName)
            configuration = Workload.configuration(seed)
            random = CrashGenerator(seed: seed)
            options = .init(access: .readWrite, logBytes: 1 << 20, threads: 1)
            options.logBytes = [3000, 20_000, 1 << 20][random.below(3)]
            options.durability = [.full, .full, .none][random.below(3)]
        }

        mutating func perform(_ count: Int) throws {
            var store: VectorStore
            if random.below(3) == 0 {
                // What a build makes has links of its own.
                let rows = 1 + random.below(300)
                try VectorStore.build(
                    at: path, configuration, vectors: vectors(rows), labels: labels(rows), options: .init(threads: 1))
                store = try recordExisting()
            } else {
                store = try VectorStore.create(at: path, configuration, options: options, calls: recorder.calls)
                states.append(try content(store))
            }
            acknowledge(isDurable: true)
            for _ in 0..<count {
                switch random.below(24) {
                case 0:
                    try store.checkpoint()
                    acknowledge(isDurable: true)
                case 1:
                    try store.synchronize()
                    acknowledge(isDurable: true)
                case 2:
                    try store.close()
                    acknowledge(isDurable: true)
                    store = try open()
                case 3:
                    try store.setSearchWidth(1 + random.below(100))
                default:
                    let batch = self.batch()
                    if batch.isEmpty { continue }
                    begin()
                    try store.write(batch)
                    states.append(try content(store))
                    acknowledge(isDurable: options.durability == .full)
                }
            }
            try store.close()
            acknowledge(isDurable: true)
        }

        /// The state of a store that is sound.
        private func content(_ store: VectorStore) throws -> UInt64 {
            let report = try store.verify()
            guard report.isSound, let content = report.content else {
                throw StoreProblem(problems: report.problems, batch: states.count)
            }
            return content
        }

        private func open() throws -> VectorStore {
            try VectorStore.open(at: path, options: options, calls: recorder.calls)
        }

        /// Builds are recorded by other tests; here the finished store is where the recording begins.
        private mutating func recordExisting() throws -> VectorStore {
            let base = try DiskState(reading: recorder.root)
            let fresh = RecordingSystem(root: recorder.root, trace: Trace(base: base))
            self = Run(self, fresh)
            let store = try open()
            states.append(try content(store))
            return store
        }

        private init(_ run: Run, _ recorder: RecordingSystem) {
            self = run
            self.recorder = recorder
        }

        private func begin() { recorder.trace.mark(Mark(begun: states.count, durable: durable).value) }

        private mutating func acknowledge(isDurable: Bool) {
            if isDurable { durable = states.count - 1 }
            recorder.trace.mark(Mark(begun: states.count - 1, durable: durable).value)
        }

        private mutating func labels(_ count: Int) -> [Label] {
            let labels = (0..<count).map { nextLabel + Label($0) * 3 }
            nextLabel += Label(count) * 3
            live += labels
            return labels
        }

        private mutating func vectors(_ count: Int) -> [Float] {
            (0..<count * configuration.dimensions).map { _ in Float(1 + random.below(40)) }
        }

        private mutating func batch() -> WriteBatch {
            var batch = WriteBatch()
            let count = [1, 1, 2, 5, 12][random.below(5)]
            for _ in 0..<count {
                switch random.below(10) {
                case 0...3: batch.add(vectors(1), label: labels(1)[0])
                case 4, 5:
                    if live.isEmpty { continue }
                    batch.update(vectors(1), label: live[random.below(live.count)])
                case 6:
                    if live.isEmpty { continue }
                    let label = live.remove(at: random.below(live.count))
                    batch.mark(label)
                    marked.append(label)
                case 7:
                    if marked.isEmpty { continue }
                    let label = marked.remove(at: random.below(marked.count))
                    batch.unmark(label)
                    live.append(label)
                case 8:
                    if marked.isEmpty || random.below(2) == 0 {
                        if live.isEmpty { continue }
                        batch.erase(live.remove(at: random.below(live.count)))
                    } else {
                        batch.erase(marked.remove(at: random.below(marked.count)))
                    }
                default:
                    if live.count > 3 && random.below(2) == 0 {
                        for _ in 0..<min(3, live.count) { batch.erase(live.remove(at: random.below(live.count))) }
                    } else {
                        batch.upsert(vectors(1), label: labels(1)[0])
                    }
                }
            }
            return batch
        }
    }
}
