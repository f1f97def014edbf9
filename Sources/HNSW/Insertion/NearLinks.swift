import Allocation

/// What keeps slots findable while a store changes: one of each slot's nearest neighbors links back to it.
///
/// A slot that can be reached is found only if the walk comes by one of those who link to it. Lists drop a neighbor
/// that another one covers, and whoever covered it may be taken out later; what is left then are links from far away,
/// which a search for the slot's own vector does not read. In a store that is built in one go nobody is taken out, and
/// this is not needed.
extension Graph {
    /// How many of a slot's nearest neighbors may be the one that links back: a walk that comes close reads all their
    /// lists.
    private static let nearCount = 3

    /// Whether none of the nearest neighbors of `slot` links back to it.
    func lacksNearLink(_ slot: UInt32, in view: GraphView, _ scratch: SearchScratch) -> Bool {
        guard isLinked(slot), !firstLinksBack(slot, in: view) else { return false }
        let near = nearNeighbors(slot, in: view, scratch)
        return !near.isEmpty && !near.contains { contains($0, slot, in: view) }
    }

    /// Whether one of the first in the list of `slot` links back. Nearly always it does, and no distance is needed:
    /// lists that were chosen begin with the nearest.
    private func firstLinksBack(_ slot: UInt32, in view: GraphView) -> Bool {
        let (ids, count) = view.levelZero.list(slot)
        return (0..<min(count, Self.nearCount)).contains { isLinked(ids[$0]) && contains(ids[$0], slot, in: view) }
    }

    /// Has one of the nearest neighbors of `slot` link to it if none does: the first that has room, or can do without
    /// one of its farther links. Whom that leaves without a link from near is seen to as well, `depth` times. Serial.
    func linkFromNear(_ slot: UInt32, _ scratch: SearchScratch, depth: Int = 4) throws(OutOfMemory) {
        guard lacksNearLink(slot, in: newestView, scratch) else { return }
        for neighbor in nearNeighbors(slot, in: newestView, scratch) {
            guard let place = placeOfFarthest(in: neighbor, newestView, scratch) else { continue }
            try put(slot, into: neighbor, place)
            if depth > 0, case .of(let displaced) = place { try linkFromNear(displaced, scratch, depth: depth - 1) }
            return
        }
    }

    /// Where a list can take another id: at its end, or in the place of a link that it can do without, in its farther
    /// half.
    private func placeOfFarthest(in owner: UInt32, _ view: GraphView, _ scratch: SearchScratch) -> Place? {
        let (ids, count) = view.levelZero.list(owner)
        if count < parameters.capacity(level: 0) { return .end }
        if let stale = (0..<count).first(where: { !isLinked(ids[$0]) }) { return .of(ids[stale]) }
        let far = sorted((0..<count).map { ids[$0] }, from: owner, scratch).suffix(count / 2)
        return far.last { canDrop($0, from: owner, view) }.map { .of($0) }
    }

    /// The nearest of the list of `slot`, nearest first.
    func nearNeighbors(_ slot: UInt32, in view: GraphView, _ scratch: SearchScratch) -> ArraySlice<UInt32> {
        let (ids, count) = view.levelZero.list(slot)
        let linked = (0..<count).map { ids[$0] }.filter { isLinked($0) }
        return sorted(linked, from: slot, scratch).prefix(Self.nearCount)
    }
}
