import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// What is done to a store while one of its calls fails.
struct Scenario {
    enum Step {
        case create
        case open(VectorStore.OpenOptions.Access)
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

    static let storeName = "store"

    static var configuration: VectorStore.Configuration {
        VectorStore.Configuration(dimensions: Model.dimensions, connectivity: 3, constructionWidth: 20, seed: 5)
    }

    /// A log so short that checkpoints are made by themselves too.
    static func options(_ access: VectorStore.OpenOptions.Access) -> VectorStore.OpenOptions {
        VectorStore.OpenOptions(access: access, durability: .full, logBytes: 6000, threads: 1)
    }

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
        .open(.readWrite), .change(.add(200..<203)), .change(.update([7], salt: 5)), .checkpoint,
        .change(.erase([200])), .close,
    ]

    /// All of them. `root` is an empty directory to prepare them in.
    static func all(_ root: FilePath) throws -> [Scenario] {
        let recorder = RecordingSystem(root: root)
        let path = root.appending(storeName)
        var store = try VectorStore.create(
            at: path, configuration, options: options(.readWrite), calls: recorder.calls)
        var model = Model()
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
                store = try VectorStore.open(at: path, options: options(.readWrite), calls: recorder.calls)
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
        return [
            Scenario(
                name: "changes", state: DiskState(), model: Model(),
                steps: [.create] + changes + [.close, .open(.readOnly), .close]),
            Scenario(name: "recovery from the log", state: log, model: model, steps: recovery),
            Scenario(name: "recovery from a journal", state: journal, model: model, steps: recovery),
            Scenario(name: "reading a log", state: log, model: model, steps: [.open(.readOnly), .close]),
            Scenario(name: "reading a journal", state: journal, model: model, steps: [.open(.readOnly), .close]),
            Scenario(name: "opening and closing", state: closed, model: model, steps: [.open(.readWrite), .close]),
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
