package import Allocation
package import FileFormat
import Synchronization

/// What a batch does to the link lists: which it replaces, by which, and the state to go back to if it fails.
@safe
package final class GraphChanges: @unchecked Sendable {
    // Sendable because only the thread that writes the batch changes it, and only until `endBatch`.

    /// Marks the lists that the batch made and may still write.
    let owner: UInt32
    /// The batch's number, by which searches see it.
    package let sequence: BatchNumber
    package fileprivate(set) var lists: [List] = []
    fileprivate let before: Newest
    fileprivate var after: Newest?

    /// A list that the batch changed.
    package struct List: Sendable {
        package let slot: UInt32
        package let level: Int
        /// Whether the slot is a new row of the batch, whose lists begin empty.
        package let isNew: Bool
        /// Its place in the overlay, or its number in the upper layers.
        fileprivate let index: Int
        /// Where it was before the batch: a place in the arena, or 0 for the columns.
        fileprivate let old: UInt32
        fileprivate var place: UInt32
    }

    fileprivate struct Newest {
        let count: Int
        let entryPoint: UInt32
        let maximumLevel: Int
        let levels: LevelGenerator
        let hasUnlinkedSlots: Bool
        let lowestSlot: UInt32
        let upperNodes: Int

        init(_ graph: Graph) {
            count = graph.count
            entryPoint = graph.entryPoint
            maximumLevel = graph.maximumLevel
            levels = graph.levels
            hasUnlinkedSlots = graph.hasUnlinkedSlots
            lowestSlot = graph.lowestSlot
            upperNodes = graph.upper.nodeCount
        }
    }

    fileprivate init(_ graph: Graph, sequence: BatchNumber) {
        self.sequence = sequence
        // 0 is the owner of lists made in place.
        owner = UInt32(truncatingIfNeeded: sequence.rawValue) | 0x8000_0000
        before = Newest(graph)
    }

    /// Throws unless another list can be noted, and what publishing will note of all.
    fileprivate func expectRoom() throws(OutOfMemory) {
        guard lists.count == lists.capacity else { return }
        try ProcessMemory.expect(growing: lists.count, stride: MemoryLayout<List>.stride + 16)
    }
}

/// Lists that were replaced, until the searches that may be reading them have ended.
struct RetiredLists {
    private var lists: [(epoch: Epoch, arena: ListArena, places: [UInt32])] = []

    mutating func append(_ places: [UInt32], of arena: ListArena, epoch: Epoch) {
        if !places.isEmpty { lists.append((epoch, arena, places)) }
    }

    mutating func reclaim(_ readers: Readers) {
        var done = 0
        while done < lists.count && readers.havePassed(lists[done].epoch) {
            for place in lists[done].places { lists[done].arena.release(place) }
            done += 1
        }
        lists.removeFirst(done)
    }
}

extension Graph {
    /// Begins batch `sequence`, one more than the last. Only one batch is written at a time; the one before may still
    /// be waiting to be published.
    package func beginBatch(_ sequence: BatchNumber) {
        precondition(changes == nil && !writesInPlace)
        retired.reclaim(readers)
        releaseFormerCodes()
        findLowestSlot()
        changes = GraphChanges(self, sequence: sequence)
    }

    /// Ends the batch that is being written and returns what it did.
    package func endBatch() -> GraphChanges {
        guard let changes else { preconditionFailure("no batch has begun") }
        changes.after = GraphChanges.Newest(self)
        for index in changes.lists.indices {
            let list = changes.lists[index]
            changes.lists[index].place = places(list.level).newest.load(list.index)
        }
        self.changes = nil
        return changes
    }

    /// Throws unless there is memory for what publishing a batch notes. Not while one is published.
    package func expectRoom(toPublish changes: GraphChanges) throws(OutOfMemory) {
        try overlay.changedSlots.expectRoom(for: changes.lists.count)
        try upper.changedLists.expectRoom(for: changes.lists.count)
    }

    /// Lets searches see a batch: after all earlier ones. One thread at a time, while another may write the next batch.
    /// Returns what has to be passed to `retire` by whoever writes, once no batch is being written.
    package func publish(_ changes: GraphChanges, hasDeadSlots: Bool) -> (levelZero: [UInt32], upper: [UInt32]) {
        guard let after = changes.after else { preconditionFailure("the batch has not ended") }
        var retiredLevelZero: [UInt32] = [], retiredUpper: [UInt32] = []
        // The rows' own lists first, so that nobody comes to a row that has none yet.
        for isNew in [true, false] {
            for list in changes.lists where list.isNew == isNew {
                let places = self.places(list.level).published, old = places.load(list.index)
                places.store(list.place, at: list.index)
                if list.level == 0 {
                    if old == 0 { overlay.changedSlots.append(list.slot) } else { retiredLevelZero.append(old) }
                } else {
                    upper.changedLists.append(UInt32(list.index))
                    retiredUpper.append(old)
                }
            }
        }
        show(
            sequence: changes.sequence, hasDeadSlots: hasDeadSlots, count: after.count, entryPoint: after.entryPoint,
            maximumLevel: after.maximumLevel)
        return (retiredLevelZero, retiredUpper)
    }

    /// Lists that publishing replaced are used again when the searches of now have ended.
    package func retire(_ lists: (levelZero: [UInt32], upper: [UInt32])) {
        let epoch = readers.advance()
        retired.append(lists.levelZero, of: overlay.arena, epoch: epoch)
        retired.append(lists.upper, of: upper.arena, epoch: epoch)
    }

    /// Undoes the batch that is being written, or the last one that ended and was not published: the newest state is
    /// again what it was before.
    package func rollBack(_ changes: GraphChanges) {
        neededLists = NeededLists()
        for list in changes.lists {
            let places = self.places(list.level), place = places.newest.load(list.index)
            places.newest.store(list.old, at: list.index)
            if list.level == 0 && list.old == 0 { overlay.newestCount -= 1 }
            (list.level == 0 ? overlay.arena : upper.arena).release(place)
        }
        upper.removeNodes(from: changes.before.upperNodes)
        count = changes.before.count
        entryPoint = changes.before.entryPoint
        maximumLevel = changes.before.maximumLevel
        levels = changes.before.levels
        hasUnlinkedSlots = changes.before.hasUnlinkedSlots
        lowestSlot = changes.before.lowestSlot
        self.changes = nil
    }

    private func places(_ level: Int) -> (
        newest: ReservedArray<Atomic<UInt32>>, published: ReservedArray<Atomic<UInt32>>
    ) {
        level == 0 ? (overlay.newest, overlay.published) : (upper.newest, upper.published)
    }

    // MARK: Writing lists

    /// Makes sure that the list may be written: it belongs to the batch, or the graph is written in place. Serial.
    ///
    /// Links of a damaged file to slots that are not there are left out, for a log that has them is not read again;
    /// unless the log counts on the list being what it is (`asItIs`).
    func makeWritable(_ slot: UInt32, level: Int, asItIs: Bool = false) throws(OutOfMemory) {
        guard let changes else { return }
        let arena = level == 0 ? overlay.arena : upper.arena
        let index = index(slot, level: level), newest = places(level).newest, old = newest.load(index)
        if old != 0 && arena.owner(old) == changes.owner { return }
        let (ids, count) = self.list(slot, level: level)
        try changes.expectRoom()
        let place = try arena.allocate(owner: changes.owner), list = arena.list(place)
        var kept = 0
        for index in 0..<count where asItIs || ids[index] < UInt32(self.count) {
            kept += 1
            list[kept] = ids[index]
        }
        list[0] = UInt32(kept)
        if level == 0 && old == 0 { overlay.newestCount += 1 }
        newest.store(place, at: index)
        changes.lists.append(
            .init(slot: slot, level: level, isNew: false, index: index, old: old, place: place))
    }

    /// The head and ids of a list, as it is, that the batch being written may change. Serial.
    func writableList(_ slot: UInt32, level: Int) throws(OutOfMemory) -> UncheckedBuffer<UInt32> {
        try makeWritable(slot, level: level, asItIs: true)
        let arena = level == 0 ? overlay.arena : upper.arena
        return arena.list(places(level).newest.load(index(slot, level: level)))
    }

    /// Gives a new row an empty list. Serial.
    func startList(_ slot: UInt32, level: Int) throws(OutOfMemory) {
        guard let changes else {
            if level == 0 { setList(slot, level: 0, .none, count: 0) }
            return
        }
        let arena = level == 0 ? overlay.arena : upper.arena
        let index = index(slot, level: level), newest = places(level).newest
        try changes.expectRoom()
        let place = try arena.allocate(owner: changes.owner), old = newest.load(index)
        if level == 0 && old == 0 { overlay.newestCount += 1 }
        changes.lists.append(.init(slot: slot, level: level, isNew: true, index: index, old: old, place: place))
        newest.store(place, at: index)
    }

    private func index(_ slot: UInt32, level: Int) -> Int {
        guard level > 0 else { return Int(slot) }
        guard let first = upper.firstList(slot) else { preconditionFailure("slot \(slot) has no upper lists") }
        return first + level - 1
    }

    /// The writer's list at any level; what `newestView` has, without making a view.
    func list(_ slot: UInt32, level: Int) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        let capacity = parameters.capacity(level: level)
        if level == 0 {
            let place = overlay.newest.load(Int(slot))
            guard place != 0 else {
                let base = unsafe UncheckedBuffer(columns.links + Int(slot) &* columns.linkStride, count: capacity)
                return (base, min(unsafe Int(columns.linkHeads[Int(slot)] & 0xffff), capacity))
            }
            let list = overlay.arena.list(place)
            return (list.dropFirst(1), min(Int(list[0] & 0xffff), capacity))
        }
        guard let first = upper.firstList(slot) else { return (.none, 0) }
        let list = upper.list(number: first + level - 1)
        return (list.dropFirst(1), min(Int(list[0] & 0xffff), capacity))
    }

    func listCount(_ slot: UInt32, level: Int) -> Int { list(slot, level: level).count }

    /// Replaces a list that is writable. In place, stale ids past the new count stay; in a batch they become zeros.
    func setList(_ slot: UInt32, level: Int, _ ids: UncheckedBuffer<UInt32>, count: Int) {
        let place = places(level).newest.load(index(slot, level: level))
        guard place != 0 else {
            precondition(changes == nil)
            unsafe UncheckedBuffer(
                columns.links + Int(slot) &* columns.linkStride, count: parameters.capacity(level: 0)
            ).copy(ids, length: count)
            unsafe columns.linkHeads[Int(slot)] = columns.linkHeads[Int(slot)] & 0xffff_0000 | UInt32(count)
            return
        }
        let arena = level == 0 ? overlay.arena : upper.arena
        let list = arena.list(place), old = Int(list[0])
        assert(changes == nil || arena.owner(place) == changes!.owner)
        list.dropFirst(1).copy(ids, length: count)
        if changes != nil { for index in count..<max(count, old) { list[1 + index] = 0 } }
        list[0] = UInt32(count)
    }

    // MARK: For the log and for checkpoints

    /// A changed list for the log: its ids now, and how many of the first are those that it had before the batch. Until
    /// the lists of the batch are retired.
    package func contents(of list: GraphChanges.List) -> (ids: UncheckedBuffer<UInt32>, count: Int, kept: Int) {
        let arena = list.level == 0 ? overlay.arena : upper.arena
        let now = arena.list(list.place), count = Int(now[0] & 0xffff), ids = now.dropFirst(1)
        guard !list.isNew else { return (ids, count, 0) }
        let before: (ids: UncheckedBuffer<UInt32>, count: Int)
        if list.old == 0 {
            let base = newestView.levelZero.base(list.slot)
            before = unsafe (base, min(Int(columns.linkHeads[Int(list.slot)] & 0xffff), overlay.arena.capacity))
        } else {
            let old = arena.list(list.old)
            before = (old.dropFirst(1), Int(old[0] & 0xffff))
        }
        var kept = 0
        while kept < min(count, before.count) && ids[kept] == before.ids[kept] { kept += 1 }
        return (ids, count, kept)
    }

    /// The level-0 lists to be written into the columns, in slot order, each with its head and ids; then, with
    /// `forgetChangedLists`, searches find them there.
    package func changedLists() -> [(slot: UInt32, list: UncheckedBuffer<UInt32>)] {
        overlay.changedSlots.sorted().map { ($0, overlay.arena.list(overlay.published.load(Int($0)))) }
    }

    /// The columns have every changed list: from now on they are read there. No batch is being written or waiting.
    package func forgetChangedLists() {
        var places: [UInt32] = []
        packedLists?.update(changedLists().map { ($0.slot, $0.list.dropFirst(1), Int($0.list[0] & 0xffff)) })
        for slot in overlay.changedSlots {
            places.append(overlay.published.load(Int(slot)))
            overlay.published.store(0, at: Int(slot))
            overlay.newest.store(0, at: Int(slot))
        }
        overlay.changedSlots.removeAll()
        overlay.newestCount = 0
        upper.forgetChangedLists()
        retired.append(places, of: overlay.arena, epoch: readers.advance())
        retired.reclaim(readers)
    }

    /// Writes every changed list and slot into the columns, which are this process's own memory, and reads them there
    /// from now on. No batch is being written or waiting, and no search began before the last one was published.
    package func fold() {
        for (slot, list) in changedLists() {
            let ids = unsafe UncheckedBuffer(
                columns.links + Int(slot) &* columns.linkStride, count: parameters.capacity(level: 0))
            ids.copy(list.dropFirst(1), length: ids.count)
            unsafe columns.linkHeads[Int(slot)] = list[0]
        }
        for slot in slots.changedSlots { columns.setEntry(slot, slots.entry(slot)) }
        forgetChangedLists()
    }
}
