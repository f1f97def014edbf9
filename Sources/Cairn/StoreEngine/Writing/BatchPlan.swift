import FileFormat
import HNSW

/// What a batch comes to, found out before anything is changed: the rows that get slots, and what becomes of slots that
/// there are. Operations are taken one after the other, each on what the earlier ones left.
struct BatchPlan {
    /// A vector to be stored.
    struct Row {
        let label: Label
        let vector: Source
        let level: Level
        var isMarked = false
        /// A later operation of the batch took it away again: it gets no slot.
        var isDropped = false
    }

    /// Where a row's vector comes from.
    enum Source {
        /// The batch's vectors, by number.
        case given(Int)
        case slot(UInt32)
    }

    /// Where a row's level comes from: an update keeps that of what it replaces.
    enum Level {
        case drawn
        case ofSlot(UInt32)
        case ofRow(Int)
    }

    private enum Place: Equatable {
        case slot(UInt32)
        case row(Int)
    }

    private(set) var rows: [Row] = []
    /// The new state of slots that there are.
    private(set) var states: [UInt32: SlotState] = [:]
    /// Labels whose place changes: where they led before the batch.
    private(set) var formerSlots: [Label: UInt32?] = [:]
    private var places: [Label: Place?] = [:]
    /// The next slot that was marked when this was last looked at, lowest first.
    private let nextMarked: () -> UInt32?
    private let slotOfLabel: (Label) throws(StoreError) -> UInt32?
    private let slots: SlotRecords

    /// `slotOfLabel`: the slot, live or marked, as the newest batch left it. `nextMarked`: the slots that
    /// operations may replace.
    init(
        slots: SlotRecords, nextMarked: @escaping () -> UInt32?,
        slotOfLabel: @escaping (Label) throws(StoreError) -> UInt32?
    ) {
        self.slots = slots
        self.nextMarked = nextMarked
        self.slotOfLabel = slotOfLabel
    }

    /// Adds an operation; `number` is its place in the batch, for messages.
    mutating func add(_ operation: VectorStore.WriteBatch.Operation, number: Int) throws(StoreError) {
        switch operation {
        case .add(let label, let row, let replacingMarked):
            if let place = try place(of: label) { throw duplicate(label, row, at: place) }
            if replacingMarked { try eraseMarked() }
            try setPlace(of: label, .row(append(label, row, .drawn)))
        case .update(let label, let row): try replace(knownPlace(of: label, number), label, row)
        case .upsert(let label, let row):
            if let place = try place(of: label) {
                try replace(place, label, row)
            } else {
                try setPlace(of: label, .row(append(label, row, .drawn)))
            }
        case .relink(let label):
            guard case .slot(let slot)? = try place(of: label) else { throw Self.unknown(label, number) }
            try relink(slot, label)
        case .mark(let label):
            let place = try knownPlace(of: label, number)
            guard !isMarked(place) else {
                throw StoreError(
                    .unknownLabel, "label \(label) is marked deleted already", label: label,
                    row: number)
            }
            try setMarked(place, label, true)
        case .unmark(let label):
            let place = try knownPlace(of: label, number)
            guard isMarked(place) else {
                throw StoreError(
                    .unknownLabel, "label \(label) is not marked deleted", label: label,
                    row: number)
            }
            try setMarked(place, label, false)
        case .erase(let label):
            remove(try knownPlace(of: label, number), state: .erased)
            try setPlace(of: label, nil)
        }
    }

    /// The place of a label that must have one.
    private func knownPlace(of label: Label, _ number: Int) throws(StoreError) -> Place {
        guard let place = try place(of: label) else { throw Self.unknown(label, number) }
        return place
    }

    private func duplicate(_ label: Label, _ row: Int, at place: Place) -> StoreError {
        let (state, remedy): (String, String?) =
            if isMarked(place) {
                ("is in the store, marked deleted", "bring it back, erase it or upsert it")
            } else if case .row = place {
                ("comes twice in the input", nil)
            } else {
                ("is in the store already", nil)
            }
        return StoreError(
            .duplicateLabel, template: "label \(label) (row \(StoreError.rowMark)) \(state)", remedy: remedy,
            label: label, row: row)
    }

    private static func unknown(_ label: Label, _ number: Int) -> StoreError {
        StoreError(.unknownLabel, "label \(label) is not in the store", label: label, row: number)
    }

    private mutating func append(_ label: Label, _ vector: Int, _ level: Level) -> Int {
        rows.append(Row(label: label, vector: .given(vector), level: level))
        return rows.count - 1
    }

    private mutating func replace(_ place: Place, _ label: Label, _ vector: Int) throws(StoreError) {
        let level: Level =
            switch place {
            case .slot(let slot): .ofSlot(slot)
            case .row(let row): .ofRow(row)
            }
        remove(place, state: .superseded)
        try setPlace(of: label, .row(append(label, vector, level)))
    }

    /// Gives the vector of a slot another slot, of the same level.
    private mutating func relink(_ slot: UInt32, _ label: Label) throws(StoreError) {
        let isMarked = isMarked(.slot(slot))
        remove(.slot(slot), state: .superseded)
        rows.append(Row(label: label, vector: .slot(slot), level: .ofSlot(slot), isMarked: isMarked))
        try setPlace(of: label, .row(rows.count - 1))
    }

    private mutating func remove(_ place: Place, state: SlotState) {
        switch place {
        case .slot(let slot): states[slot] = state
        case .row(let row): rows[row].isDropped = true
        }
    }

    private mutating func setMarked(_ place: Place, _ label: Label, _ isMarked: Bool) throws(StoreError) {
        switch place {
        case .slot(let slot):
            states[slot] = isMarked ? SlotState.marked : .live
            try setPlace(of: label, place)
        case .row(let row): rows[row].isMarked = isMarked
        }
    }

    private func isMarked(_ place: Place) -> Bool {
        switch place {
        case .slot(let slot): (states[slot] ?? slots.state(slot)) == .marked
        case .row(let row): rows[row].isMarked
        }
    }

    /// Erases the lowest marked slot that the batch has not touched, if there is one.
    private mutating func eraseMarked() throws(StoreError) {
        while let slot = nextMarked() {
            guard states[slot] == nil, slots.state(slot) == .marked else { continue }
            let label = slots.label(slot)
            guard try place(of: label) == .slot(slot) else { continue }
            remove(.slot(slot), state: .erased)
            return try setPlace(of: label, nil)
        }
    }

    private func place(of label: Label) throws(StoreError) -> Place? {
        if let place = places[label] { return place }
        return try slotOfLabel(label).map { .slot($0) }
    }

    private mutating func setPlace(of label: Label, _ place: Place?) throws(StoreError) {
        if formerSlots[label] == nil { formerSlots[label] = .some(try slotOfLabel(label)) }
        places[label] = .some(place)
    }

    /// Where labels lead after the batch, once its rows have their slots.
    func labelChanges(slotOfRow: [UInt32?]) -> [(label: Label, old: UInt32?, new: UInt32?)] {
        formerSlots.map { label, old in
            let new: UInt32? =
                switch places[label] ?? nil {
                case .slot(let slot)?: slot
                case .row(let row)?: slotOfRow[row]
                case nil: nil
                }
            return (label, old, new)
        }
    }
}
