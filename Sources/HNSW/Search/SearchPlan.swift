/// How a search goes about it: by a walk of the graph, or by comparing with every slot that it may return.
///
/// Every such decision is made here, and here are the numbers by which it is made. A walk that turns out to cost more
/// than a scan gives up for one, at the limits below. The numbers were measured on a million SIFT vectors (rows of 512
/// bytes), on 100,000 of them and on 63,000 embeddings (1,536 bytes); `make search-costs` counts them again.
package enum SearchPlan: Sendable, Hashable {
    /// Compares with every slot that may be returned: exact.
    case scan
    /// Walks the graph through every slot, and keeps those that may be returned.
    case walkAll
    /// Walks through the slots of a set alone, and looks through the lists of others where they are in the way.
    case walkSet

    // MARK: The k nearest of all slots

    /// The plan for the `k` nearest of `slots` slots, whatever they hold.
    ///
    /// A walk whose width is a tenth of the slots computes half to three quarters of all distances, in no order, and
    /// keeps as many candidates sorted. A scan is done as soon, and exact. (Measured on 1,000 to 20,000 SIFT vectors
    /// and embeddings.) Walks by codes are quicker, unless many vectors have to decide. What walks miss is among the
    /// farther neighbours, most of all those by inner product.
    package init(k: Int, width: Int, slots: Int, byCodes: Bool) {
        self = k >= slots / 10 || width >= slots / (byCodes ? 7 : 10) ? .scan : .walkAll
    }

    // MARK: Slots of a set

    /// The plan for a search among `matches` of `slots` slots, which are known.
    package init(matches: Int, slots: Int, width: Int, rowBytes: Int) {
        let width = min(width, slots)
        let isInTheMiddle = 8 * matches <= slots && matches >= slots / Self.sparsestWalk
        if isInTheMiddle && rowBytes >= Self.longRow {
            // A walk of the set computes about 24 distances for each candidate it keeps, and reads as many lists, which
            // cost as much. Rows that are asked for ahead, in their order, cost half.
            self = matches <= 80 * width + 600 ? .scan : .walkSet
        } else {
            let limit = Self.expectedDistances(matches: matches, slots: slots, width: width)
            self = matches <= 3 * limit || width >= slots / 4 ? .scan : .walkAll
        }
    }

    /// Whether a filter that lists at most `labels` labels is worth looking up in a store of `slots` slots, instead of
    /// testing each slot.
    package static func listsLabels(_ labels: Int, slots: Int) -> Bool { labels < slots / 8 }

    /// Whether one sorted pool for all candidates serves a walk through every slot that keeps those of a set. It has
    /// room for `pool` candidates.
    static func keepsOnePool(matches: Int, slots: Int, width: Int, pool: Int) -> Bool {
        3 * width * slots < 2 * matches * pool
    }

    /// How many distances a walk may compute that keeps `matches` of `slots` slots, or, of the set alone, distances and
    /// lists.
    func limit(matches: Int, slots: Int, width: Int) -> Int {
        switch self {
        case .scan: 0
        case .walkAll:
            min(matches / 2, 4 * Self.expectedDistances(matches: matches, slots: slots, width: width)) + 16 * width
        case .walkSet: min(matches, 100 * width) + 1000
        }
    }

    /// About how many distances a walk through every slot computes to find `width` of `matches` slots.
    private static func expectedDistances(matches: Int, slots: Int, width: Int) -> Int {
        300 + Int(min(12 * Double(width) * Double(slots) / Double(max(matches, 1)), 1e15))
    }

    /// At and above this many bytes computing a distance costs more than reading a list does, and it is worth reading
    /// ten lists to save ten distances. Below, where a list costs two or three, a walk of the set never wins.
    private static var longRow: Int { 1024 }
    /// Where fewer than one in so many are in a set, two hops from one of them do not lead to enough others.
    private static var sparsestWalk: Int { 24 }

    // MARK: Slots that pass a test

    /// The plan where only a test tells which slots may be returned. A wide walk makes fewer tests than a scan, but it
    /// misses many of the farther neighbours.
    init(testing k: Int, width: Int, slots: Int) {
        self = k < slots / 10 && width < slots / 4 ? .walkAll : .scan
    }

    /// How many distances a walk that tests slots may compute.
    static func testLimit(slots: Int, width: Int) -> Int { slots / 5 + 16 * width }

    // MARK: Regions and documents

    /// How many distances a walk by vectors, of a region or for documents, may compute before a scan of `scanned` slots
    /// is cheaper, which reads the rows in order; nil if the scan is cheaper from the start: even the narrowest walk
    /// computes about 16 distances for each candidate.
    package static func walkLimit(slots: Int, scanned: Int, width: Int) -> Int? {
        guard SearchPlan(k: 0, width: width, slots: slots, byCodes: false) != .scan, width < scanned / 8 else {
            return nil
        }
        return min(slots / 4 + 16 * width, 2 * scanned)
    }
}

extension GraphView {
    /// The plan for a search for the `k` nearest of all slots, `liveCount` of which hold something.
    ///
    /// In a graph that lost most of its nodes a walk finds less than in a new one of the same vectors. A scan passes
    /// over a slot that holds nothing in a sixteenth of the time of a distance, or less.
    package func plan(k: Int, width: Int, liveCount: Int) -> SearchPlan {
        let live = min(liveCount, count)
        return SearchPlan(k: k, width: width, slots: live + (count - live) / 16, byCodes: codes != nil)
    }
}
