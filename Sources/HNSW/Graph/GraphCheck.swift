package import Allocation
import CKernels
import FileFormat

/// Looks at every slot and list of a graph, as a reader sees it. Memory: a bit and a u32 a slot, and another
/// u32 for each that is unreachable.
package struct GraphCheck {
    private let graph: Graph
    private let view: GraphView
    private let report: (String) -> Void
    /// Slots by state, 0 to 4.
    package private(set) var counts = [0, 0, 0, 0, 0]
    /// Linked slots that no links lead to from the entry point, ascending.
    package private(set) var unreachable: [UInt32] = []
    /// Linked slots with a list that has an id twice or the slot's own, ascending: hnswlib writes such lists where it
    /// updates one element while it adds another, and searches do not notice.
    package private(set) var repeating: [UInt32] = []
    /// Linked slots of which there is something to report.
    package private(set) var wrong: Set<UInt32> = []
    /// Over slots, vectors, norms and links.
    package private(set) var checksum: UInt64 = 0

    /// `report` is called with each problem.
    package init(_ graph: Graph, _ view: GraphView, report: @escaping (String) -> Void) {
        self.graph = graph
        self.view = view
        self.report = report
    }

    /// `progress` is told of each slot twice: once it was looked at, and once it is known whether links lead to it. It
    /// ends the check by saying false.
    package mutating func run(progress: (_ slots: Int) -> Bool = { _ in true }) throws(OutOfMemory) {
        for slot in 0..<UInt32(truncatingIfNeeded: view.count) {
            try check(slot)
            guard progress(1) else { return }
        }
        defer { _ = progress(view.count) }
        if view.maximumLevel >= 0 {
            checkEntryPoint()
            try countUnreachable()
        } else if counts[1] + counts[2] > 0 {
            report("the graph has no entry point")
        }
    }

    /// Reports a sentence about a slot, which is told what to call it.
    private mutating func note(_ slot: UInt32, _ sentence: (_ name: String) -> String) throws(OutOfMemory) {
        guard isLinked(slot) else { return report(sentence("slot \(slot)")) }
        try wrong.expectRoom()
        wrong.insert(slot)
        report(sentence("slot \(slot) (label \(graph.slots.label(slot)))"))
    }

    private func isLinked(_ slot: UInt32) -> Bool {
        slot < view.count && graph.slots.hasLabel(slot, at: view.sequence)
    }

    private mutating func check(_ slot: UInt32) throws(OutOfMemory) {
        let entry = graph.slots.entry(slot)
        guard entry.state.isUsed, entry.level <= graph.parameters.maximumLevel else {
            return try note(slot) { "\($0) has state \(entry.state) and level \(entry.level)" }
        }
        counts[Int(entry.state.rawValue)] += 1
        add(slot, entry)
        let level = view.upper.level(slot)
        if entry.level != level {
            try note(slot) { "\($0) is of level \(entry.level), and its lists of level \(level)" }
        }
        guard isLinked(slot) else { return }
        if level > view.maximumLevel { try note(slot) { "\($0) is of level \(level), above the entry point" } }
        try checkLists(slot, levels: level)
    }

    private mutating func checkLists(_ slot: UInt32, levels: Int) throws(OutOfMemory) {
        for level in 0...levels {
            let (ids, count) = view.list(slot, level: level)
            var seen: Set<UInt32> = [slot]
            for index in 0..<count {
                let id = ids[index]
                if id >= view.count {
                    try note(slot) { "the list of \($0) at level \(level) has id \(id), beyond the last slot" }
                } else if !seen.insert(id).inserted {
                    if repeating.last == slot { continue }
                    try repeating.expectRoom()
                    repeating.append(slot)
                } else if view.upper.level(id) < level {
                    try note(slot) { "the list of \($0) at level \(level) has slot \(id), which is not so high" }
                }
            }
        }
    }

    private func checkEntryPoint() {
        let level = view.entryPoint < view.count ? view.upper.level(view.entryPoint) : -1
        if level != view.maximumLevel || !isLinked(view.entryPoint) {
            report("the entry point, slot \(view.entryPoint), is not a node of level \(view.maximumLevel)")
        }
    }

    private mutating func countUnreachable() throws(OutOfMemory) {
        guard view.entryPoint < view.count else { return }
        let memory = try Memory<UInt64>((view.count + 63) / 64), waiting = try Memory<UInt32>(view.count)
        let words = memory.buffer
        /// Whether the slot was not seen before.
        func see(_ slot: UInt32) -> Bool {
            let bit = UInt64(1) << UInt64(slot & 63), isNew = words[Int(slot >> 6)] & bit == 0
            words[Int(slot >> 6)] |= bit
            return isNew
        }
        // Through linked slots only: the list of a free one is gone when the slot is used again. Not before the first
        // batch, though, which takes what an import left free out of the graph.
        let walksAll = view.sequence == 0
        guard isLinked(view.entryPoint) else { return }
        _ = see(view.entryPoint)
        waiting.buffer[0] = view.entryPoint
        var next = 0, found = 1
        while next < found {
            let (ids, count) = view.levelZero.list(waiting.buffer[next])
            next += 1
            for index in 0..<count where ids[index] < view.count && (walksAll || isLinked(ids[index])) {
                guard see(ids[index]) else { continue }
                waiting.buffer[found] = ids[index]
                found += 1
            }
        }
        for slot in 0..<UInt32(truncatingIfNeeded: view.count) where isLinked(slot) && see(slot) {
            try unreachable.expectRoom()
            unreachable.append(slot)
        }
        withExtendedLifetime((memory, waiting)) {}
    }

    /// Adds a slot to the checksum: its row of the slot table, its links, and its vector if it is in use.
    private mutating func add(_ slot: UInt32, _ entry: SlotRecords.Entry) {
        var words: [UInt64] = [UInt64(slot), entry.label, UInt64(entry.level) << 8 | UInt64(entry.state.rawValue)]
        let (ids, count) = view.levelZero.list(slot)
        words.append(UInt64(count))
        for index in 0..<ids.count { words.append(UInt64(ids[index])) }
        if isLinked(slot) {
            let row = unsafe graph.columns.vector(slot)
            words.append(unsafe UInt64(cairn_crc32c(0, row, graph.columns.vectorStride)))
            if let norms = unsafe graph.columns.norms { words.append(unsafe UInt64(norms[Int(slot)].bitPattern)) }
        }
        let low = unsafe words.withUnsafeBytes { unsafe cairn_crc32c(1, $0.baseAddress, $0.count) }
        let high = unsafe words.withUnsafeBytes { unsafe cairn_crc32c(2, $0.baseAddress, $0.count) }
        checksum = (checksum &* 0x9E37_79B9_7F4A_7C15) ^ (UInt64(high) << 32 | UInt64(low))
    }
}
