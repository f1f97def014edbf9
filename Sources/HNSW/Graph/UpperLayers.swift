package import Allocation
import Synchronization

/// The link lists of the levels above 0, in heap memory: about one node in M has any. A list is a head (its count) and
/// M ids; a node of level L has L consecutive list numbers, level 1 first.
///
/// As on level 0 a list is never written while searches may read it: each number leads to a place in the arena, one
/// that searches see and one that the writer does. A slot keeps its level for ever, so a node, once added, stays.
@safe
package final class UpperLayers: @unchecked Sendable {
    // Sendable because searches read only atomics, `firstLists` and published lists, `changedLists` belongs to whoever
    // publishes, one thread at a time, and the rest to the thread that writes.

    package let connectivity: Int
    /// Slot and level of each node, two u32 a node, in the order they came.
    package let nodes = Memory<UInt32>()
    package private(set) var nodeCount = 0
    package private(set) var listCount = 0
    let arena: ListArena
    let published: ReservedArray<Atomic<UInt32>>
    let newest: ReservedArray<Atomic<UInt32>>
    /// The number of each node's first list, and its level.
    private let firstLists: SlotMap
    /// Lists published since the last checkpoint; a list may come more than once.
    var changedLists: [UInt32] = []

    /// `slots`: the most there can be in the store. `nodes`: how many are expected at once.
    package init(connectivity: Int, slots: Int, nodes: Int = 0) throws(OutOfMemory) {
        self.connectivity = connectivity
        let lists = max(2 * slots, min(63 * slots, 1 << 26)) + 64
        arena = try ListArena(capacity: connectivity, owners: lists)
        published = try ReservedArray(capacity: lists)
        newest = try ReservedArray(capacity: lists)
        firstLists = try SlotMap(expected: nodes)
    }

    /// u32s of a list in the file: its head and its ids.
    package var listLength: Int { connectivity + 1 }

    package var byteCount: Int {
        nodes.byteCount + arena.count * arena.listBytes + listCount * 8 + firstLists.byteCount
    }

    /// Whether there are numbers left for `level` lists: always, if levels are drawn as they should be (there are then
    /// fewer lists than slots); files can claim others.
    func hasRoom(level: Int) -> Bool { hasRoom(lists: level) }
    package func hasRoom(lists: Int) -> Bool { listCount + lists <= published.capacity }

    /// Adds a node with `level` empty lists, which nobody links to yet, and returns the number of the first.
    @discardableResult
    package func add(_ slot: UInt32, level: Int) throws(OutOfMemory) -> Int {
        precondition(level > 0)
        guard hasRoom(level: level) else { throw OutOfMemory(bytes: level * arena.listBytes) }
        let first = listCount, end = listCount + level
        try nodes.grow(to: 2 * (nodeCount + 1))
        try published.extend(to: end)
        try newest.extend(to: end)
        var made = first
        do throws(OutOfMemory) {
            while made < end {
                let place = try arena.allocate(owner: 0)
                published.store(place, at: made)
                newest.store(place, at: made)
                made += 1
            }
            try firstLists.insert(slot, first: first, level: level)
        } catch {
            for list in first..<made { arena.release(newest.load(list)) }
            throw error
        }
        nodes.buffer[2 * nodeCount] = slot
        nodes.buffer[2 * nodeCount + 1] = UInt32(level)
        nodeCount += 1
        listCount = end
        return first
    }

    /// Takes back the nodes from number `count` on, which no published list leads to.
    func removeNodes(from count: Int) {
        while nodeCount > count {
            nodeCount -= 1
            listCount -= Int(nodes.buffer[2 * nodeCount + 1])
            firstLists.remove(nodes.buffer[2 * nodeCount])
            for list in listCount..<listCount + Int(nodes.buffer[2 * nodeCount + 1]) {
                arena.release(newest.load(list))
            }
        }
    }

    /// Slot and level of each node, by slot.
    package var nodesBySlot: [(slot: UInt32, level: Int)] {
        (0..<nodeCount).map { (nodes.buffer[2 * $0], Int(nodes.buffer[2 * $0 + 1])) }.sorted { $0.0 < $1.0 }
    }

    /// The number of the first list of `slot`; nil if it is not a node.
    package func firstList(_ slot: UInt32) -> Int? { firstLists.view[slot] }

    /// How many lists `slot` has; 0 if it is not a node. This and not the slot table, which may be damaged, says which
    /// lists there are.
    package func level(_ slot: UInt32) -> Int { firstLists.view.level(slot) }

    /// A list as the writer sees it, by its number: head, then ids.
    package func list(number: Int) -> UncheckedBuffer<UInt32> { arena.list(newest.load(number)) }

    /// The numbers of the lists that were published since they were last forgotten, each once, ascending.
    package var changedListNumbers: [UInt32] { Set(changedLists).sorted() }

    package func forgetChangedLists() { changedLists.removeAll() }

    /// Lists for searches, as a value for a hot loop; nodes added later may be missing from it.
    @inline(__always)
    var publishedView: View {
        View(firstLists: firstLists.view, arena: arena, places: published, capacity: connectivity)
    }

    /// Lists for the writer.
    @inline(__always)
    var newestView: View { View(firstLists: firstLists.view, arena: arena, places: newest, capacity: connectivity) }

    @safe
    struct View: @unchecked Sendable {
        // Sendable because it is immutable, the places it points to are atomic, and a list is not written once searches
        // may see it.

        let firstLists: SlotMap.View
        let arena: ListArena
        let places: UnsafeMutablePointer<Atomic<UInt32>>
        let capacity: Int

        @inline(__always)
        init(firstLists: SlotMap.View, arena: ListArena, places: ReservedArray<Atomic<UInt32>>, capacity: Int) {
            self.firstLists = firstLists
            self.arena = arena
            unsafe self.places = places.base
            self.capacity = capacity
        }

        /// The ids of the list of `slot` at `level`, which it must have; none for a node that is newer than this view.
        @inline(__always)
        func list(_ slot: UInt32, level: Int) -> (ids: UncheckedBuffer<UInt32>, count: Int) {
            guard let first = firstLists[slot] else { return (.none, 0) }
            let place = unsafe (places + (first &+ level &- 1)).pointee.load(ordering: .acquiring)
            let list = arena.list(place)
            return (list.dropFirst(1), min(Int(list[0] & 0xffff), capacity))
        }

        /// How many lists `slot` has.
        func level(_ slot: UInt32) -> Int { firstLists.level(slot) }
    }
}

extension UpperLayers {
    /// Takes over nodes and lists read from a file, after checking every id and count in them: a list that passes can
    /// be followed without further checks. nil when something does not fit.
    package convenience init?(
        connectivity: Int, slots: Int, nodes: UncheckedBuffer<UInt32>, nodeCount: Int, lists: UncheckedBuffer<UInt32>,
        listCount: Int, slotCount: Int, entryPoint: UInt32, maximumLevel: Int
    ) throws(OutOfMemory) {
        try self.init(connectivity: connectivity, slots: slots, nodes: nodeCount)
        for node in 0..<nodeCount {
            let slot = nodes[2 * node], level = nodes[2 * node + 1]
            guard slot < slotCount, (1...63).contains(level), firstList(slot) == nil,
                self.listCount + Int(level) <= listCount, hasRoom(level: Int(level))
            else { return nil }
            try add(slot, level: Int(level))
        }
        guard self.listCount == listCount, maximumLevel <= 0 || self.level(entryPoint) == maximumLevel else {
            return nil
        }
        let view = firstLists.view
        var number = 0
        for node in 0..<nodeCount {
            for level in 1...Int(nodes[2 * node + 1]) {
                let words = lists.dropFirst(number &* listLength), count = Int(words[0] & 0xffff)
                guard count <= connectivity else { return nil }
                for index in 0..<count where view.level(words[1 + index]) < level { return nil }
                list(number: number).copy(words, length: listLength)
                number += 1
            }
        }
    }
}
