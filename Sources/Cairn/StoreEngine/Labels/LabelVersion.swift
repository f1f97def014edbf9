import Allocation
import FileFormat
import HNSW
import Synchronization
import Threading

/// Where labels lead, from one checkpoint on: as the checkpoint left it, and what was added since. It says which slots
/// a label may lead to; which of them it is shows in the slot, which is visible in the caller's view or is not.
final class LabelVersion: @unchecked Sendable {
    // Sendable because only `former` changes, under the lock of `LabelTable` and once every reader that may follow it
    // has left.

    /// It serves views of this batch and later ones; `former` serves the others.
    let sequence: BatchNumber
    /// nil for a store in memory, which has all of its labels in `added`.
    let settled: SettledLabels?
    let added: LabelIndex
    /// The version before this one, while there are readers that may need it.
    var former: LabelVersion?

    init(sequence: BatchNumber, settled: SettledLabels?, added: LabelIndex, former: LabelVersion? = nil) {
        (self.sequence, self.settled, self.added, self.former) = (sequence, settled, added, former)
    }

    /// Heap memory of this version and those before it; nobody lets go of one meanwhile.
    var byteCount: Int { added.byteCount + (settled?.byteCount ?? 0) + (former?.byteCount ?? 0) }

    /// The slot of `label` that `accepts` takes.
    func slot(of label: Label, where accepts: (UInt32) -> Bool) throws(OutOfMemory) -> UInt32? {
        if let slot = added.slot(of: label, where: accepts) { return slot }
        return try settled?.slot(of: label, where: accepts)
    }

    /// The slots of those of `labels` that have one that `accepts` takes, in no order.
    func slots(of labels: [Label], where accepts: (UInt32) -> Bool) throws(OutOfMemory) -> [UInt32] {
        var found: [UInt32] = [], others: [Label] = []
        for label in labels {
            if let slot = added.slot(of: label, where: accepts) { found.append(slot) } else { others.append(label) }
        }
        return found + (try settled?.slots(of: others, where: accepts) ?? [])
    }
}

/// Where labels led at the last checkpoint: by the file, or by an index in memory where that is missing or damaged. It
/// is made from the slot table when somebody first needs it.
final class SettledLabels: Sendable {
    let file: LabelIndexFile?
    private let graph: Graph
    private let index = AtomicLazyReference<LabelIndex>()
    private let making = Guarded<Void>(())

    init(_ file: LabelIndexFile?, _ graph: Graph) {
        self.file = file
        self.graph = graph
    }

    /// Whether the file has to be made again.
    var isLost: Bool { file == nil || index.load() != nil }

    /// Heap memory of the index, and of pages that have been overwritten in the file.
    var byteCount: Int { (index.load()?.byteCount ?? 0) + (file?.keptBytes ?? 0) }

    func slot(of label: Label, where accepts: (UInt32) -> Bool) throws(OutOfMemory) -> UInt32? {
        if let reader {
            do throws(LabelIndexFile.Damaged) { return try reader.slot(of: label, where: accepts) } catch {}
        }
        return try madeIndex().slot(of: label, where: accepts)
    }

    func slots(of labels: [Label], where accepts: (UInt32) -> Bool) throws(OutOfMemory) -> [UInt32] {
        if let reader {
            do throws(LabelIndexFile.Damaged) {
                // In the order of the file, so that each page is read once.
                let places = labels.map { (home: LabelFileReader.home($0, of: reader.bucketCount), label: $0) }
                var found: [UInt32] = []
                for (_, label) in places.sorted(by: { $0.home < $1.home }) {
                    if let slot = try reader.slot(of: label, where: accepts) { found.append(slot) }
                }
                return found
            } catch {}
        }
        let index = try madeIndex()
        return labels.compactMap { index.slot(of: $0, where: accepts) }
    }

    private var reader: LabelFileReader? { index.load() == nil ? file.map { LabelFileReader($0) } : nil }

    /// The index of every slot that had a label at the checkpoint or later. So it serves all views that the file would
    /// serve, whatever is published while it is made. Those who need it wait for it, nobody else.
    private func madeIndex() throws(OutOfMemory) -> LabelIndex {
        if let index = index.load() { return index }
        let made = making.withLock { _ in
            Result { () throws(OutOfMemory) in
                if let index = index.load() { return index }
                let slots = graph.slots, count = graph.publishedSlotCount
                let made = try LabelIndex(slots: slots, expected: count)
                for slot in 0..<UInt32(count) where slots.mayHaveLabel(slot) { made.add(slot, slots.label(slot)) }
                return index.storeIfNil(made)
            }
        }
        return try made.get()
    }
}
