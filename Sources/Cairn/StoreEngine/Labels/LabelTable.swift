import Allocation
import FileFormat
import HNSW
import MappedStorage
import Synchronization
import SystemPackage
import Threading

/// Where an open store looks labels up: in its file `labels` and what was added since.
///
/// Lookups take no lock, whatever they read: like searches they are readers of the graph (`Readers`), and go by the
/// view that they began with. A batch is added before searches see it. A checkpoint, or an index that has become too
/// small, begins a new version; the former one stays until its readers have left.
final class LabelTable: Sendable {
    private struct State {
        var version: LabelVersion
        /// What was published since the last checkpoint; nothing for a store in memory.
        var changes: LabelChanges = [:]
        /// How many labels of batches that are still to be published `version.added` has room for.
        var reserved = 0
        /// Versions that keep a former one, with the epoch that has to pass.
        var successors: [(epoch: Epoch, version: LabelVersion)] = []
    }

    /// Of those who change it. Never held while a file is read or written.
    private let state: Guarded<State>
    /// The newest version, which `state` owns.
    private let newest: Atomic<UInt>
    private let graph: Graph

    /// `file`: nil for a store in memory, or when there is no sound one.
    init(graph: Graph, file: LabelIndexFile?, isInMemory: Bool) {
        self.graph = graph
        let version = LabelVersion(
            sequence: graph.sequence, settled: isInMemory ? nil : SettledLabels(file, graph),
            added: LabelIndex(slots: graph.slots))
        newest = Atomic(Self.address(version))
        state = Guarded(State(version: version))
    }

    // MARK: Lookups, by readers of the graph

    /// The slot of `label` that `view` sees.
    func slot(of label: Label, in view: GraphView) throws(OutOfMemory) -> UInt32? {
        let slots = graph.slots
        return try slot(of: label, in: view) { slots.isVisible($0, at: view.sequence) }
    }

    /// The slot of `label` that `accepts` takes, of those that had it in `view` or later.
    func slot(
        of label: Label, in view: GraphView, where accepts: (UInt32) -> Bool
    ) throws(OutOfMemory) -> UInt32? {
        try withVersion(for: view.sequence) { (version) throws(OutOfMemory) in
            try version.slot(of: label, where: accepts)
        }
    }

    /// The slots of those of `labels` that `view` sees, in no order.
    func slots(of labels: [Label], in view: GraphView) throws(OutOfMemory) -> [UInt32] {
        // Slots, and labels with their places in the file.
        try ProcessMemory.expect(growing: labels.count, stride: 32)
        let slots = graph.slots
        return try withVersion(for: view.sequence) { (version) throws(OutOfMemory) in
            try version.slots(of: labels) { slots.isVisible($0, at: view.sequence) }
        }
    }

    /// Whether `label` leads to `slot`, whose state says so, without searches finding it: it is marked, and not of a
    /// batch that is still being made.
    func leads(_ label: Label, toMarked slot: UInt32) -> Bool {
        // Not between the two steps of publishing a batch.
        let (version, sequence) = state.withLock { ($0.version, graph.sequence) }
        let isPublished =
            version.settled != nil && graph.slots.isSettled(slot) || version.added.contains(slot, label)
        return isPublished && !graph.slots.isVisible(slot, at: sequence)
    }

    private func withVersion<Found>(
        for sequence: BatchNumber, _ body: (LabelVersion) throws(OutOfMemory) -> Found
    ) throws(OutOfMemory) -> Found {
        let address = newest.load(ordering: .acquiring)
        let newest = unsafe Unmanaged<LabelVersion>.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
        let found = unsafe newest._withUnsafeGuaranteedRef { newest in
            Result { () throws(OutOfMemory) in
                if newest.sequence <= sequence { return try body(newest) }
                var version = newest
                while version.sequence > sequence, let former = version.former { version = former }
                return try body(version)
            }
        }
        return try found.get()
    }

    // MARK: Changes, by those who write

    /// The slot, live or marked, of a label that no unpublished batch has moved; of a damaged store also one that is
    /// neither, for who writes to find out.
    func newestSlot(of label: Label) throws(OutOfMemory) -> UInt32? {
        let version = state.withLock { $0.version }, slots = graph.slots
        return try version.slot(of: label) { !slots.hasRecord($0) || slots.state($0).hasLabel }
    }

    /// Makes room for `count` changes more than are to be published already, or throws: asked before a batch goes to
    /// the log, for what is there has to be published.
    func prepare(_ count: Int) throws(OutOfMemory) {
        let result = state.withLock { state in
            Result { () throws(OutOfMemory) in
                try state.changes.expectRoom(for: state.reserved + count)
                if !state.version.added.hasRoom(for: state.reserved + count) {
                    let larger = try state.version.added.enlarged(by: state.reserved + count)
                    begin(settled: state.version.settled, added: larger, &state)
                }
                state.reserved += count
            }
        }
        try result.get()
    }

    /// Gives back room of a batch that is not to be published.
    func abort(_ count: Int) { state.withLock { $0.reserved -= count } }

    /// Makes labels lead where a batch has put them, for which there is room, and calls `show`, which lets searches see
    /// the batch.
    func commit(_ changes: [(label: Label, old: UInt32?, new: UInt32?)], show: () -> Void) {
        state.withLock { state in
            releaseFormer(&state)
            state.reserved -= changes.count
            let index = state.version.added
            for change in changes {
                if let new = change.new { index.add(new, change.label) }
                // What is marked or brought back keeps its slot.
                if let old = change.old, old != change.new { index.leave(old, change.label) }
                guard state.version.settled != nil else { continue }
                let earlier = state.changes[change.label]
                state.changes[change.label] = (earlier.map { $0.old } ?? change.old, change.new)
            }
            show()
        }
    }

    /// About how much memory a checkpoint takes for what it writes.
    var checkpointBytes: Int {
        let (changes, file) = state.withLock { ($0.changes.count, $0.version.settled?.file) }
        // Pages as they are and as they were.
        return 2 * min(changes * Geometry.pageSize, (file?.bucketCount ?? 0) * 4) + changes * 128
    }

    /// What a checkpoint that writes `header` makes of the file, as of now; nil when it must be made from scratch.
    func update(for header: HeaderSlot) -> LabelFileUpdate? {
        let (settled, changes) = state.withLock { ($0.version.settled, $0.changes) }
        guard let settled, !settled.isLost, let file = settled.file else { return nil }
        return LabelFileUpdate(changes, of: file, for: header)
    }

    /// Writes an update and syncs. No batch is published meanwhile.
    func write(_ update: LabelFileUpdate) throws(StorageError) {
        try update.write()
        replaceFile(update.file)
        try update.file.file.synchronize()
    }

    /// Whether there is a file, and all of it could be read so far.
    var hasFile: Bool { state.withLock { $0.version.settled.map { !$0.isLost } ?? false } }

    /// Goes over to a file (nil: to none) that has every change. No batch is published meanwhile.
    func replaceFile(_ file: LabelIndexFile?) {
        state.withLock { state in
            begin(settled: SettledLabels(file, graph), added: LabelIndex(slots: graph.slots), &state)
            state.changes.removeAll()
        }
    }

    private func begin(settled: SettledLabels?, added: LabelIndex, _ state: inout State) {
        let version = LabelVersion(
            sequence: graph.sequence, settled: settled, added: added, former: state.version)
        state.version = version
        newest.store(Self.address(version), ordering: .sequentiallyConsistent)
        state.successors.append((graph.readers.advance(), version))
        releaseFormer(&state)
    }

    /// Lets go of versions that nobody can be reading any more.
    private func releaseFormer(_ state: inout State) {
        while let first = state.successors.first, graph.readers.havePassed(first.epoch) {
            first.version.former = nil
            state.successors.removeFirst()
        }
    }

    /// Lets go of the file and the indexes, when the store is closed and nobody reads any more.
    func release() {
        state.withLock { state in
            begin(settled: nil, added: LabelIndex(slots: graph.slots), &state)
            state.changes.removeAll()
        }
    }

    private static func address(_ version: LabelVersion) -> UInt {
        unsafe UInt(bitPattern: Unmanaged.passUnretained(version).toOpaque())
    }

    /// Heap memory of the indexes, the changes, and the versions that readers may still need.
    var byteCount: Int { state.withLock { $0.version.byteCount + $0.changes.count * 40 } }
}
