/// The rows of a batch that are stored, with the levels and slots that they get.
struct PlacedRows {
    struct Row {
        let label: Label
        let vector: BatchPlan.Source
        let slot: UInt32
        let level: Int
        let isMarked: Bool
        /// The slot was in use before, and free.
        let isReused: Bool
    }

    let rows: [Row]
    /// By number of the plan's rows; nil for those that were dropped.
    let slotOfRow: [UInt32?]

    /// A level is drawn for the dropped rows too, so that what is stored does not depend on them.
    ///
    /// `level`: that of a row which does not have an earlier row's. `slot`: a slot for a row of `level`.
    init(
        _ plan: BatchPlan, level: (BatchPlan.Level) -> Int, slot: (_ level: Int) -> (slot: UInt32, isReused: Bool)
    ) {
        var rows: [Row] = [], slotOfRow: [UInt32?] = [], levels: [Int] = []
        for row in plan.rows {
            let height = if case .ofRow(let earlier) = row.level { levels[earlier] } else { level(row.level) }
            levels.append(height)
            guard !row.isDropped else {
                slotOfRow.append(nil)
                continue
            }
            let (slot, isReused) = slot(height)
            slotOfRow.append(slot)
            rows.append(
                Row(
                    label: row.label, vector: row.vector, slot: slot, level: height, isMarked: row.isMarked,
                    isReused: isReused))
        }
        (self.rows, self.slotOfRow) = (rows, slotOfRow)
    }
}
