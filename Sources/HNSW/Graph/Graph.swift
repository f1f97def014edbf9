package import Allocation
import CKernels
package import FileFormat
import Synchronization

/// A hierarchical navigable small world graph (Malkov and Yashunin, 2018) over columns that somebody else owns: files
/// mapped into memory, or arrays.
///
/// It is in one of two ways of writing. *In place*: the columns belong to the writer alone, as while a store is built;
/// whoever inserts must be alone. *By batches*: the columns are not written; changed lists and slots live in the
/// overlay and the records, and become visible to searches when their batch is published. Then any number of threads
/// search while one writes; each search goes by a `GraphView`, inside `Readers.read`.
@safe
package final class Graph: @unchecked Sendable {
    // Sendable because the newest state belongs to the one thread that writes, with its team, and searches go by the
    // published atomics, as readers.

    package let columns: Columns
    package let distances: Distances
    package let parameters: Parameters
    package let readers: Readers
    package internal(set) var upper: UpperLayers
    package let overlay: Overlay
    package let slots: SlotRecords
    /// The most slots there can be.
    package let capacity: Int

    // The writer's newest state.
    package var levels: LevelGenerator
    /// Slots in the graph, the unlinked ones among them.
    package internal(set) var count: Int
    /// Meaningless while `count` is 0.
    package internal(set) var entryPoint: UInt32
    /// -1 while `count` is 0.
    package internal(set) var maximumLevel: Int
    /// Slots that are not linked exist below `count`: erased and superseded ones.
    package var hasUnlinkedSlots: Bool
    package internal(set) var writesInPlace: Bool
    /// The batch that is being written; nil between batches.
    package internal(set) var changes: GraphChanges?
    /// The lowest slot that is linked, or lower.
    var lowestSlot: UInt32 = 0
    var lastOfEquals = LastOfEquals()
    var neededLists = NeededLists()
    /// Lists that searches may still be reading, with the epoch that has to pass.
    var retired = RetiredLists()
    /// The codes that walks compare; the memory of former ones until the searches that began with them have ended.
    private var currentCodes: CodeColumn?
    private var formerCodes: [(epoch: Epoch, codes: CodeColumn)] = []

    /// The lists of level 0 in memory of this process, for a store whose columns are not kept in memory. Set before
    /// anybody searches.
    package private(set) var packedLists: PackedLists?
    /// Has rows of vectors read from the disk together, before they are compared one by one; nil: they are in memory, or
    /// may be. Set before anybody searches.
    package var fetchRows: (@Sendable (UncheckedBuffer<UInt32>, Int) -> Void)?
    /// Lends a search what it reads rows of vectors with, if there is one left; nil: they are all read through the
    /// column. Set before anybody searches.
    package var lendRowReads: (@Sendable () -> (any RowReads)?)?
    /// The same for rows of the links column, for a store whose lists are on the disk: walks then look at several
    /// candidates at a time.
    package var lendListReads: (@Sendable () -> (any RowReads)?)?

    /// What searches go by, set when a batch is published.
    private let publishedCount: Atomic<Int>
    private let publishedEntry: Atomic<UInt64>
    private let publishedSequence: Atomic<UInt64>
    private let publishedDead: Atomic<Bool>
    private let publishedCodes = Atomic<UInt>(0)

    /// What shapes the graph.
    package struct Parameters: Sendable, Hashable {
        /// M: the links a node gets, and the most it has on the upper levels.
        package var connectivity: Int
        /// efConstruction: the search width of insertions; at least M.
        package var constructionWidth: Int
        package var maximumLevel: Int

        package init(connectivity: Int, constructionWidth: Int, maximumLevel: Int = 63) {
            self.connectivity = connectivity
            self.constructionWidth = max(constructionWidth, connectivity)
            self.maximumLevel = maximumLevel
        }

        /// The most links of a node on `level`.
        @inline(__always)
        package func capacity(level: Int) -> Int { level == 0 ? 2 * connectivity : connectivity }
    }

    /// The state of a graph that is not empty, as a store keeps it.
    package struct State: Sendable {
        package var count: Int
        package var entryPoint: UInt32
        package var maximumLevel: Int

        package init(count: Int, entryPoint: UInt32, maximumLevel: Int) {
            self.count = count
            self.entryPoint = entryPoint
            self.maximumLevel = maximumLevel
        }
    }

    /// `state`: nil for an empty graph. `capacity`: the most slots it can grow to. `hasDeadSlots`, `hasUnlinkedSlots`:
    /// whether there are slots that searches do not find, and among them ones that are erased or superseded.
    package init(
        columns: Columns, distances: Distances, parameters: Parameters, levels: LevelGenerator,
        upper: UpperLayers? = nil, state: State? = nil, capacity: Int, writesInPlace: Bool,
        hasDeadSlots: Bool = false, hasUnlinkedSlots: Bool = false, sequence: BatchNumber = 0
    ) throws(OutOfMemory) {
        readers = try Readers()
        self.columns = columns
        self.distances = distances
        self.parameters = parameters
        self.levels = levels
        self.capacity = capacity
        self.upper =
            if let upper { upper } else {
                try UpperLayers(connectivity: parameters.connectivity, slots: capacity)
            }
        overlay = try Overlay(capacity: parameters.capacity(level: 0), slots: capacity)
        slots = try SlotRecords(columns: columns, slots: capacity)
        count = state?.count ?? 0
        entryPoint = state?.entryPoint ?? 0
        maximumLevel = state?.maximumLevel ?? -1
        self.hasUnlinkedSlots = hasUnlinkedSlots
        self.writesInPlace = writesInPlace
        publishedCount = Atomic(0)
        publishedEntry = Atomic(0)
        publishedSequence = Atomic(sequence.rawValue)
        publishedDead = Atomic(false)
        try extend(slots: count)
        show(sequence: sequence, hasDeadSlots: hasDeadSlots)
    }

    /// Makes room for slots below `count` in what is kept in addition to the columns.
    package func extend(slots count: Int) throws(OutOfMemory) {
        try overlay.extend(slots: count)
        try slots.extend(slots: count)
        try packedLists?.extend(slots: count)
    }

    /// Has walks read lists from memory of this process. Before anybody searches; `packLists` brings the lists there.
    package func usePackedLists() throws(OutOfMemory) {
        let packed = try PackedLists(capacity: parameters.capacity(level: 0), slots: capacity, count: count)
        try packed.extend(slots: count)
        packedLists = packed
    }

    /// Brings the lists of some slots into memory of this process. From any thread, as a reader, whatever else goes on.
    package func packLists(_ slots: Range<Int>) {
        packedLists?.pack(slots, of: columns) {
            overlay.newest.load(Int($0)) != 0 || overlay.published.load(Int($0)) != 0
        }
    }

    /// The number of the last batch that searches see.
    package var sequence: BatchNumber { BatchNumber(rawValue: publishedSequence.load(ordering: .acquiring)) }

    /// Lets searches that begin from now on see the newest state, up to batch `sequence`.
    package func show(sequence: BatchNumber, hasDeadSlots: Bool) {
        show(
            sequence: sequence, hasDeadSlots: hasDeadSlots, count: count, entryPoint: entryPoint,
            maximumLevel: maximumLevel)
    }

    /// Lets searches see the newest state of a graph that was changed outside of batches.
    func showNewest() { show(sequence: sequence, hasDeadSlots: publishedDead.load(ordering: .relaxed)) }

    func show(sequence: BatchNumber, hasDeadSlots: Bool, count: Int, entryPoint: UInt32, maximumLevel: Int) {
        // The bound first: no search knows an entry point that is not below its bound.
        publishedCount.store(count, ordering: .releasing)
        publishedDead.store(hasDeadSlots, ordering: .releasing)
        publishedEntry.store(UInt64(maximumLevel + 1) << 32 | UInt64(entryPoint), ordering: .releasing)
        publishedSequence.store(sequence.rawValue, ordering: .releasing)
    }

    /// Lets walks that begin from now on, the writer's too, compare `codes`, which has rows for every slot in the
    /// graph; nil: the vectors. Whoever calls writes the graph.
    package func setCodes(_ codes: CodeColumn?) {
        let former = currentCodes
        currentCodes = codes
        let address = codes.map { unsafe UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0
        publishedCodes.store(address, ordering: .sequentiallyConsistent)
        let epoch = readers.advance()
        if let former { formerCodes.append((epoch, former)) }
        releaseFormerCodes()
    }

    /// Gives codes back that no search can be reading any more. Whoever calls writes the graph.
    package func releaseFormerCodes() {
        if !formerCodes.isEmpty { formerCodes.removeAll { readers.havePassed($0.epoch) } }
    }

    /// The codes that walks compare.
    package var codes: CodeColumn? { currentCodes }

    /// Bytes of a row of the codes that searches use; 0 if they use none. From any thread that reads.
    package var publishedCodeRowBytes: Int { codesForReading?.model.rowBytes ?? 0 }

    /// The codes that a search compares: they stay until it leaves, as a reader.
    private var codesForReading: CodeColumn? {
        let address = publishedCodes.load(ordering: .sequentiallyConsistent)
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: address) else { return nil }
        return unsafe Unmanaged<CodeColumn>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Slots that searches know of.
    package var publishedSlotCount: Int { publishedCount.load(ordering: .acquiring) }

    /// What a search that begins now sees. Good inside `Readers.read`, where it was taken.
    package var publishedView: GraphView {
        let sequence = self.sequence
        let entry = publishedEntry.load(ordering: .acquiring)
        let hasDead = publishedDead.load(ordering: .acquiring)
        let count = publishedCount.load(ordering: .acquiring)
        return GraphView(
            levelZero: lists(overlay.published), upper: upper.publishedView, count: count,
            entryPoint: UInt32(truncatingIfNeeded: entry), maximumLevel: Int(entry >> 32) - 1, sequence: sequence,
            hasDeadSlots: hasDead, codes: codesForReading)
    }

    /// What the writer sees.
    package var newestView: GraphView {
        GraphView(
            levelZero: lists(overlay.newest), upper: upper.newestView, count: count, entryPoint: entryPoint,
            maximumLevel: maximumLevel,
            // After every batch, and yet before the death of what is live.
            sequence: BatchNumber(rawValue: .max - 1), hasDeadSlots: false, codes: currentCodes)
    }

    /// What insertions see: as the writer does, but they go by codes only where those are good enough to build a graph
    /// by, and there are enough candidates to see that. Not with raw inner products: there the longest rows are
    /// everybody's neighbours, and a graph that is built a little otherwise may find much more, or much less.
    var insertionView: GraphView {
        let isGuided = parameters.constructionWidth >= 20 && distances.metric != CAIRN_INNER_PRODUCT
        let codes = isGuided ? currentCodes : nil
        return newestView.comparing(codes.flatMap { $0.model.guidesInsertion ? $0 : nil })
    }

    private func lists(_ places: ReservedArray<Atomic<UInt32>>) -> LevelZeroLists {
        LevelZeroLists(
            columns: columns, arena: overlay.arena, places: places, capacity: parameters.capacity(level: 0),
            packed: packedLists)
    }

    /// Whether a slot is part of the graph as the writer sees it: live or marked. The others may still be linked to, by
    /// lists that nobody has looked at since they were unlinked.
    @inline(__always)
    package func isLinked(_ slot: UInt32) -> Bool {
        guard slot < count else { return false }
        if writesInPlace && !hasUnlinkedSlots { return true }
        return SlotState.isLinked(slots.stateByte(slot))
    }

    /// The writer's neighbours of `slot` at `level`; for checks, not for searching.
    package func neighbors(_ slot: UInt32, level: Int) -> [UInt32] {
        let list = newestView.list(slot, level: level)
        return (0..<list.count).map { list.ids[$0] }
    }

    /// Heap memory the graph takes in addition to its columns. Only the writer may ask, or anybody if there is none.
    package var byteCount: Int { upper.byteCount + overlay.byteCount + slots.byteCount + (packedLists?.byteCount ?? 0) }
}

/// The graph as one reader sees it, be it a search or the writer: which lists, from where, up to which slot and batch.
@safe
package struct GraphView: Sendable {
    let levelZero: LevelZeroLists
    let upper: UpperLayers.View
    /// Ids from here on are not followed.
    package let count: Int
    package let entryPoint: UInt32
    package let maximumLevel: Int
    /// The last batch it sees.
    package let sequence: BatchNumber
    /// Slots that are not live exist, so each result's state has to be looked at.
    package let hasDeadSlots: Bool
    /// What walks compare in the place of vectors.
    var codes: CodeColumn?

    /// This view of the graph for walks that compare `codes`, which have rows for all its slots; nil: vectors.
    package func comparing(_ codes: CodeColumn?) -> GraphView {
        var view = self
        view.codes = codes
        return view
    }

    /// The ids of a list at any level; none for a slot that is not there or not so high, as a damaged file's lists and
    /// levels may say. Not for searches, which check ids before they follow them.
    func list(_ slot: UInt32, level: Int) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        if level == 0 { return slot < count ? levelZero.list(slot) : (.none, 0) }
        return level <= upper.level(slot) ? upper.list(slot, level: level) : (.none, 0)
    }
}

/// Where the hot loops find level-0 lists: in the overlay if the slot has a place there, else in the columns.
@safe
struct LevelZeroLists: @unchecked Sendable {
    // Sendable because it is immutable, the places it points to are atomic, and a list in the arena is not written once
    // searches may see it.

    let columns: Columns
    let arena: ListArena
    let places: UnsafeMutablePointer<Atomic<UInt32>>
    let capacity: Int
    /// Lists that have not changed since the last checkpoint, in memory of this process; nil: they are in the columns.
    let packed: PackedLists?

    init(
        columns: Columns, arena: ListArena, places: ReservedArray<Atomic<UInt32>>, capacity: Int, packed: PackedLists?
    ) {
        self.columns = columns
        self.arena = arena
        unsafe self.places = places.base
        self.capacity = capacity
        self.packed = packed
    }

    /// The same as `list(_:)` for walks, from memory of this process where that has it. `room`, for `capacity` ids, may
    /// become the list.
    @inline(__always)
    func list(
        _ slot: UInt32, _ room: UncheckedBuffer<UInt32>
    ) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        let place = unsafe (places + Int(slot)).pointee.load(ordering: .acquiring)
        if place != 0 { return changedList(place) }
        if let packed, let count = packed.unpack(slot, into: room) { return (room, count) }
        let count = unsafe Int(columns.linkHeads[Int(slot)] & 0xffff)
        return (base(slot), min(count, capacity))
    }

    /// The same for a walk that has read the slot's row of the columns. `copy`: the row; nil if it could not be read.
    func list(
        _ slot: UInt32, copy: UncheckedBuffer<UInt32>?
    ) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        let place = unsafe (places + Int(slot)).pointee.load(ordering: .acquiring)
        if place != 0 { return changedList(place) }
        let count = unsafe Int(columns.linkHeads[Int(slot)] & 0xffff)
        return (copy ?? base(slot), min(count, capacity))
    }

    /// Asks for a list that a walk will read soon.
    @inline(__always)
    func prefetch(_ slot: UInt32) {
        if let packed { packed.prefetch(slot) } else { columns.prefetchList(slot) }
    }

    /// The ids of a list; never more than a list can have, whatever the file says.
    @inline(__always)
    func list(_ slot: UInt32) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        let place = unsafe (places + Int(slot)).pointee.load(ordering: .acquiring)
        if place != 0 { return changedList(place) }
        let count = unsafe Int(columns.linkHeads[Int(slot)] & 0xffff)
        return (base(slot), min(count, capacity))
    }

    /// The slot's ids in the columns.
    @inline(__always)
    func base(_ slot: UInt32) -> UncheckedBuffer<UInt32> {
        unsafe UncheckedBuffer(columns.links + Int(slot) &* columns.linkStride, count: capacity)
    }

    @inline(never)
    private func changedList(_ place: UInt32) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        let list = arena.list(place)
        return (list.dropFirst(1), min(Int(list[0] & 0xffff), capacity))
    }
}
