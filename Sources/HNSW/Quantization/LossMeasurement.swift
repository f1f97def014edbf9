package import Allocation
import Threading

/// Measures what codes lose on a graph's own rows, by the search itself.
///
/// Three of four queries are rows of the graph, each *masked*: left out of the graph as if it had never been inserted.
/// (A row that is merely taken out of its own results leads the walk to its neighbours by its own links, and everything
/// is found.) The fourth lies between a row and its nearest neighbor: queries are seldom where rows are, and codes may
/// hold every row exactly and yet round a query. In graphs of integers queries are integers too, and all are masked.
///
/// The nearest of all that the walks find are the truth: what none of them finds is lost to both sides. One walk serves
/// all widths: a walk goes the way of a wider one until it ends.
///
/// Cost: about an insertion for each query, and one more for each kind of codes.
@safe
package final class LossMeasurement: @unchecked Sendable {
    // Sendable because one thread at a time calls it, and in a round of `team` each thread writes only its own scratch
    // and results.

    private let graph: Graph
    private let view: GraphView
    private let team: WorkerTeam
    private let scratches: [SearchScratch]
    private let widths: [Int]
    /// The most queries that are asked.
    private let limit: Int
    private var sample: MaskedSample
    /// What was searched for so far, and what walks by vectors found.
    private var queries: [Question] = []

    /// What is searched for.
    private struct Question {
        let place: MaskedWalk.Place
        /// What walks by vectors found, by width.
        let byVectors: [[Candidate]]
    }

    /// Beyond so many queries chance plays no part any more.
    private static let mostQueries = 4096
    /// How many are asked before it is looked at what they say: fewer of a small store, which will soon be measured
    /// again.
    private var fewestQueries: Int { min(512, max(64, view.count / 8)) }

    /// Measures in `view`, by `threads` threads; the result does not depend on them. `isLive`: whether a slot is one
    /// that searches return.
    package init(_ graph: Graph, in view: GraphView, threads: Int, isLive: (UInt32) -> Bool) {
        self.graph = graph
        self.view = view
        team = WorkerTeam(threads)
        scratches = (0..<team.size).map { _ in SearchScratch() }
        // Wider searches scan the store (`SearchPlan`), also when it has grown to nearly twice as many before this
        // is measured again.
        widths = SearchLoss.widths.filter { $0 < view.count * 2 / 7 }
        limit = min(Self.mostQueries, max(min(1024, view.count / 2), view.count / 128))
        sample = MaskedSample(graph, view, count: limit, isLive: isLive)
    }

    /// What `codes`, which have rows for every slot of the view, lose. Asks more queries as long as chance decides.
    package func loss(of codes: CodeColumn) throws(OutOfMemory) -> SearchLoss {
        guard !widths.isEmpty && sample.count > 0 && view.maximumLevel >= 0 else {
            return SearchLoss(queries: 0, rows: [])
        }
        var found: [MaskedWalk] = [], wanted = min(fewestQueries, sample.count)
        while true {
            try ask(wanted)
            found += try walk(found.count..<wanted, by: codes)
            let loss = summary(found)
            guard loss.verdict == .undecided && wanted < sample.count else { return loss }
            wanted = min(2 * wanted, sample.count)
        }
    }

    /// What `codes` lose with half of what walks by the codes look further than by vectors. That has to be enough for
    /// codes to be used: around a masked row the graph is thinner than around a query, so that looking further gains
    /// more there than it will.
    package func cautiousLoss(of codes: CodeColumn) throws(OutOfMemory) -> SearchLoss {
        try loss(of: codes.deepened(to: (codes.model.depth + 1) / 2))
    }

    /// Walks by vectors for as many queries as are wanted.
    private func ask(_ wanted: Int) throws(OutOfMemory) {
        let first = queries.count
        guard wanted > first else { return }
        let places = (first..<wanted).map { index -> MaskedWalk.Place in
            let slot = sample.slots[index]
            return index % 4 == 1 && graph.distances.hasFloatQueries ? .nextTo(slot) : .masked(slot)
        }
        let walks = try each(places, in: view.comparing(nil), widths.map { WalkWidth($0) })
        for (place, walk) in zip(places, walks) { queries.append(Question(place: place, byVectors: walk.found)) }
    }

    private func walk(_ range: Range<Int>, by codes: CodeColumn) throws(OutOfMemory) -> [MaskedWalk] {
        let view = view.comparing(codes)
        return try each(queries[range].map(\.place), in: view, widths.map { graph.walkWidth($0, in: view) })
    }

    /// What walks to `places` find at each stop.
    private func each(
        _ places: [MaskedWalk.Place], in view: GraphView, _ stops: [WalkWidth]
    ) throws(OutOfMemory) -> [MaskedWalk] {
        // The threads find the room there that they need.
        for scratch in scratches {
            try graph.prepare(
                scratch, slots: view.count, width: stops.last?.kept ?? 1, batch: graph.parameters.capacity(level: 0))
        }
        // Ten candidates for each stop.
        try ProcessMemory.expect(places.count * stops.count * 160)
        let results = ResultList(places.count)
        team.forEach(places.count) { [self] index, thread in
            results.set(index, graph.maskedWalk(to: places[index], in: view, stops: stops, scratches[thread]))
        }
        return results.take()
    }

    /// Recalls by vectors and by codes of the first queries: at each width those of the masked rows, or where places
    /// between rows lose more than chance explains, of these. Not at the narrowest width, where a walk by vectors finds
    /// everything between rows and does not find everything that queries look for.
    private func summary(_ byCodes: [MaskedWalk]) -> SearchLoss {
        let answers = Array(zip(queries, byCodes))
        let masked = answers.filter { $0.0.place.isMasked }, between = answers.filter { !$0.0.place.isMasked }
        let rows = widths.indices.map { width in
            let loss = row(masked, width: width)
            guard width > 0 && !between.isEmpty else { return loss }
            let other = row(between, width: width)
            return other.lost - 2 * other.deviation > max(loss.lost, SearchLoss.promise) ? other : loss
        }
        let beyond = byCodes.count { !$0.wentByCodes }
        return SearchLoss(queries: byCodes.count, beyond: Double(beyond) / Double(byCodes.count), rows: rows)
    }

    private func row(_ answers: [(Question, MaskedWalk)], width: Int) -> SearchLoss.Row {
        var sum = 0, squares = 0, hits = 0, wanted = 0
        for (query, walk) in answers {
            let found = walk.found
            let all = Set(found.joined()).union(query.byVectors.joined()).sorted()
            guard let last = all.prefix(SearchLoss.neighbors).last else { continue }
            // Equal distances count alike.
            let limit = last | 0xffff_ffff
            let ours = found[width].count { $0 <= limit }
            let theirs = query.byVectors[width].count { $0 <= limit }
            sum += theirs - ours
            squares += (theirs - ours) * (theirs - ours)
            hits += theirs
            wanted += min(SearchLoss.neighbors, all.count)
        }
        let count = Double(answers.count), unit = Double(max(wanted, 1)) / count
        let mean = Double(sum) / count, variance = max(0, Double(squares) / count - mean * mean)
        return SearchLoss.Row(
            width: widths[width], recall: Double(hits) / Double(max(wanted, 1)), lost: mean / unit,
            deviation: (variance / count).squareRoot() / unit)
    }
}

/// Rows to search for: of level 0 alone, so that no way down leads over them, spread over the whole graph by chance
/// (the newest say nothing of the others), always the same ones.
private struct MaskedSample {
    private(set) var slots: [UInt32] = []
    var count: Int { slots.count }

    init(_ graph: Graph, _ view: GraphView, count: Int, isLive: (UInt32) -> Bool) {
        guard view.count > 0 else { return }
        var state: UInt64 = 0x2545_F491_4F6C_DD1D, seen: Set<UInt32> = []
        for _ in 0..<8 * count {
            // Steele, Lea and Flood's SplitMix64 (2014).
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            let slot = UInt32((mixed ^ (mixed >> 31)) % UInt64(view.count))
            guard slot != view.entryPoint, view.upper.level(slot) == 0, isLive(slot), seen.insert(slot).inserted
            else { continue }
            slots.append(slot)
            if slots.count == count { return }
        }
    }
}

/// Results that several threads fill in, each its own places.
@safe
private final class ResultList: @unchecked Sendable {
    // Sendable because in a round of the team each place is set by one thread, and the caller takes the results after
    // the round.

    private let places: UnsafeMutableBufferPointer<MaskedWalk>

    init(_ count: Int) {
        unsafe places = .allocate(capacity: count)
        unsafe places.initialize(repeating: MaskedWalk(found: [], wentByCodes: false))
    }

    deinit {
        unsafe places.deinitialize()
        unsafe places.deallocate()
    }

    func set(_ index: Int, _ walk: MaskedWalk) { unsafe places[index] = walk }

    func take() -> [MaskedWalk] { unsafe Array(places) }
}

/// What a walk of the measurement found at each of its stops.
struct MaskedWalk {
    let found: [[Candidate]]
    let wentByCodes: Bool

    /// Where a walk leads to.
    enum Place {
        /// A slot's vector, as if the slot were not in the graph.
        case masked(UInt32)
        /// Halfway from a slot's vector to its nearest neighbor's.
        case nextTo(UInt32)

        var isMasked: Bool {
            if case .masked = self { true } else { false }
        }
    }
}

extension Graph {
    /// What searches of several widths find at a place: the ten nearest at each of `stops`, which ascend. As `search`,
    /// by codes where the view has them. `scratch` has been prepared for the widest.
    func maskedWalk(
        to place: MaskedWalk.Place, in view: GraphView, stops: [WalkWidth], _ scratch: SearchScratch
    ) -> MaskedWalk {
        let widest = stops.last ?? WalkWidth(1), neighbors = SearchLoss.neighbors
        let (query, masked) = query(at: place, in: view, scratch)
        let computer = walkComputer(query, in: view, scratch)
        let entry = descend(computer, to: 0, in: view, scratch)
        var walk = LevelZeroWalk(
            self, computer, from: entry, widest, in: view, rule: EverySlot(),
            masking: masked, scratch)
        var found: [[Candidate]] = []
        func note() {
            while found.count < stops.count && walk.isDone(stops[found.count].looked) {
                let size = min(walk.size, stops[found.count].kept)
                if let codes = view.codes {
                    let best = rerank(
                        query, codes, size: size, count: neighbors, rule: EverySlot(), share: 1, scratch)
                    found.append((0..<best.count).map { best[$0] })
                } else {
                    found.append((0..<min(neighbors, size)).map { scratch.pool[$0].unexpanded })
                }
            }
        }
        while walk.hasNext {
            walk.gather()
            walk.lookAhead()
            walk.compare()
            note()
        }
        note()
        _ = walk.finish()
        return MaskedWalk(found: found, wentByCodes: view.codes != nil && scratch.walksByCodes)
    }

    private func query(
        at place: MaskedWalk.Place, in view: GraphView, _ scratch: SearchScratch
    ) -> (query: Query, masked: UInt32?) {
        let dimensions = distances.dimensions, expansion = scratch.expansion(2 * dimensions)
        switch place {
        case .masked(let slot): return (distances.query(forRow: slot, expansion: expansion), slot)
        case .nextTo(let slot):
            let (ids, count) = view.levelZero.list(slot)
            let linked = (0..<count).map { ids[$0] }.filter { isLinked($0) }
            guard let nearest = sorted(linked, from: slot, scratch).first else {
                return (distances.query(forRow: slot, expansion: expansion), nil)
            }
            return (distances.query(between: slot, and: nearest, expansion: expansion), nil)
        }
    }
}
