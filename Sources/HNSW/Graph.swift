/// A hierarchical navigable small world graph (Malkov and Yashunin, 2018) over columns that somebody else owns: files
/// mapped into memory, or arrays.
///
/// Threads: any number may search at a time; whoever inserts, grows or rebuilds must be alone.
@safe
package final class Graph: @unchecked Sendable {
    package let columns: Columns
    package let distances: Distances
    package let parameters: Parameters
    package internal(set) var upper: UpperLayers
    package let overlay: Overlay
    package internal(set) var levels: LevelGenerator
    /// Slots in the graph.
    package internal(set) var count: Int
    /// Meaningless while `count` is 0.
    package internal(set) var entryPoint: UInt32
    /// -1 while `count` is 0.
    package internal(set) var maximumLevel: Int
    /// Lists of slots below this are not written in place: changes go to the overlay.
    package let publishedCount: Int
    /// Slots that searches must not return exist, so each result's state has to be looked at.
    package var hasDeadSlots: Bool

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

    /// `state`: nil for an empty graph. `isPublished`: the slots are those of a file that must not be written in place.
    package init(
        columns: Columns, distances: Distances, parameters: Parameters, levels: LevelGenerator,
        upper: UpperLayers? = nil, state: State? = nil, isPublished: Bool = false, hasDeadSlots: Bool = false
    ) {
        self.columns = columns
        self.distances = distances
        self.parameters = parameters
        self.levels = levels
        self.upper = upper ?? UpperLayers(connectivity: parameters.connectivity)
        overlay = Overlay(capacity: parameters.capacity(level: 0))
        count = state?.count ?? 0
        entryPoint = state?.entryPoint ?? 0
        maximumLevel = state?.maximumLevel ?? -1
        publishedCount = isPublished ? count : 0
        self.hasDeadSlots = hasDeadSlots
        overlay.prepare(slots: count)
    }

    /// Level-0 lists as values for a hot loop.
    @inline(__always)
    var levelZero: LevelZeroLists {
        LevelZeroLists(columns: columns, overlay: overlay, capacity: parameters.capacity(level: 0))
    }

    /// The neighbours of `slot` at `level`, which it must have; for checks and exports, not for searching.
    package func neighbors(_ slot: UInt32, level: Int) -> [UInt32] {
        if level == 0 {
            let list = levelZero.list(slot)
            return (0..<list.count).map { list.ids[$0] }
        }
        let list = upper.list(slot, level: level)
        return (0..<Int(list[0] & 0xffff)).map { list[1 + $0] }
    }

    /// Heap memory the graph takes beside its columns.
    package var byteCount: Int { upper.byteCount + overlay.byteCount }
}

/// Where the hot loops find level-0 lists: in the overlay if the slot's state byte says so, else in the columns.
@safe
struct LevelZeroLists {
    let columns: Columns
    let overlay: Overlay
    let states: UncheckedBuffer<UInt8>
    let capacity: Int

    @inline(__always)
    init(columns: Columns, overlay: Overlay, capacity: Int) {
        self.columns = columns
        self.overlay = overlay
        states = overlay.stateBytes
        self.capacity = capacity
    }

    /// The ids of a list; never more than a list can have, whatever the file says.
    @inline(__always)
    func list(_ slot: UInt32) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        if states[Int(slot)] & Overlay.changed != 0 { return changedList(slot) }
        let count = unsafe Int(columns.linkHeads[Int(slot)] & 0xffff)
        return (base(slot), min(count, capacity))
    }

    /// The slot's ids in the columns.
    @inline(__always)
    func base(_ slot: UInt32) -> UncheckedBuffer<UInt32> {
        unsafe UncheckedBuffer(columns.links + Int(slot) &* columns.linkStride, count: capacity)
    }

    @inline(never)
    private func changedList(_ slot: UInt32) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        let list = overlay.list(slot)
        return (list.dropFirst(1), min(Int(list[0] & 0xffff), capacity))
    }

    /// Replaces the list; stale ids past the new count stay.
    func setList(_ slot: UInt32, _ ids: UncheckedBuffer<UInt32>, count: Int) {
        if states[Int(slot)] & Overlay.changed != 0 {
            let list = overlay.list(slot)
            list.dropFirst(1).copy(ids, length: count)
            list[0] = list[0] & 0xffff_0000 | UInt32(count)
        } else {
            base(slot).copy(ids, length: count)
            unsafe columns.linkHeads[Int(slot)] = columns.linkHeads[Int(slot)] & 0xffff_0000 | UInt32(count)
        }
    }

    /// Puts a published slot's list into the overlay before it is changed. Not while anyone reads lists.
    func makeWritable(_ slot: UInt32) {
        overlay.makeList(slot, head: unsafe columns.linkHeads[Int(slot)], ids: base(slot))
    }
}

extension Graph {
    /// The ids of a list at any level, for writing.
    func list(_ slot: UInt32, level: Int) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
        if level == 0 { return levelZero.list(slot) }
        let list = upper.list(slot, level: level)
        return (list.dropFirst(1), min(Int(list[0] & 0xffff), parameters.connectivity))
    }

    func listCount(_ slot: UInt32, level: Int) -> Int { list(slot, level: level).count }

    func setList(_ slot: UInt32, level: Int, _ ids: UncheckedBuffer<UInt32>, count: Int) {
        if level == 0 { return levelZero.setList(slot, ids, count: count) }
        let list = upper.list(slot, level: level)
        list.dropFirst(1).copy(ids, length: count)
        list[0] = UInt32(count)
    }
}
