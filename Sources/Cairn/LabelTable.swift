import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// Where an open store looks labels up: in its file `labels` and what was changed since, or in an index in memory, which is made
/// from the slot table when the file is missing or damaged or many labels are asked for. Any thread may ask.
final class LabelTable: Sendable {
    private struct State {
        /// As of the last checkpoint; nil when there is none, or it is damaged.
        var file: LabelIndexFile?
        /// As of now.
        var index: LabelIndex?
        /// What was published since the last checkpoint: where the label led then, and where it leads now.
        var changes: [Label: (old: UInt32?, new: UInt32?)] = [:]
    }

    private let state: Guarded<State>
    private let graph: Graph

    /// `file`: nil for a store in memory, or when there is no sound one.
    init(graph: Graph, file: LabelIndexFile?, isInMemory: Bool) {
        self.graph = graph
        var state = State()
        state.file = file
        if isInMemory { state.index = LabelIndex(slots: graph.slots) }
        self.state = Guarded(state)
    }

    /// The slot, live or marked, of `label`, and what searches saw when it led there.
    func slot(of label: Label) -> (slot: UInt32?, view: GraphView) {
        state.withLock { state in (find(label, &state), graph.publishedView) }
    }

    /// The slots of those of `labels` that there are, and what searches saw when the labels led there. Many lookups pay for
    /// an index in memory, about 6 bytes a vector, which is kept.
    func slots(of labels: [Label]) -> (slots: [UInt32], view: GraphView) {
        state.withLock { state in
            if labels.count >= 64 { makeIndex(&state) }
            return (labels.compactMap { find($0, &state) }, graph.publishedView)
        }
    }

    private func find(_ label: Label, _ state: inout State) -> UInt32? {
        if let index = state.index { return index.slot(of: label) }
        if let change = state.changes[label] { return change.new }
        if let file = state.file {
            do throws(LabelIndexFile.Damaged) {
                return try file.slot(of: label)
            } catch {
                state.file = nil
            }
        }
        makeIndex(&state)
        return state.index?.slot(of: label)
    }

    /// Makes the index from the slots. Those of a batch that is not published have their labels already; `changes` and the
    /// file do not know them, so they are left out.
    private func makeIndex(_ state: inout State) {
        guard state.index == nil else { return }
        let view = graph.publishedView, slots = graph.slots
        let index = LabelIndex(slots: slots, expected: view.count)
        for slot in 0..<UInt32(view.count) where slots.hasLabel(slot, at: view.sequence) { _ = index.add(slot) }
        state.index = index
    }

    /// Makes labels lead where a batch has put them while `show` lets searches see the batch: nobody looks a label up in
    /// between, and finds the old slot dead or the new one not yet born.
    func publish(_ changes: [(label: Label, old: UInt32?, new: UInt32?)], show: () -> Void) {
        state.withLock { state in
            show()
            for change in changes {
                state.index?.change(change.label, from: change.old, to: change.new)
                if let earlier = state.changes[change.label] {
                    state.changes[change.label] = (earlier.old, change.new)
                } else {
                    state.changes[change.label] = (change.old, change.new)
                }
            }
        }
    }

    /// What a checkpoint writes into the file, as of now; nil when the file must be made anew.
    func extents(layout: Identifier, generation: UInt64) -> [LabelIndexFile.Extent]? {
        state.withLock { state in
            state.file?.extents(for: state.changes, layout: layout, generation: generation)
        }
    }

    /// Writes the extents and syncs. Nobody looks a label up meanwhile.
    func write(_ extents: [LabelIndexFile.Extent]) throws(StorageError) {
        let result = state.withLock { state in
            Result { () throws(StorageError) in
                try state.file?.write(extents)
                state.changes.removeAll()
                return state.file
            }
        }
        // Others look labels up meanwhile.
        try result.get()?.synchronize()
    }

    /// Whether there is a file.
    var hasFile: Bool { state.withLock { $0.file != nil } }

    /// Goes over to a file that was made anew (nil: to none), which has every change.
    func replaceFile(_ file: LabelIndexFile?) {
        state.withLock { state in
            state.file = file
            state.changes.removeAll()
        }
    }

    /// Lets go of the file and the index, when the store is closed.
    func release() {
        state.withLock { state in
            state.file = nil
            state.index = nil
        }
    }

    /// Heap memory of the index and the changes.
    var byteCount: Int { state.withLock { ($0.index?.byteCount ?? 0) + $0.changes.count * 40 } }
}

extension VectorStore {
    /// Whether slots of this state have their label to themselves: live and marked ones.
    static func hasLabel(_ state: UInt8) -> Bool { state == Columns.liveState || state == Columns.markedState }
}
