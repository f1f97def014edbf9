import Cairn

/// Searches within radii that catch about so many vectors: the one that catches as many for each query, and one for all
/// queries, with which some catch nothing and some many times as many.
struct RadiusCosts {
    let store: VectorStore
    let queries: [[Float]]
    let width: Int?

    func run() throws -> [Double] {
        let counts = [1, 10, 100, 1000].filter { $0 <= (try? store.count) ?? 0 }
        let most = counts.last ?? 0
        let nearest = try queries.map { try store.search($0, k: most, options: .init(isExact: true)) }
        var shares: [Double] = []
        Tally.heading("radius")
        for count in counts {
            let radii = nearest.map { $0[count - 1].distance }
            shares.append(try measure("each query's own, \(count) vectors", radii))
        }
        for count in counts {
            let radius = nearest.map { $0[count - 1].distance }.sorted()[queries.count / 2]
            shares.append(
                try measure("one for all, \(count) in the median", .init(repeating: radius, count: queries.count)))
        }
        Tally.heading("nearest, for comparison")
        for count in counts {
            var tally = Tally()
            for (query, nearest) in zip(queries, nearest) {
                let before = try CampaignAccess.searchWork(of: store).distances
                let found = try store.search(query, k: count, options: .init(ef: width))
                let limit = nearest[count - 1].distance
                tally.add(
                    found: found.count { $0.distance <= limit }, wanted: count,
                    distances: try CampaignAccess.searchWork(of: store).distances - before)
            }
            tally.print("k \(count)")
        }
        return shares
    }

    private func measure(_ name: String, _ radii: [Float]) throws -> Double {
        var tally = Tally()
        for (query, radius) in zip(queries, radii) {
            let exact = try store.search(query, within: radius, options: .init(limit: .max, isExact: true))
            let before = try CampaignAccess.searchWork(of: store).distances
            let found = try store.search(query, within: radius, options: .init(limit: .max, ef: width))
            let distances = try CampaignAccess.searchWork(of: store).distances - before
            let labels = Set(exact.neighbors.map(\.label))
            tally.add(
                found: found.neighbors.count { labels.contains($0.label) }, wanted: exact.neighbors.count,
                distances: distances)
        }
        tally.print(name)
        return tally.share
    }
}
