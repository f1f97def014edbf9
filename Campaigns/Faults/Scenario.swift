import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// What is done to a store while one of its calls fails.
struct Scenario {
    enum Step {
        case create
        case open(forWriting: Bool)
        case change(Model.Change)
        case checkpoint
        case synchronize
        case close
    }

    let name: String
    /// What the directory holds before, and what the store in it should.
    let state: DiskState
    let model: Model
    let steps: [Step]
    /// The store is another user's (for root), and its files have other permissions than the process gives.
    var isForeign = false

    static let storeName = "store"
    /// So many vectors are enough for codes here, and four times as many for other ones.
    static let leastCodedCount = 16

    /// What the store is created with.
    var configuration: VectorStore.Configuration { Self.configuration(model.codes) }

    private static func configuration(_ codes: VectorStore.Quantization) -> VectorStore.Configuration {
        VectorStore.Configuration(
            dimensions: Model.dimensions, m: 3, efConstruction: 20, seed: 5, quantization: codes)
    }

    /// A log so short that checkpoints are made by themselves too.
    static let options = CampaignAccess.options(
        VectorStore.OpenOptions(durability: .full, logBytes: 6000, threads: 1), quantizingFrom: leastCodedCount)

    /// Does every kind of change, with checkpoints that are asked for and others.
    private static let changes: [Step] = [
        .change(.add(0..<5)), .change(.add(5..<30)), .change(.update([2, 9, 17], salt: 1)),
        .change(.upsert([3, 40, 41], salt: 2)), .change(.mark([1, 4, 8, 20])), .change(.unmark([8])),
        .change(.erase([5, 6])),
        .change(.replace([1, 4], with: [50, 51])), .change(.width(33)), .checkpoint, .change(.erase([20, 21, 40])),
        .change(.update([0, 7], salt: 3)), .synchronize, .change(.add(60..<70)), .change(.mark([60, 61])),
        .change(.erase([62, 63])), .change(.add(70..<90)), .change(.update(Array(70..<80), salt: 4)),
        .change(.add(90..<110)),
        .change(.add(110..<112)),
    ]

    /// After a crash: recovery, and then a little of everything.
    private static let recovery: [Step] = [
        .open(forWriting: true), .change(.add(200..<203)), .change(.update([7], salt: 5)), .checkpoint,
        .change(.erase([200])), .close,
    ]

    /// Codes come with the vectors, are trained anew as there are more, and are changed for others and for none.
    private static let changesOfCodes: [Step] = [
        .change(.add(0..<14)), .change(.add(14..<20)), .change(.update([2, 9, 17], salt: 1)), .change(.erase([5, 6])),
        .checkpoint, .change(.add(20..<70)), .change(.upsert([3, 40, 71], salt: 2)), .change(.codes(.scalar4)),
        .change(.add(72..<80)), .change(.mark([1, 4])), .change(.codes(.none)), .change(.update([0, 7], salt: 3)),
        .change(.codes(.scalar8)), .change(.codes(.scalar8)), .change(.replace([1, 4], with: [81, 82])), .checkpoint,
        .change(.update([0, 7], salt: 4)),
    ]

    /// All of them, without codes and with. `root` is an empty directory to prepare them in.
    static func all(_ root: FilePath) throws -> [Scenario] {
        try all(root.appending("plain"), .none, changes, suffix: "")
            + all(root.appending("coded"), .scalar8, changesOfCodes, suffix: " with codes")
    }

    private static func all(
        _ root: FilePath, _ codes: VectorStore.Quantization, _ changes: [Step], suffix: String
    ) throws -> [Scenario] {
        let recorder = RecordingSystem(root: try StateDirectory(root).path)
        let path = root.appending(storeName)
        var store = try CampaignAccess.create(
            at: path, configuration: configuration(codes), options: options, calls: recorder.calls)
        var model = Model(codes: codes)
        var hasOneCheckpoint = false
        for step in changes {
            switch step {
            case .change(let change):
                try store.make(change)
                model.apply(change)
            case .checkpoint where !hasOneCheckpoint:
                // The handle's first one, with a journal of another name.
                hasOneCheckpoint = true
                try store.close()
                store = try CampaignAccess.open(
                    at: path, forWriting: true, options: options, calls: recorder.calls)
            default: break
            }
        }
        // Enough for the journal to be worth something, and not so much that a checkpoint is made at once.
        try store.checkpoint()
        for change: Model.Change in [.add(120..<130), .update([0, 7], salt: 6), .erase([9]), .mark([17])] {
            try store.make(change)
            model.apply(change)
        }
        let end = recorder.trace.count
        let log = state(recorder.trace, end)
        try store.checkpoint()
        let journal = state(recorder.trace, try firstWriteInPlace(recorder.trace, after: end))
        let closed = try { () throws in
            try store.close()
            return state(recorder.trace, recorder.trace.count)
        }()
        func scenario(_ name: String, _ state: DiskState, _ model: Model, _ steps: [Step]) -> Scenario {
            Scenario(name: name + suffix, state: state, model: model, steps: steps)
        }
        return [
            scenario(
                "changes", DiskState(), Model(codes: codes),
                [.create] + changes + [.close, .open(forWriting: false), .close]),
            scenario("recovery from the log", log, model, recovery),
            scenario("recovery from a journal", journal, model, recovery),
            scenario("reading a log", log, model, [.open(forWriting: false), .close]),
            scenario("reading a journal", journal, model, [.open(forWriting: false), .close]),
            scenario("opening and closing", closed, model, [.open(forWriting: true), .close]),
            // The last one: the next scenario begins without files.
            Scenario(
                name: "another user's store" + suffix, state: closed, model: model, steps: recovery, isForeign: true),
        ]
    }

    /// What is there when the process is killed.
    private static func state(_ trace: Trace, _ position: Int) -> DiskState {
        var cursor = CrashCursor(trace), random = CrashGenerator(seed: 1)
        cursor.advance(to: position)
        return cursor.state(.processKill, using: &random)
    }

    /// The moment within a checkpoint when its journal is valid and some of its pages are written.
    private static func firstWriteInPlace(_ trace: Trace, after start: Int) throws -> Int {
        // The journal's first sectors are written last, and synced.
        for (index, event) in trace.events.enumerated().dropFirst(start) {
            if case .write(let inode, 0, let bytes) = event, bytes.starts(with: Array("CAIRNJNL".utf8)) {
                for (later, event) in trace.events.enumerated().dropFirst(index) {
                    if case .write(let other, _, _) = event, other != inode { return later + 1 }
                }
            }
        }
        throw Errno.noSuchFileOrDirectory
    }
}
