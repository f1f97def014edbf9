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
    /// Open addressing from slot + 1 to the number of its first list; 0 is empty.
    private var keys = Memory<UInt32>(64)
    private var values = Memory<UInt32>(64)

    package init(connectivity: Int) {
        self.connectivity = connectivity
    }

    /// u32s in a list.
    package var listLength: Int { connectivity + 1 }

    package var byteCount: Int { nodes.byteCount + lists.byteCount + keys.byteCount + values.byteCount }

    /// Adds a node with `level` empty lists. Not while anyone reads lists.
    package func add(_ slot: UInt32, level: Int) {
        precondition(level > 0)
        nodes.grow(to: 2 * (nodeCount + 1))
        nodes.buffer[2 * nodeCount] = slot
        nodes.buffer[2 * nodeCount + 1] = UInt32(level)
        nodeCount += 1
        lists.grow(to: (listCount + level) * listLength)
        if 2 * nodeCount > keys.buffer.count { rehash() }
        place(slot, UInt32(listCount))
        listCount += level
    }

    /// The lists as a value for a hot loop; good until a node is added.
    @inline(__always)
    var view: View {
        View(keys: keys.buffer, values: values.buffer, lists: lists.buffer, listLength: listLength)
    }

    @safe
    struct View {
        let keys: UncheckedBuffer<UInt32>
        let values: UncheckedBuffer<UInt32>
        let lists: UncheckedBuffer<UInt32>
        let listLength: Int

        /// The list of `slot` at `level`, which it must have: its head, then its ids.
        @inline(__always)
        func list(_ slot: UInt32, level: Int) -> UncheckedBuffer<UInt32> {
            lists.dropFirst((firstList(of: slot)! &+ level &- 1) &* listLength)
        }

        @inline(__always)
        func firstList(of slot: UInt32) -> Int? {
            let mask = keys.count &- 1
            var bucket = UpperLayers.hash(slot) & mask
            while true {
                let key = keys[bucket]
                if key == slot &+ 1 { return Int(values[bucket]) }
                if key == 0 { return nil }
                bucket = (bucket &+ 1) & mask
            }
        }
    }

    /// The list of `slot` at `level`, which it must have: its head, then its ids.
    func list(_ slot: UInt32, level: Int) -> UncheckedBuffer<UInt32> { view.list(slot, level: level) }

    private func firstList(of slot: UInt32) -> Int? { view.firstList(of: slot) }

    private func place(_ slot: UInt32, _ value: UInt32) {
        let mask = keys.buffer.count - 1
        var bucket = Self.hash(slot) & mask
        while keys.buffer[bucket] != 0 { bucket = (bucket + 1) & mask }
        keys.buffer[bucket] = slot + 1
        values.buffer[bucket] = value
    }

    private func rehash() {
        let (oldKeys, oldValues) = (keys, values)
        keys = Memory(2 * oldKeys.buffer.count)
        values = Memory(2 * oldKeys.buffer.count)
        for bucket in 0..<oldKeys.buffer.count where oldKeys.buffer[bucket] != 0 {
            place(oldKeys.buffer[bucket] - 1, oldValues.buffer[bucket])
        }
    }

    @inline(__always)
    fileprivate static func hash(_ slot: UInt32) -> Int { Int((slot &* 0x9E37_79B1) >> 4) }
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
        var capacity = 64
        while capacity < 2 * nodeCount { capacity *= 2 }
        keys = Memory(capacity)
        values = Memory(capacity)
        var first = 0
        for node in 0..<nodeCount {
            let slot = nodes.buffer[2 * node], level = nodes.buffer[2 * node + 1]
            guard slot < slotCount, (1...UInt32(max(maximumLevel, 1))).contains(level), firstList(of: slot) == nil,
                first + Int(level) <= listCount
            else { return nil }
            place(slot, UInt32(first))
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
                    // The bound first: `firstList` takes the highest u32 for an empty bucket.
                    let id = words[1 + index]
                    guard id < slotCount, let first = view.firstList(of: id), Int(levelOfList[first]) >= level else {
                        return false
                    }
                }
                list += 1
            }
        }
        return true
    }
}
