/// The link lists of the levels above 0, in heap memory: about one node in M has any. A list is a head (its count) and M
/// ids; a node of level L has L consecutive lists, level 1 first. The arrays have the form they have in the file
/// `upper`, so that opening reads them in one go.
@safe
package final class UpperLayers {
    package let connectivity: Int
    /// Slot and level of each node, two u32 a node, in the order they came.
    package private(set) var nodes = Memory<UInt32>(1)
    package private(set) var lists = Memory<UInt32>(1)
    package private(set) var nodeCount = 0
    package private(set) var listCount = 0
    /// The number of each node's first list.
    private var firstLists = SlotMap()

    package init(connectivity: Int) {
        self.connectivity = connectivity
    }

    /// u32s in a list.
    package var listLength: Int { connectivity + 1 }

    package var byteCount: Int { nodes.byteCount + lists.byteCount + firstLists.byteCount }

    /// Adds a node with `level` empty lists. Not while anyone reads lists.
    package func add(_ slot: UInt32, level: Int) {
        precondition(level > 0)
        nodes.grow(to: 2 * (nodeCount + 1))
        nodes.buffer[2 * nodeCount] = slot
        nodes.buffer[2 * nodeCount + 1] = UInt32(level)
        nodeCount += 1
        lists.grow(to: (listCount + level) * listLength)
        firstLists.insert(slot, listCount)
        listCount += level
    }

    /// The lists as a value for a hot loop; good until a node is added.
    @inline(__always)
    var view: View {
        View(firstLists: firstLists.view, lists: lists.buffer, listLength: listLength)
    }

    @safe
    struct View {
        let firstLists: SlotMap.View
        let lists: UncheckedBuffer<UInt32>
        let listLength: Int

        /// The list of `slot` at `level`, which it must have: its head, then its ids.
        @inline(__always)
        func list(_ slot: UInt32, level: Int) -> UncheckedBuffer<UInt32> {
            lists.dropFirst((firstLists[slot]! &+ level &- 1) &* listLength)
        }
    }

    /// The list of `slot` at `level`, which it must have: its head, then its ids.
    func list(_ slot: UInt32, level: Int) -> UncheckedBuffer<UInt32> { view.list(slot, level: level) }
}

extension UpperLayers {
    /// Takes over nodes and lists read from a file, after checking every id and count in them: a list that passes can be
    /// followed without further checks. False, and nothing useful inside, when something does not fit.
    package convenience init?(
        connectivity: Int, nodes: Memory<UInt32>, nodeCount: Int, lists: Memory<UInt32>, listCount: Int,
        slotCount: Int, entryPoint: UInt32, maximumLevel: Int
    ) {
        self.init(connectivity: connectivity)
        self.nodes = nodes
        self.lists = lists
        self.nodeCount = nodeCount
        self.listCount = listCount
        firstLists = SlotMap(expected: nodeCount)
        var first = 0
        for node in 0..<nodeCount {
            let slot = nodes.buffer[2 * node], level = nodes.buffer[2 * node + 1]
            guard slot < slotCount, (1...UInt32(max(maximumLevel, 1))).contains(level), firstLists.view[slot] == nil,
                first + Int(level) <= listCount
            else { return nil }
            firstLists.insert(slot, first)
            first += Int(level)
        }
        guard first == listCount, isSound(slotCount: slotCount) else { return nil }
        guard maximumLevel <= 0 || level(of: entryPoint) == maximumLevel else { return nil }
    }

    private func level(of slot: UInt32) -> Int {
        for node in 0..<nodeCount where nodes.buffer[2 * node] == slot { return Int(nodes.buffer[2 * node + 1]) }
        return 0
    }

    private func isSound(slotCount: Int) -> Bool {
        // The level of a node by the number of its first list: one lookup an id, no dictionary of nodes. Everything in
        // locals: this is most of the time that opening takes.
        let levelMemory = Memory<UInt8>(max(listCount, 1))
        let levelOfList = levelMemory.buffer, nodes = nodes.buffer, view = view
        defer { withExtendedLifetime(levelMemory) {} }
        var first = 0
        for node in 0..<nodeCount {
            let level = Int(nodes[2 * node + 1])
            levelOfList[first] = UInt8(level)
            first += level
        }
        var list = 0
        for node in 0..<nodeCount {
            for level in 1...Int(nodes[2 * node + 1]) {
                let words = view.lists.dropFirst(list &* view.listLength)
                let count = Int(words[0] & 0xffff)
                guard count <= connectivity else { return false }
                for index in 0..<count {
                    // The bound first: the map takes the highest u32 for an empty bucket.
                    let id = words[1 + index]
                    guard id < slotCount, let first = view.firstLists[id], Int(levelOfList[first]) >= level else {
                        return false
                    }
                }
                list += 1
            }
        }
        return true
    }
}
