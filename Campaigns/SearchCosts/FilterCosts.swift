import Cairn
import HNSW

/// Searches where one label in so many is allowed, chosen by chance: each way of going about it at several widths, so that one
/// can see where which is the best, and what the store chooses; and with a function, of which it knows nothing.
struct FilterCosts {
    let store: VectorStore
    let queries: [[Float]]
    let width: Int?

    func run() throws -> [Double] {
        let labels = try store.allLabels(), widths = [10, 20, 40, 80, 160]
        var shares: [Double] = []
        for oneIn: UInt64 in [2, 4, 10, 20, 50, 100, 1000] {
            var generator = Generator(state: oneIn)
            let chosen = Set(labels.filter { _ in generator.next() % oneIn == 0 })
            let filter = VectorStore.LabelFilter.including(chosen)
            // All labels are tested once for a filter that is used often: that is not part of a search's cost.
            for query in queries.prefix(100) { _ = try store.search(query, k: 10, options: .init(filter: filter)) }
            let exact = try queries.map { query in
                try store.search(query, k: 10, options: .init(filter: filter, isExact: true))
            }
            print("\n1 label in \(oneIn), k 10; a scan computes \(chosen.count) distances")
            print(column("way", 30), column("ef", 5), column("found", 8), column("distances", 10), column("lists", 8))
            for (name, plan) in [("through every vector", SearchPlan.walkAll), ("through the set", .walkSet)] {
                for width in widths {
                    _ = try measure(
                        name, exact, CampaignAccess.options(.init(ef: width, filter: filter), following: plan))
                }
            }
            for width in widths {
                _ = try measure("function", exact, .init(ef: width, filter: .matching(chosen.contains)))
            }
            for width in widths { _ = try measure("planned", exact, .init(ef: width, filter: filter)) }
            shares.append(try measure("planned", exact, .init(ef: width, filter: filter)))
        }
        return shares
    }

    private func measure(_ name: String, _ exact: [[VectorStore.Neighbor]], _ options: VectorStore.SearchOptions) throws
        -> Double
    {
        let before = try CampaignAccess.searchWork(of: store)
        var found = 0, wanted = 0
        for (query, exact) in zip(queries, exact) {
            let neighbors = try store.search(query, k: 10, options: options)
            wanted += exact.count
            found += neighbors.count { $0.distance <= exact.last?.distance ?? 0 }
        }
        let work = try CampaignAccess.searchWork(of: store) - before,
            share = wanted == 0 ? 1 : Double(found) / Double(wanted)
        print(
            column(name, 30), column(options.ef.map { "\($0)" } ?? "", 5), column(percent(share), 8),
            column("\(work.distances / queries.count)", 10), column("\(work.listsRead / queries.count)", 8))
        return share
    }
}
