package import Allocation

extension Graph {
    /// Finds the `count` documents whose nearest live slots are nearest to `query`, nearest first. `document` says
    /// which one a live slot belongs to; nil: to none. Slots are walked through whatever they belong to.
    ///
    /// The walk goes on until the `width` best documents are nearer than what is left to look at. So it finds enough of
    /// them however many slots each has. At the limit of distances it gives up and returns nil.
    package func documentSearch(
        _ query: Query, count k: Int, _ limits: WalkLimits, in view: GraphView, scratch: SearchScratch,
        document: (UInt32) -> UInt64?
    ) throws(OutOfMemory) -> [RankedDocument]? {
        guard view.maximumLevel >= 0, k > 0 else { return [] }
        let limits = limits.holding(k, of: view.count)
        try prepare(scratch, slots: view.count, width: limits.width, batch: parameters.capacity(level: 0))
        let entry = descend(query, to: 0, in: view, scratch)
        let visible = VisibleSlots(slots: slots, sequence: view.sequence)
        var ranking = DocumentRanking(width: limits.width, isBounded: true, scratch)
        var frontier = CandidateHeap(scratch.frontierMemory)
        var scan = NeighborScan(self, query, from: entry, in: view, scratch)
        defer { scan.finish() }
        @inline(__always)
        func insert(_ candidate: Candidate) throws(OutOfMemory) {
            guard ranking.admits(candidate) else { return }
            try frontier.insert(candidate)
            if frontier.minimum == candidate { columns.prefetchList(candidate.slot) }
            if visible.finds(candidate.slot), let document = document(candidate.slot) {
                try ranking.insert(candidate, of: document)
            }
        }
        try insert(entry)
        while let nearest = frontier.minimum, ranking.admits(nearest) {
            if scan.distanceCount > limits.distances { return nil }
            frontier.removeMinimum()
            let found = scan.expand(nearest.slot, next: frontier.minimum?.slot)
            for index in 0..<found {
                try insert(Candidate(distance: scan.distances[index], slot: scan.slots[index]))
            }
        }
        return try ranking.best(k)
    }

    /// Finds the `count` documents whose nearest live slots are nearest to `query`, by computing every distance in
    /// `scope`. O(slots).
    package func exactDocumentSearch(
        _ query: Query, count k: Int, among scope: ScanScope = .init(), in view: GraphView, scratch: SearchScratch,
        document: (UInt32) -> UInt64?
    ) throws(OutOfMemory) -> [RankedDocument] {
        guard k > 0 else { return [] }
        // As in `exactSearch`: so many, sorted once, are cheaper than a sorted pool.
        let isBounded = k <= 2048
        try scratch.prepare(slots: 0, width: isBounded ? k : 1, batch: Self.scanBatch)
        var ranking = DocumentRanking(width: k, isBounded: isBounded, scratch)
        try scan(query, among: scope, in: view, scratch: scratch) {
            (slots, distances, count) throws(OutOfMemory) in
            for index in 0..<count {
                let candidate = Candidate(distance: distances[index], slot: slots[index])
                if ranking.admits(candidate), let document = document(candidate.slot) {
                    try ranking.insert(candidate, of: document)
                }
            }
        }
        return try ranking.best(k)
    }

    /// Gives each of the documents its `count` nearest live slots among its members; one that has none there, as a
    /// damaged store may have it, keeps the slot that it was found by. `view`: what the documents were found in.
    /// O(members), and the distances of those that belong to one of the documents.
    package func addNeighbors(
        _ query: Query, count: Int, to documents: [RankedDocument], _ members: DocumentMembers, in view: GraphView,
        scratch: SearchScratch
    ) throws(OutOfMemory) -> [RankedDocument] {
        try scratch.prepare(slots: 0, width: 1, batch: Self.scanBatch)
        var places: [UInt64: Int] = [:], neighbors = [[Candidate]](repeating: [], count: documents.count)
        for (place, document) in documents.enumerated() { places[document.document] = place }
        // Which document a slot belongs to is asked once, before its distance is computed.
        var pending: [Int] = [], kept = 0
        let scope = ScanScope(members.slots) { slot in
            guard let number = members.document(slot), let place = places[number] else { return false }
            pending.append(place)
            return true
        }
        try scan(query, among: scope, in: view, scratch: scratch) {
            (slots, distances, count) throws(OutOfMemory) in
            // Each document's list grows by itself; together they take as much as one.
            if (kept + count) / 4096 > kept / 4096 { try ProcessMemory.expect(growing: kept + count, stride: 16) }
            kept += count
            for index in 0..<count {
                neighbors[pending[index]].append(Candidate(distance: distances[index], slot: slots[index]))
            }
            pending.removeAll(keepingCapacity: true)
        }
        return zip(documents, neighbors).map {
            $1.isEmpty ? $0 : RankedDocument(document: $0.document, neighbors: Array($1.sorted().prefix(count)))
        }
    }
}

/// Where the slots of documents are.
package struct DocumentMembers {
    /// Slots that may belong to the documents; nil: all.
    package let slots: [UInt32]?
    /// The document that a live slot belongs to; nil: none.
    package let document: (UInt32) -> UInt64?

    package init(_ slots: [UInt32]? = nil, document: @escaping (UInt32) -> UInt64?) {
        self.slots = slots
        self.document = document
    }
}

/// A document that was found.
package struct RankedDocument {
    package let document: UInt64
    /// Nearest first, at least one.
    package let neighbors: [Candidate]
}

/// The nearest slot of each document that a search came to, and the best `width` of these. At most one ranking to a
/// scratch at a time, whose pool has room for the width if it is bounded.
private struct DocumentRanking {
    private let width: Int
    private let isBounded: Bool
    private var best: CandidatePool
    /// By hashing that nobody can foresee: the numbers come from outside.
    private var nearest: [UInt64: Candidate] = [:]

    /// `isBounded`: only the best `width` are told apart from the others.
    init(width: Int, isBounded: Bool, _ scratch: SearchScratch) {
        self.width = width
        self.isBounded = isBounded
        best = CandidatePool(scratch)
    }

    /// Whether the candidate is nearer than the last of the best documents.
    @inline(__always)
    func admits(_ candidate: Candidate) -> Bool { !isBounded || best.admits(candidate, width: width) }

    /// Takes in one that it `admits`.
    mutating func insert(_ candidate: Candidate, of document: UInt64) throws(OutOfMemory) {
        if let old = nearest[document] {
            guard candidate < old else { return }
            if isBounded { best.remove(old) }
        }
        try nearest.expectRoom()
        nearest[document] = candidate
        if isBounded { _ = best.insert(candidate, width: width) }
    }

    /// The first `count` documents.
    func best(_ count: Int) throws(OutOfMemory) -> [RankedDocument] {
        // Pairs, and an array and its candidate for each of those that are returned.
        try ProcessMemory.expect(nearest.count * 16 + min(count, nearest.count) * 80)
        var ranks = nearest.map { (document: $0.key, candidate: $0.value) }
        if isBounded && best.size > 0 {
            let last = best.candidates[min(count, best.size) - 1]
            ranks.removeAll { $0.candidate > last }
        }
        ranks.sort { $0.candidate < $1.candidate }
        return ranks.prefix(count).map { RankedDocument(document: $0.document, neighbors: [$0.candidate]) }
    }
}
