import Allocation

/// What keeps every node reachable: each linked slot but the lowest has an *anchor*, an earlier slot that it links to
/// and that links back to it. Following anchors from any two nodes leads to the lowest slot, and the same way back, so
/// from any node every other one can be reached on level 0, whatever else pruning drops.
///
/// The order is that of the slots' numbers, because it can be checked on the spot: whether a slot has an anchor shows
/// in its own list and in those of its neighbours.
extension Graph {
    /// Whether `slot` has an anchor, or needs none. `except`: one that does not count.
    func hasAnchor(_ slot: UInt32, except: UInt32 = .max, in view: GraphView) -> Bool {
        if slot <= lowestSlot { return true }
        let (ids, count) = view.levelZero.list(slot)
        for index in 0..<count {
            let id = ids[index]
            if id < slot && id != except && isLinked(id) && contains(id, slot, in: view) { return true }
        }
        return false
    }

    /// Moves `lowestSlot` up to the lowest slot that is linked, or to the end.
    func findLowestSlot() {
        while lowestSlot < count && !isLinked(lowestSlot) { lowestSlot += 1 }
    }

    /// Whether the level-0 list of `slot` has `id`. Whether a link can be dropped asks this a thousand times, so eight
    /// ids are compared at once.
    func contains(_ slot: UInt32, _ id: UInt32, in view: GraphView) -> Bool {
        let (ids, count) = view.levelZero.list(slot), wanted = SIMD8(repeating: id)
        var index = 0
        while index &+ 8 <= count {
            if any(ids.eight(at: index) .== wanted) { return true }
            index &+= 8
        }
        while index < count {
            if ids[index] == id { return true }
            index &+= 1
        }
        return false
    }

    /// Gives `slot` an anchor if it has none: the nearest of its earlier neighbours that has room for it or can do
    /// without another one, else one of their neighbours, else one of a few slots before it. Serial.
    ///
    /// Where every list in question is full of links that others depend on, as can be for small M, the slot takes the
    /// place of one of those others, which then looks for another anchor. That ends soon, for half of all places at
    /// least are in nobody's way. Who comes last, when as many had to move as may, is anchored to any slot before it:
    /// O(count), which no sound graph was seen to need.
    func anchor(_ slot: UInt32, _ scratch: SearchScratch) throws(OutOfMemory) {
        var displacements = Self.mostDisplacements
        try anchor(slot, scratch, &displacements)
    }

    /// `displacements`: how many others may still have to look for another anchor.
    private func anchor(
        _ slot: UInt32, _ scratch: SearchScratch, _ displacements: inout Int
    ) throws(OutOfMemory) {
        let view = newestView
        guard isLinked(slot), !hasAnchor(slot, in: view) else { return }
        // The last that is tried: every list is looked at again.
        if displacements == 0 { neededLists = NeededLists() }
        var tried: Set<UInt32> = [slot], frontier = [slot], next = 0
        var equal: UInt32?
        defer { if let equal { lastOfEquals.remember(slot, of: equal) } }
        // Nearly always the first node's neighbours do.
        while next < min(frontier.count, 64) {
            let (ids, count) = view.levelZero.list(frontier[next])
            let found = (0..<count).map { ids[$0] }.filter { isLinked($0) && tried.insert($0).inserted }
            let earlier = sorted(found.filter { $0 < slot }, from: slot, scratch)
            if next == 0, let nearest = earlier.first, columns.areEqual(slot, nearest) {
                equal = nearest
                // Slots are used again, for other vectors.
                if let last = lastOfEquals[nearest], last < slot, isLinked(last), columns.areEqual(slot, last),
                    try connect(slot, to: last, scratch, &displacements)
                {
                    return
                }
            }
            next += 1
            for other in earlier where try connect(slot, to: other, scratch, &displacements) { return }
            frontier.append(contentsOf: found)
        }
        var earlier = slot, nearest = lowestSlot, left = Self.mostEarlier
        if displacements == 0 { left = .max }
        while earlier > lowestSlot && left > 0 {
            earlier -= 1
            left -= 1
            guard isLinked(earlier) else { continue }
            nearest = max(nearest, earlier)
            if !tried.contains(earlier), try connect(slot, to: earlier, scratch, &displacements) { return }
        }
        guard displacements > 0 else { return }
        var displaced: UInt32?
        // It may link to the slot already, when what the slot had in return was displaced meanwhile.
        if !contains(nearest, slot, in: newestView) {
            let (ids, count) = list(nearest, level: 0)
            // A different one each time, or two slots could push each other out for ever.
            displaced = (0..<count).map { ids[(displacements + $0) % count] }.first { $0 > nearest }
            if let displaced { try put(slot, into: nearest, .of(displaced)) }
        }
        // The link back may displace another one.
        _ = try connect(slot, to: nearest, scratch, &displacements)
        displacements = max(0, displacements - 1)
        if let displaced { try anchor(displaced, scratch, &displacements) }
        try anchor(slot, scratch, &displacements)
    }

    private static let mostDisplacements = 64
    /// How many earlier slots, linked or not, are tried in the order of their numbers.
    private static let mostEarlier = 64

    /// Full lists that were found to have no link that can be dropped. To find that out takes a look at a thousand
    /// lists, and in a crowd around one vector everybody asks the same lists. Only the writer's, and forgotten when
    /// something is unlinked or undone. A list that can do without a link since then, because another list changed, is
    /// passed over until it changes itself.
    struct NeededLists {
        private var contents: [UInt32: UInt64] = [:]

        func has(_ owner: UInt32, _ ids: UncheckedBuffer<UInt32>, _ count: Int) -> Bool {
            contents[owner] == Self.digest(ids, count)
        }

        mutating func remember(_ owner: UInt32, _ ids: UncheckedBuffer<UInt32>, _ count: Int) {
            if contents.count > 1 << 16 || (try? contents.expectRoom()) == nil { contents.removeAll() }
            contents[owner] = Self.digest(ids, count)
        }

        private static func digest(_ ids: UncheckedBuffer<UInt32>, _ count: Int) -> UInt64 {
            (0..<count).reduce(0) { ($0 ^ UInt64(ids[$1])) &* 0x9e37_79b9_7f4a_7c15 }
        }
    }

    /// Where the last of many equal vectors found its anchor. All of them have the same nearest neighbours, whose lists
    /// are full: without this each would try those lists, and theirs, before it comes to one that has room. Only the
    /// writer's, and no more than a hint.
    struct LastOfEquals {
        private var last: [UInt32: UInt32] = [:]

        subscript(equal: UInt32) -> UInt32? { last[equal] }

        mutating func remember(_ slot: UInt32, of equal: UInt32) {
            if last.count > 1 << 16 || (try? last.expectRoom()) == nil { last.removeAll() }
            last[equal] = slot
        }
    }

    /// `slots`, which are linked, in the order of their distance from `slot`.
    func sorted(_ slots: [UInt32], from slot: UInt32, _ scratch: SearchScratch) -> [UInt32] {
        guard slots.count > 1 else { return slots }
        for (index, other) in slots.enumerated() { scratch.gathered[index] = other }
        let query = distances.query(forRow: slot, expansion: scratch.expansion(2 * distances.dimensions))
        distances.compute(query, scratch.gathered, slots.count, scratch.distances)
        scratch.distanceCount += slots.count
        return slots.indices.map { Candidate(distance: scratch.distances[$0], slot: slots[$0]) }.sorted().map {
            $0.slot
        }
    }

    /// Links two slots both ways; false if the list of `anchor` is full of links that others depend on. If that of
    /// `slot` is, the last of those others is cut off and gets another anchor: it then has a link that it can do
    /// without.
    private func connect(
        _ slot: UInt32, to anchor: UInt32, _ scratch: SearchScratch, _ displacements: inout Int
    ) throws(OutOfMemory) -> Bool {
        let view = newestView
        guard contains(anchor, slot, in: view) || place(in: anchor, view, scratch) != nil else { return false }
        var displaced: UInt32?
        if !contains(slot, anchor, in: view) {
            var place = place(in: slot, view, scratch)
            if place == nil {
                guard displacements > 0 else { return false }
                let (ids, count) = view.levelZero.list(slot), last = ids[count - 1]
                (displaced, place) = (last, .of(last))
            }
            if let place { try put(anchor, into: slot, place) }
        }
        if !contains(anchor, slot, in: newestView), let place = place(in: anchor, newestView, scratch) {
            try put(slot, into: anchor, place)
        }
        if let displaced {
            displacements -= 1
            try self.anchor(displaced, scratch, &displacements)
        }
        // The first link may have taken the place that the second one was to have.
        return hasAnchor(slot, in: newestView)
    }

    /// Where another id can go in a list.
    enum Place: Equatable {
        case end
        /// In the place of this one.
        case of(UInt32)
    }

    /// Puts `id` into the list of `slot`, which does not have it.
    func put(_ id: UInt32, into slot: UInt32, _ place: Place) throws(OutOfMemory) {
        assert(!contains(slot, id, in: newestView))
        try makeWritable(slot, level: 0)
        let (ids, count) = list(slot, level: 0)
        // What a damaged file had there is gone by now, and there is room.
        let index = (0..<count).first { place == .of(ids[$0]) } ?? count
        guard index < parameters.capacity(level: 0) else { return }
        ids[index] = id
        if index == count { setList(slot, level: 0, ids, count: count + 1) }
    }

    /// Where in the list of `owner` another id can go: at its end, or in the place of the last link that nobody
    /// depends on.
    private func place(in owner: UInt32, _ view: GraphView, _ scratch: SearchScratch) -> Place? {
        let (ids, count) = view.levelZero.list(owner)
        if count < parameters.capacity(level: 0) { return .end }
        if neededLists.has(owner, ids, count) { return nil }
        scratch.hopCount += count
        if let index = (0..<count).last(where: { canDrop(ids[$0], from: owner, view) }) { return .of(ids[index]) }
        neededLists.remember(owner, ids, count)
        return nil
    }

    /// Whether the link from `owner` to `id` anchors neither of them.
    func canDrop(_ id: UInt32, from owner: UInt32, _ view: GraphView) -> Bool {
        guard isLinked(id), contains(id, owner, in: view) else { return true }
        return id > owner ? hasAnchor(id, except: owner, in: view) : hasAnchor(owner, except: id, in: view)
    }
}
