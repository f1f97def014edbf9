import FileFormat
import HNSW
import WriteAheadLog

/// A batch that is in the graph, in memory, and that no search sees yet: what it takes to log it, to publish it, or to
/// undo it.
struct LinkedBatch {
    let plan: BatchPlan
    let placed: PlacedRows
    /// Slots that it erases or supersedes.
    let freed: [(slot: UInt32, level: Int)]
    /// The records of slots whose state it changes, as they were.
    let before: [SlotRecords.Snapshot]
    let changes: GraphChanges
    /// The store's counts with it.
    let counts: StoreCounts

    /// Slots that it marks.
    var marked: [UInt32] {
        plan.states.filter { $0.value == .marked }.map { $0.key }
            + placed.rows.filter { $0.isMarked }.map { $0.slot }
    }

    /// Where labels lead after it.
    var labels: [(label: Label, old: UInt32?, new: UInt32?)] { plan.labelChanges(slotOfRow: placed.slotOfRow) }

    /// Puts the batch into the log's form: rows, states, lists.
    func encode(into log: LogBatch, _ contents: StoreContents) {
        let columns = contents.columns, graph = contents.graph
        let rowLength = contents.encoding.dimensions * contents.encoding.scalarSize
        log.removeAll()
        for row in placed.rows {
            let bytes = unsafe UnsafeRawBufferPointer(start: columns.vector(row.slot), count: rowLength)
            let norm = unsafe columns.norms.map { unsafe $0[Int(row.slot)] } ?? 0
            unsafe log.addRow(slot: row.slot, label: row.label, level: row.level, norm: norm, bytes: bytes)
            if row.isMarked { log.addState(slot: row.slot, .marked) }
        }
        for (slot, state) in plan.states.sorted(by: { $0.key < $1.key }) { log.addState(slot: slot, state) }
        for list in changes.lists {
            let (ids, count, kept) = graph.contents(of: list)
            let added = unsafe UnsafeBufferPointer(start: ids.base + kept, count: count - kept)
            unsafe log.addList(slot: list.slot, level: list.level, kept: kept, added: added)
        }
    }
}
