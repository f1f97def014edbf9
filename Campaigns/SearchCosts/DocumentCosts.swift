import Cairn

/// Searches for the ten best documents of ten labels each: of labels that follow each other, of labels by chance, and of
/// vectors that are near each other.
struct DocumentCosts {
    let store: VectorStore
    let queries: [[Float]]
    let width: Int?
    private let size = 10

    func run() throws -> [Double] {
        let labels = try store.allLabels()
        var generator = Generator(state: 7), shares: [Double] = []
        let shuffled = labels.shuffled(using: &generator)
        let byChance = Dictionary(
            uniqueKeysWithValues: shuffled.enumerated().map { ($1, UInt64($0 / size)) })
        Tally.heading("documents of \(size) labels, k 10")
        for (name, grouping) in [
            ("labels that follow each other", .array((0...(labels.max() ?? 0)).map { $0 / UInt64(size) })),
            ("labels by chance", .dictionary(byChance)),
            ("vectors near each other", .dictionary(try nearGroups(shuffled))),
        ] as [(String, VectorStore.DocumentGrouping)] {
            shares.append(try measure(name, grouping))
        }
        return shares
    }

    private func measure(_ name: String, _ grouping: VectorStore.DocumentGrouping) throws -> Double {
        var documents = Tally(), neighbors = Tally()
        for query in queries {
            let exact = try store.searchDocuments(
                query, k: 10, by: grouping, options: .init(neighborsPerDocument: 3, isExact: true))
            let before = try CampaignAccess.searchWork(of: store).distances
            let found = try store.searchDocuments(query, k: 10, by: grouping, options: .init(ef: width))
            let distances = try CampaignAccess.searchWork(of: store).distances - before
            guard let last = exact.last?.best.distance else { continue }
            documents.add(found: found.count { $0.best.distance <= last }, wanted: exact.count, distances: distances)
            // Of the documents that both found, the three nearest vectors.
            let middle = try CampaignAccess.searchWork(of: store).distances
            let several = try store.searchDocuments(
                query, k: 10, by: grouping, options: .init(ef: width, neighborsPerDocument: 3))
            let more = try CampaignAccess.searchWork(of: store).distances - middle
            let known = Dictionary(uniqueKeysWithValues: several.map { ($0.document, $0.neighbors) })
            let common = exact.filter { known[$0.document] != nil }
            neighbors.add(
                found: common.reduce(0) { $0 + Set($1.neighbors).intersection(known[$1.document]!).count },
                wanted: common.reduce(0) { $0 + $1.neighbors.count }, distances: more)
        }
        documents.print(name)
        neighbors.print("  three neighbours of each")
        return documents.share
    }

    /// Groups of vectors near each other: one that is in none yet, and the nearest of those around it.
    private func nearGroups(_ labels: [Label]) throws -> [Label: UInt64] {
        var groups: [Label: UInt64] = [:]
        var next: UInt64 = 0
        for label in labels where groups[label] == nil {
            guard let vector = try store.vector(for: label) else { continue }
            groups[label] = next
            let around = try store.search(vector, k: 5 * size)
            for neighbor in around.filter({ groups[$0.label] == nil }).prefix(size - 1) {
                groups[neighbor.label] = next
            }
            next += 1
        }
        return groups
    }
}

/// A small generator with a seed (Steele, Lea and Flood, 2014).
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
