package import Allocation

extension Graph {
    /// Finds the live slots within `radius` of `query` for which `isAllowed` holds, nearest first; the nearest of them
    /// where there are more than its limit. Its bound is compared with what searches compare (`Distances.bound`). The
    /// width says how many of the nearest candidates outside are looked at as well. Any number of threads may search,
    /// each with its own scratch.
    ///
    /// All inside are walked through, whatever is allowed, and at least as many others as the width: so the walk gets to
    /// the region, and from one part of it to another, as well as a search of that width would. At the limit of distances
    /// it gives up and returns nil: a scan is cheaper then.
    package func radiusSearch(
        _ query: Query, within radius: SearchRadius, _ limits: WalkLimits, in view: GraphView, scratch: SearchScratch,
        isAllowed: ((UInt32) -> Bool)? = nil
    ) throws(OutOfMemory) -> RegionFound? {
        guard view.maximumLevel >= 0 else { return RegionFound(candidates: scratch.noResults) }
        let visible = VisibleSlots(slots: slots, sequence: view.sequence)
        let region = Region(radius, scratch)
        guard let isAllowed else {
            return try walk(query, region, visible, limits, in: view, scratch)
        }
        let rule = AllowedSlots(visible: visible, isAllowed: isAllowed)
        return try walk(query, region, rule, limits, in: view, scratch)
    }

    /// Finds the live slots within `radius` of `query`, the nearest of them where there are more than its limit, by computing
    /// every distance in `scope`. O(slots).
    package func exactRadiusSearch(
        _ query: Query, within radius: SearchRadius, among scope: ScanScope = .init(), in view: GraphView,
        scratch: SearchScratch
    ) throws(OutOfMemory) -> RegionFound {
        try scratch.prepare(slots: 0, width: 1, batch: Self.scanBatch)
        var region = Region(radius, scratch)
        try scan(query, among: scope, in: view, scratch: scratch) {
            (slots, distances, count) throws(OutOfMemory) in
            for index in 0..<count {
                let candidate = Candidate(distance: distances[index], slot: slots[index])
                if region.asks(candidate) { try region.insert(candidate) }
            }
        }
        return try region.found(scratch)
    }

    private func walk<Rule: SearchRule>(
        _ query: Query, _ region: Region, _ rule: Rule, _ limits: WalkLimits, in view: GraphView,
        _ scratch: SearchScratch
    ) throws(OutOfMemory) -> RegionFound? {
        let limits = limits.holding(1, of: view.count)
        try prepare(scratch, slots: view.count, width: limits.width, batch: parameters.capacity(level: 0))
        let entry = descend(query, to: 0, in: view, scratch)
        var scan = NeighborScan(self, query, from: entry, in: view, scratch)
        defer { scan.finish() }
        var walk = RadiusWalk(region: region, rule: rule, width: limits.width, scratch)
        _ = try walk.insert(entry)
        while let node = walk.takeNext() {
            if scan.distanceCount > limits.distances { return nil }
            let found = scan.expand(node, next: walk.next)
            var index = 0
            while index < found {
                let candidate = Candidate(distance: scan.distances[index], slot: scan.slots[index])
                if try walk.insert(candidate) { columns.prefetchList(candidate.slot) }
                index &+= 1
            }
        }
        return try walk.region.found(scratch)
    }
}

/// The distance within which a search finds slots, and how many it returns at most.
package struct SearchRadius: Sendable, Hashable {
    package let bound: Float
    package let limit: Int

    package init(_ bound: Float, limit: Int) {
        self.bound = bound
        self.limit = limit
    }
}

/// What a search within a radius found.
package struct RegionFound {
    /// Nearest first; good until the scratch is used again.
    package let candidates: UncheckedBuffer<Candidate>
    /// There were more within the radius than the limit allows.
    package var isTruncated = false
}

/// The candidates within a radius: as many as there are, or the nearest `limit`.
private struct Region {
    /// The largest candidate within the radius.
    private let edge: Candidate
    /// The largest that belongs: that of the radius, and once there are more than `limit`, the last of the nearest.
    private(set) var boundary: Candidate
    private let limit: Int
    private var isTruncated = false
    /// With all bits turned round, so that the worst comes first.
    private var kept: CandidateHeap

    init(_ radius: SearchRadius, _ scratch: SearchScratch) {
        // Adding zero takes the sign off a negative one. What is no number counts as infinitely far.
        edge = radius.bound == .infinity ? .max : Candidate(distance: radius.bound + 0, slot: 0) | 0xffff_ffff
        boundary = edge
        limit = max(radius.limit, 1)
        kept = CandidateHeap(scratch.keptMemory)
    }

    /// Whether a live slot would change anything here.
    @inline(__always)
    func asks(_ candidate: Candidate) -> Bool { candidate <= boundary || (candidate <= edge && !isTruncated) }

    /// Takes in one that it `asks` for.
    mutating func insert(_ candidate: Candidate) throws(OutOfMemory) {
        if kept.count < limit { return try kept.insert(~candidate) }
        isTruncated = true
        if let worst = kept.minimum, candidate < ~worst { kept.replaceMinimum(~candidate) }
        if let worst = kept.minimum { boundary = ~worst }
    }

    func found(_ scratch: SearchScratch) throws(OutOfMemory) -> RegionFound {
        let results = try scratch.manyResults(kept.count)
        for index in 0..<kept.count { results[index] = ~kept.candidates[index] }
        results.sort(kept.count)
        return RegionFound(candidates: results.prefix(kept.count), isTruncated: isTruncated)
    }
}

/// The candidates of a walk: those inside, of any number, and the nearest `width` outside.
@safe
private struct RadiusWalk<Rule: SearchRule> {
    private(set) var region: Region
    private let rule: Rule
    private let width: Int
    /// Inside when they came, and not looked at.
    private var inside: CandidateHeap
    private var outside: CandidatePool
    /// No candidate of `outside` before this one waits.
    private var cursor = 0

    init(region: Region, rule: Rule, width: Int, _ scratch: SearchScratch) {
        self.region = region
        self.rule = rule
        self.width = width
        inside = CandidateHeap(scratch.frontierMemory)
        outside = CandidatePool(scratch)
    }

    /// Takes in a candidate; true if it will be looked at soon.
    @inline(__always)
    mutating func insert(_ candidate: Candidate) throws(OutOfMemory) -> Bool {
        if region.asks(candidate) && rule.finds(candidate.slot) { try region.insert(candidate) }
        if candidate <= region.boundary {
            try inside.insert(candidate)
            return inside.minimum == candidate
        }
        return outside.admits(candidate, width: width) && insertOutside(candidate)
    }

    private mutating func insertOutside(_ candidate: Candidate) -> Bool {
        let place = outside.insert(candidate, width: width)
        if place < cursor { cursor = place }
        return place <= cursor &+ PrefetchPlan.listDistance
    }

    /// The node whose neighbours are to be looked at next: the nearest one inside, then the nearest one outside.
    @inline(__always)
    mutating func takeNext() -> UInt32? {
        while let nearest = inside.minimum {
            guard nearest > region.boundary else {
                inside.removeMinimum()
                return nearest.slot
            }
            // The boundary has come nearer since.
            guard outside.admits(nearest, width: width) else {
                inside.removeAll()
                break
            }
            inside.removeMinimum()
            _ = insertOutside(nearest)
        }
        while cursor < outside.size && outside.candidates[cursor].isExpanded { cursor &+= 1 }
        guard cursor < outside.size else { return nil }
        let slot = outside.candidates[cursor].slot
        outside.candidates[cursor] |= Candidate.expandedFlag
        return slot
    }

    /// The node that `takeNext` would give, most of the time.
    @inline(__always)
    var next: UInt32? {
        if let nearest = inside.minimum { return nearest.slot }
        var index = cursor
        while index < outside.size && outside.candidates[index].isExpanded { index &+= 1 }
        return index < outside.size ? outside.candidates[index].slot : nil
    }
}

/// The visible slots that a caller allows.
struct AllowedSlots: SearchRule {
    let visible: VisibleSlots
    let isAllowed: (UInt32) -> Bool

    static var isNeeded: Bool { true }

    @inline(__always)
    func finds(_ slot: UInt32) -> Bool { visible.finds(slot) && isAllowed(slot) }
}
