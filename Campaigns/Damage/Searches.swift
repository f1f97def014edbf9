import Cairn
import TestSupport

/// Searches of every kind.
struct Searches {
    private let store: VectorStore
    private let sample: Sample
    private let seed: UInt64
    private let note: (String) -> Void

    init(_ store: VectorStore, _ sample: Sample, seed: UInt64, _ note: @escaping (String) -> Void) {
        (self.store, self.sample, self.seed, self.note) = (store, sample, seed, note)
    }

    func run() throws {
        var random = SeededGenerator(seed: seed)
        for query in sample.queries {
            note("search")
            for (count, width) in [(5, 20), (1, 1), (30, 60), (400, 500)] {
                try check(count) { () throws(StoreError) in
                    try store.search(query, k: count, options: .init(ef: width))
                }
            }
            note("exact search")
            try check(10) { () throws(StoreError) in try store.search(query, k: 10, options: .init(isExact: true)) }
        }
        let query = random.one(of: sample.queries)
        note("search, counting")
        var work = VectorStore.SearchWork()
        try check(7) { () throws(StoreError) in
            try store.search(query, k: 7, options: .init(ef: 30), work: &work)
        }
        note("batch search")
        for group in try attempt({ () throws(StoreError) in
            try store.search(batch: sample.queries.flatMap { $0 }, k: 6, options: .init(ef: 24), threads: 2)
        }) ?? [] { try check(group, 6) }
        try filtered(query)
        try within(query)
        try documents(query)
        note("distances")
        _ = try attempt { () throws(StoreError) in try store.distances(from: query, to: [0, 17, 3000, 9, .max]) }
    }

    private func filtered(_ query: [Float]) throws {
        let labels = (0..<330 as Range<Label>).filter { $0 % 7 == 0 }
        let filters: [VectorStore.LabelFilter] = [
            .including(0..<40), .including(labels), .excluding(labels), .matching { $0 % 3 == 0 },
            .bitmap([UInt64](repeating: 0x5555_5555_5555_5555, count: 6)),
        ]
        for (number, filter) in filters.enumerated() {
            note("search with filter \(number)")
            for isExact in [false, true] {
                for _ in 0..<3 {
                    try check(8) { () throws(StoreError) in
                        try store.search(query, k: 8, options: .init(ef: 20, filter: filter, isExact: isExact))
                    }
                }
            }
            note("radius search with filter \(number)")
            _ = try attempt { () throws(StoreError) in
                try store.search(query, within: 1, options: .init(ef: 10, filter: filter))
            }
        }
    }

    private func within(_ query: [Float]) throws {
        for radius: Float in [0.5, 3, .infinity, -1] {
            note("radius search within \(radius)")
            for options in [
                VectorStore.RadiusOptions(ef: 12), VectorStore.RadiusOptions(limit: 5, ef: 20),
                VectorStore.RadiusOptions(isExact: true),
            ] {
                guard
                    let found = try attempt({ () throws(StoreError) in
                        try store.search(query, within: radius, options: options)
                    })
                else { continue }
                try check(found.neighbors, options.limit)
            }
        }
        note("batch radius search")
        _ = try attempt { () throws(StoreError) in
            try store.search(batch: sample.queries.flatMap { $0 }, within: 1, threads: 2)
        }
    }

    private func documents(_ query: [Float]) throws {
        let groupings: [VectorStore.DocumentGrouping] = [
            .shift(3), .array((0..<200).map { UInt64($0 % 40) }), .function { $0 % 5 == 0 ? nil : $0 / 9 },
        ]
        for (number, grouping) in groupings.enumerated() {
            note("document search \(number)")
            for options in [
                VectorStore.DocumentOptions(ef: 20), VectorStore.DocumentOptions(ef: 10, neighborsPerDocument: 3),
                VectorStore.DocumentOptions(isExact: true),
            ] {
                let found = try attempt { () throws(StoreError) in
                    try store.searchDocuments(query, k: 6, by: grouping, options: options)
                }
                guard found?.count ?? 0 <= 6 else { throw Violation("more documents than asked for") }
            }
        }
        note("batch document search")
        _ = try attempt { () throws(StoreError) in
            try store.searchDocuments(batch: sample.queries.flatMap { $0 }, k: 4, by: groupings[0], threads: 2)
        }
    }

    private func check(_ count: Int, _ search: () throws(StoreError) -> [VectorStore.Neighbor]) throws {
        if let found = try attempt(search) { try check(found, count) }
    }

    /// As many as were asked for, nearest first.
    private func check(_ found: [VectorStore.Neighbor], _ count: Int) throws {
        guard found.count <= count else { throw Violation("\(found.count) neighbours, \(count) were asked for") }
        for (one, next) in zip(found, found.dropFirst()) where one.distance > next.distance {
            throw Violation("neighbours are not nearest first: \(one), \(next)")
        }
    }
}
