import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// The batches of a log on their way into a store that was opened as of its last checkpoint. Nobody searches it yet.
struct LogReplay {
    /// Where a label led before a batch, and where it leads after it; nil for nowhere.
    typealias LabelChange = (label: Label, old: UInt32?, new: UInt32?)

    private let reader: LogReader
    private let survey: LogSurvey
    private let contents: StoreContents
    /// Without the upper lists of the checkpoint, changes of such lists are left out, for whoever makes them again.
    private let hasUpper: Bool
    private let rows: RowWriter
    /// The counts after the batches so far.
    private(set) var counts: StoreCounts
    /// One change of a label after the other.
    private var changes: [LabelChange] = []
    private var added: [UInt32] = []
    private var problem: StoreError?

    /// `file`: nil for a store in memory of this process.
    init(
        _ log: (reader: LogReader, survey: LogSurvey), into contents: StoreContents, file: LevelZeroFile?,
        hasUpper: Bool, counts: StoreCounts
    ) throws(StoreError) {
        (reader, survey) = log
        self.contents = contents
        self.hasUpper = hasUpper
        self.counts = counts
        rows = try takingMemory(for: reader.path, RowWriter(contents, file: file))
    }

    private var damage: StoreError {
        StoreError(
            .corrupt, "the log does not fit the store",
            remedy: "restore the store from a copy", path: reader.path)
    }

    /// Applies all batches, as one: nobody searches yet, so a list need not be copied for each batch that changes it.
    /// `grow` makes room for so many slots.
    mutating func run(grow: (Int) throws(StoreError) -> Void) throws(StoreError) {
        let graph = contents.graph
        guard let sequence = survey.lastCommit?.batch else { return }
        graph.beginBatch(sequence)
        do throws(StoreFileError) {
            try reader.replay(survey) { (change) throws(StoreFileError) in
                do throws(StoreError) {
                    try apply(change, sequence, grow)
                } catch {
                    problem = error
                    throw .format(reader.path, FormatError(.corrupt, error.problem, remedy: error.remedy))
                }
            } commit: { (commit, _) throws(StoreFileError) in
                let isSound = graph.replayCommit(
                    count: commit.slotCount, entryPoint: commit.entryPoint, maximumLevel: commit.maximumLevel,
                    levelState: commit.levelState, hasUpper: hasUpper)
                guard isSound, counts.live == commit.liveCount, counts.marked == commit.markedCount,
                    counts.free == commit.freeCount
                else { throw .format(reader.path, FormatError(.corrupt, damage.problem, remedy: damage.remedy)) }
                graph.hasUnlinkedSlots = counts.free > 0
                counts.position = commit.position
            }
        } catch {
            throw problem ?? StoreError(error)
        }
        try translating { () throws(StorageError) in try rows.flush() }
        graph.retire(graph.publish(graph.endBatch(), hasDeadSlots: counts.live < graph.count))
    }

    private mutating func apply(
        _ change: LogChange, _ sequence: BatchNumber, _ grow: (Int) throws(StoreError) -> Void
    ) throws(StoreError) {
        let graph = contents.graph
        switch change {
        case .row(let row):
            try grow(Int(row.slot) + 1)
            let old = row.slot < graph.count ? graph.slots.state(row.slot) : .unused
            let isApplied = try takingMemory(
                for: reader.path,
                graph.replayRow(
                    row.slot, label: row.label, level: row.level, hasUpper: hasUpper, sequence: sequence))
            guard isApplied else { throw damage }
            counts.move(from: old, to: .live)
            try note((row.label, nil, row.slot))
            let bytes = unsafe row.bytes
            try translating { () throws(StorageError) in
                try unsafe rows.write(stored: bytes, norm: row.norm, to: row.slot)
            }
        case .list(let list):
            if list.level > 0 && !hasUpper { return }
            added.removeAll(keepingCapacity: true)
            for index in list.kept..<list.count { added.append(list.id(at: index)) }
            let isApplied = try takingMemory(
                for: reader.path, graph.replayList(list.slot, level: list.level, kept: list.kept, added: added))
            guard isApplied else { throw damage }
        case .state(let slot, let state):
            guard slot < UInt32(graph.count) else { throw damage }
            let old = graph.slots.state(slot), label = graph.slots.label(slot)
            guard graph.replayState(slot, state, sequence: sequence) else { throw damage }
            counts.move(from: old, to: state)
            if !state.hasLabel { try note((label, slot, nil)) }
        }
    }

    /// One more change of labels, whose array may have to grow for it.
    private mutating func note(_ change: LabelChange) throws(StoreError) {
        try takingMemory(for: reader.path, changes.expectRoom())
        changes.append(change)
    }

    /// The slots of the rows, and the changes of labels as one for each label.
    func outcome() throws(StoreError) -> (slots: [UInt32], labels: [LabelChange]) {
        // The slots; the changes by label, twice.
        try takingMemory(for: reader.path, ProcessMemory.expect(growing: changes.count, stride: 120))
        return (changes.compactMap { $0.new }, Self.merged(changes))
    }

    /// Changes of labels, one after the other, as one change for each label.
    static func merged(
        _ changes: [LabelChange]
    ) -> [LabelChange] {
        // A row comes before the state of what it replaces, so a label is gone only if its last place is.
        var merged: [Label: (first: UInt32?, now: UInt32?)] = [:]
        var placed: Set<UInt32> = []
        for change in changes {
            if let new = change.new {
                merged[change.label] = (merged[change.label]?.first ?? nil, new)
                placed.insert(new)
            } else if let old = change.old {
                let known = merged[change.label]
                if known == nil {
                    merged[change.label] = (old, nil)
                } else if known?.now == old {
                    merged[change.label] = (known?.first ?? nil, nil)
                } else if known?.first == nil && !placed.contains(old) {
                    merged[change.label] = (old, known?.now)
                }
            }
        }
        return merged.map { ($0.key, $0.value.first, $0.value.now) }
    }
}
