import Cairn
import CrashStates
import HNSW
import MappedStorage
import SystemPackage

typealias Label = VectorStore.Label

/// A store that is not sound although nothing crashed.
struct StoreProblem: Error {
    let problems: [String]
    let batch: Int
}

/// What a store may be in after a crash: contents after batches, and settings, each by number in the order they came.
struct History: Sendable {
    /// The contents of level 0 after each batch; the first is that of the store as it was made.
    var contents: [UInt64] = []
    var settings: [Setting] = []

    /// What the header keeps beside the contents.
    struct Setting: Sendable, Hashable {
        var width: Int
        var codes: VectorStore.Quantization

        init(_ store: VectorStore) throws {
            let configuration = try store.configuration
            (width, codes) = (configuration.ef, configuration.quantization)
        }
    }
}

/// A place in a history, as the mark of a trace: what had been begun, and what was acknowledged as durable. Before the store
/// itself is, its batch is -1.
struct Mark {
    var begun = 0
    var durable = -1
    var settingBegun = 0
    var settingDurable = 0

    init() {}

    init(_ value: Int) {
        begun = value & 0xffff
        durable = value >> 16 & 0xffff - 1
        settingBegun = value >> 32 & 0xffff
        settingDurable = value >> 48
    }

    var value: Int { begun | (durable + 1) << 16 | settingBegun << 32 | settingDurable << 48 }
}

/// A small store under changes of every kind, recorded: what it did to the disk, and what it was after each of them.
struct Workload {
    let trace: Trace
    let history: History
    let dimensions: Int
    static let storeName = "store"
    /// So many vectors are enough for codes here, and four times as many for other ones: the stores are small.
    static let leastCodedCount = 8

    static let options = CampaignAccess.options(
        VectorStore.OpenOptions(threads: 1), quantizingFrom: leastCodedCount)

    /// Runs the workload of `seed` on a store below `root`, an empty directory.
    init(seed: UInt64, root: FilePath) throws {
        var run = Run(Plan(seed: seed), root: root)
        try run.perform()
        trace = run.recorder.trace
        history = run.history
        dimensions = run.plan.configuration.dimensions
    }
}

extension Workload {
    /// What kind of store, and of changes, a seed stands for.
    private struct Plan {
        let configuration: VectorStore.Configuration
        let options: VectorStore.OpenOptions
        /// Rows that the store is built of; nil for one that is created empty.
        let builtRows: Int?
        let changes: Int
        let batchSizes: [Int]
        /// One change in so many is a checkpoint.
        let checkpointPeriod: Int
        /// Codes that the store may be given: none, or the kinds between which it goes to and fro.
        let codes: [VectorStore.Quantization]

        init(seed: UInt64) {
            var random = CrashGenerator(seed: seed &* 77)
            let metrics: [VectorStore.Metric] = [.l2, .cosine, .innerProduct],
                scalars: [VectorStore.Scalar] = [.float32, .uint8, .float16]
            // Many nodes on the upper levels and large batches: the file of the upper layers is written anew now and then,
            // and so are the labels; segments are added.
            let isLarge = seed % 3 == 0
            var configuration = VectorStore.Configuration(
                dimensions: isLarge ? 3 : [3, 16, 90][random.below(3)], metric: metrics[random.below(3)],
                scalar: scalars[random.below(3)], m: isLarge ? 2 : 2 + random.below(3), efConstruction: 8,
                seed: seed)
            var options = Workload.options
            options.logBytes = isLarge ? 1 << 20 : [3000, 20_000, 1 << 20][random.below(3)]
            options.durability = [.full, .full, .none][random.below(3)]
            self.options = options
            builtRows = random.below(3) == 0 ? 1 + random.below(300) : nil
            // Every other workload has codes: from the beginning, or from some change on, and now these and now those.
            let hasCodes = seed % 2 == 1
            codes = hasCodes ? [.none, .scalar4] + (configuration.scalar == .uint8 ? [] : [.scalar8]) : []
            if hasCodes { configuration.quantization = codes[random.below(codes.count)] }
            self.configuration = configuration
            changes = isLarge ? 32 : 40
            batchSizes = isLarge ? [1, 90, 150, 250] : hasCodes ? [1, 3, 8, 20] : [1, 1, 2, 5, 12]
            checkpointPeriod = isLarge ? 3 : hasCodes ? 6 : 20
        }
    }

    /// The workload while it runs.
    private struct Run {
        let plan: Plan
        let path: FilePath
        private(set) var recorder: RecordingSystem
        /// Above the recorder: ends the process. Below it: fails a sync, so that nobody knows what became of what it was for.
        private var process: FaultySystem
        private let disk = FaultySystem()
        private(set) var history = History()
        private var mark = Mark()
        private var random: CrashGenerator
        private var live: [Label] = []
        private var marked: [Label] = []
        private var nextLabel: Label = 0
        /// The labels as they were before the batch that was begun last.
        private var before: (live: [Label], marked: [Label]) = ([], [])

        init(_ plan: Plan, root: FilePath) {
            self.plan = plan
            recorder = RecordingSystem(root: root, over: disk.calls)
            process = FaultySystem(over: recorder.calls)
            path = root.appending(Workload.storeName)
            random = CrashGenerator(seed: plan.configuration.seed)
        }

        mutating func perform() throws {
            var store = try start()
            acknowledge(isDurable: true)
            // An automatic checkpoint may meet a fault without a word; the next change tells.
            var hadFault = false
            for _ in 0..<plan.changes {
                hadFault = hadFault || process.hasFired || disk.hasFired
                if random.below(5) == 0 { armFault() }
                do {
                    try step(&store)
                } catch {
                    guard hadFault || process.hasFired || disk.hasFired else { throw error }
                    store = try recover(store)
                    hadFault = false
                    // Before anything else has made durable what may stand in the cache alone.
                    if !plan.codes.isEmpty && random.below(2) == 0 {
                        try setCodes(plan.codes[random.below(plan.codes.count)], of: store)
                    }
                }
            }
            do {
                try store.close()
            } catch {
                store = try recover(store)
                try store.close()
            }
            acknowledge(isDurable: true)
        }

        private mutating func step(_ store: inout VectorStore) throws {
            if random.below(plan.checkpointPeriod) == 0 {
                try store.checkpoint()
                return acknowledge(isDurable: true)
            }
            switch random.below(20) {
            case 0:
                try store.synchronize()
                acknowledge(isDurable: true)
            case 1:
                try store.close()
                acknowledge(isDurable: true)
                store = try open()
            case 2: try setWidth(1 + random.below(100), of: store)
            case 3 where !plan.codes.isEmpty, 4 where !plan.codes.isEmpty:
                try setCodes(plan.codes[random.below(plan.codes.count)], of: store)
            default: try change(store)
            }
        }

        /// Soon the process is killed, or a sync fails.
        private mutating func armFault() {
            if !plan.codes.isEmpty && random.below(3) == 0 {
                // Before a sync: what was written for it stands in the cache alone when the next process makes codes.
                process.arm(Fault([.synchronize], number: 1 + random.below(10), .error(.ioError), isSticky: true))
            } else if random.below(3) == 0 {
                disk.arm(Fault([.synchronize], number: 1 + random.below(12), .error(.ioError)))
            } else {
                process.arm(
                    Fault(Fault.changingCalls, number: 1 + random.below(60), .error(.ioError), isSticky: true))
            }
        }

        /// Opens the store again after the process was killed or a sync failed, perhaps after further attempts. The cache has
        /// everything that was written, the disk may not: what is found now must survive a power cut from here on.
        private mutating func recover(_ store: VectorStore) throws -> VectorStore {
            try? store.close()
            for _ in 0..<2 where random.below(3) == 0 {
                process.arm(nil)
                disk.arm(nil)
                armFault()
                if let store = try? open() { try? store.close() }
            }
            process.arm(nil)
            disk.arm(nil)
            let store = try open()
            let content = try content(store)
            if content == history.contents.last {
                if mark.begun == history.contents.count { (live, marked) = before }
            } else {
                guard mark.begun == history.contents.count else {
                    throw StoreProblem(problems: ["acknowledged changes did not survive"], batch: mark.begun)
                }
                history.contents.append(content)
            }
            if try History.Setting(store) != history.settings.last { history.settings.removeLast() }
            mark.begun = history.contents.count - 1
            mark.settingBegun = history.settings.count - 1
            acknowledge(isDurable: true)
            return store
        }

        /// A store to begin with: created while it is recorded, or built before.
        private mutating func start() throws -> VectorStore {
            let store: VectorStore
            if let rows = plan.builtRows {
                // What a build makes has links of its own. Builds are recorded by other tests.
                try VectorStore.build(
                    at: path, configuration: plan.configuration, vectors: vectors(rows), labels: labels(rows),
                    options: CampaignAccess.options(.init(threads: 1), quantizingFrom: Workload.leastCodedCount))
                let base = try DiskState(reading: recorder.root)
                recorder = RecordingSystem(root: recorder.root, trace: Trace(base: base), over: disk.calls)
                process = FaultySystem(over: recorder.calls)
                store = try open()
            } else {
                store = try CampaignAccess.create(
                    at: path, configuration: plan.configuration, options: plan.options, calls: process.calls)
            }
            history.contents.append(try content(store))
            history.settings.append(try History.Setting(store))
            return store
        }

        private mutating func setWidth(_ width: Int, of store: VectorStore) throws {
            begin { $0.width = width }
            try store.setEF(width)
            mark.settingDurable = history.settings.count - 1
            recorder.trace.mark(mark.value)
        }

        /// Brings what the log has into the files first.
        private mutating func setCodes(_ codes: VectorStore.Quantization, of store: VectorStore) throws {
            begin { $0.codes = codes }
            try store.setQuantization(codes)
            mark.settingDurable = history.settings.count - 1
            acknowledge(isDurable: true)
            _ = try content(store)
        }

        private mutating func begin(_ change: (inout History.Setting) -> Void) {
            var setting = history.settings[history.settings.count - 1]
            change(&setting)
            history.settings.append(setting)
            mark.settingBegun += 1
            recorder.trace.mark(mark.value)
        }

        private mutating func change(_ store: VectorStore) throws {
            before = (live, marked)
            let batch = self.batch()
            if batch.isEmpty { return }
            mark.begun += 1
            recorder.trace.mark(mark.value)
            try store.write(batch)
            history.contents.append(try content(store))
            acknowledge(isDurable: plan.options.durability == .full)
        }

        private mutating func acknowledge(isDurable: Bool) {
            if isDurable { mark.durable = history.contents.count - 1 }
            recorder.trace.mark(mark.value)
        }

        /// The state of a store that is sound.
        private func content(_ store: VectorStore) throws -> UInt64 {
            let report = try store.verify()
            guard report.isSound, let content = report.contentChecksum else {
                throw StoreProblem(problems: report.problems, batch: history.contents.count)
            }
            return content
        }

        private func open() throws -> VectorStore {
            try CampaignAccess.open(at: path, forWriting: true, options: plan.options, calls: process.calls)
        }

        private mutating func labels(_ count: Int) -> [Label] {
            let labels = (0..<count).map { nextLabel + Label($0) * 3 }
            nextLabel += Label(count) * 3
            live += labels
            return labels
        }

        private mutating func vectors(_ count: Int) -> [Float] {
            (0..<count * plan.configuration.dimensions).map { _ in Float(1 + random.below(40)) }
        }

        private mutating func batch() -> VectorStore.WriteBatch {
            var batch = VectorStore.WriteBatch()
            let count = plan.batchSizes[random.below(plan.batchSizes.count)]
            if !marked.isEmpty && random.below(8) == 0 {
                // Which of the marked ones go is the store's business; the others stay marked for good.
                for _ in 0..<count { batch.add(vectors(1), label: labels(1)[0], replacingDeleted: true) }
                marked.removeAll()
                return batch
            }
            for _ in 0..<count { addChange(to: &batch) }
            return batch
        }

        private mutating func addChange(to batch: inout VectorStore.WriteBatch) {
            switch random.below(10) {
            case 0...3: batch.add(vectors(1), label: labels(1)[0])
            case 4, 5:
                if live.isEmpty { return }
                batch.update(vectors(1), label: live[random.below(live.count)])
            case 6:
                if live.isEmpty { return }
                let label = live.remove(at: random.below(live.count))
                batch.markDeleted(label)
                marked.append(label)
            case 7:
                if marked.isEmpty { return }
                let label = marked.remove(at: random.below(marked.count))
                batch.unmarkDeleted(label)
                live.append(label)
            case 8:
                if marked.isEmpty || random.below(2) == 0 {
                    if live.isEmpty { return }
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
    }
}
