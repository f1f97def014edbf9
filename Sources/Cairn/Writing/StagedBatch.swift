import FileFormat
import HNSW
import WriteAheadLog

/// A batch that is being made: the rows of its plan with their slots, and what is needed to log it or to undo it.
final class StagedBatch {
    struct Row {
        let label: Label
        let vector: BatchPlan.Source
        let slot: UInt32
        let level: Int
        let isMarked: Bool
        /// The slot was in use before, and free.
        let isReused: Bool
    }

    let plan: BatchPlan
    private(set) var rows: [Row] = []
    /// By number of the plan's rows; nil for those that were dropped.
    private(set) var slotOfRow: [UInt32?] = []
    private(set) var levels: [Int] = []
    /// Slots that the batch erases or supersedes.
    var freed: [(slot: UInt32, level: Int)] = []
    /// The records of slots that change, as they were.
    var before: [SlotRecords.Snapshot] = []
    /// Whether the rows have records.
    var isRecorded = false
    var changes: GraphChanges?

    /// Slots that the batch marks.
    var marked: [UInt32] {
        plan.states.filter { $0.value == Columns.markedState }.map { $0.key }
            + rows.filter { $0.isMarked }.map { $0.slot }
    }

    init(_ plan: BatchPlan) {
        self.plan = plan
    }

    /// Gives each row that is stored its level and slot. A level is drawn for the dropped ones too, so that what is
    /// stored does not depend on them.
    func place(
        slot: (_ level: Int) -> (slot: UInt32, isReused: Bool), level: (BatchPlan.Level) -> Int
    ) {
        for row in plan.rows {
            levels.append(level(row.level))
            guard !row.isDropped else {
                slotOfRow.append(nil)
                continue
            }
            let (slot, isReused) = slot(levels[levels.count - 1])
            slotOfRow.append(slot)
            rows.append(
                Row(
                    label: row.label, vector: row.vector, slot: slot, level: levels[levels.count - 1],
                    isMarked: row.isMarked, isReused: isReused))
        }
    }

    /// Puts the batch into the log's form: rows, states, lists.
    func encode(into log: LogBatch, _ contents: StoreContents, _ changes: GraphChanges) {
        let columns = contents.columns, graph = contents.graph
        let rowLength = contents.encoding.dimensions * contents.encoding.scalarSize
        log.removeAll()
        for row in rows {
            let bytes = unsafe UnsafeRawBufferPointer(start: columns.vector(row.slot), count: rowLength)
            let norm = unsafe columns.norms.map { unsafe $0[Int(row.slot)] } ?? 0
            unsafe log.addRow(slot: row.slot, label: row.label, level: row.level, norm: norm, bytes: bytes)
            if row.isMarked { log.addState(slot: row.slot, .marked) }
        }
        for (slot, state) in plan.states.sorted(by: { $0.key < $1.key }) {
            guard let state = SlotEntry.State(rawValue: state) else { preconditionFailure("state \(state)") }
            log.addState(slot: slot, state)
        }
        for list in changes.lists {
            let (ids, count, kept) = graph.contents(of: list)
            let added = unsafe UnsafeBufferPointer(start: ids.base + kept, count: count - kept)
            unsafe log.addList(slot: list.slot, level: list.level, kept: kept, added: added)
        }
    }
}
