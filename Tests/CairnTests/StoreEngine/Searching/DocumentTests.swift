import TestSupport
import Testing

@testable import Cairn

/// How a grouping is written down; all mean the document `label >> 3`.
enum GroupingKind: String, CaseIterable, Sendable {
    case shift, array, dictionary, function

    func grouping(_ labels: [Label]) -> VectorStore.DocumentGrouping {
        switch self {
        case .shift: .shift(3)
        case .array: .array((0...(labels.max() ?? 0)).map { $0 >> 3 })
        case .dictionary: .dictionary(Dictionary(uniqueKeysWithValues: labels.map { ($0, $0 >> 3) }))
        case .function: .function { $0 >> 3 }
        }
    }
}

@Suite struct DocumentTests {
    @Test(arguments: StoreKind.all)
    func `the best documents are found, as by brute force`(kind: StoreKind) throws {
        let fixture = try StoreFixture(
            610, dimensions: kind.dimensions, metric: kind.metric, scalar: kind.scalar,
            labels: (0..<610).map { Label($0 * 7 % 610) })
        let stores = try fixture.openOnDiskAndInMemory()
        var hits = 0
        for query in fixture.queries(6) {
            for store in stores {
                let expected = try brute(store, query) { $0 >> 2 }
                for neighbors in [1, 3, 100] {
                    let options = VectorStore.DocumentOptions(neighborsPerDocument: neighbors, isExact: true)
                    let exact = try store.searchDocuments(query, k: 6, by: .shift(2), options: options)
                    #expect(exact.map(\.best.distance) == expected.prefix(6).map(\.best.distance))
                    for found in exact { check(found, neighbors, expected) }
                }
                let walked = try store.searchDocuments(
                    query, k: 6, by: .shift(2), options: .init(ef: 60, neighborsPerDocument: 2))
                #expect(walked.count == 6)
                for found in walked { check(found, 2, expected) }
                hits += walked.count { $0.best.distance <= expected[5].best.distance }
            }
        }
        // An M of 8 is little for vectors by chance, and for raw inner products.
        let wanted = kind.metric == .innerProduct ? 28 : 32
        #expect(hits >= wanted * stores.count, "\(hits) of \(36 * stores.count)")
    }

    @Test(arguments: GroupingKind.allCases, [1, 4])
    func `all groupings mean the same`(kind: GroupingKind, neighbors: Int) throws {
        let fixture = try StoreFixture(1200), store = try fixture.open()
        let grouping = kind.grouping(fixture.labels)
        for query in fixture.queries(10) {
            let options = VectorStore.DocumentOptions(neighborsPerDocument: neighbors)
            let expected = try store.searchDocuments(query, k: 7, options: options) { $0 >> 3 }
            #expect(try store.searchDocuments(query, k: 7, by: grouping, options: options) == expected)
            #expect(try store.searchDocuments(query.span, k: 7, by: grouping, options: options) == expected)
            #expect(expected.count == 7 && expected.allSatisfy { $0.neighbors.count == neighbors })
        }
    }

    @Test(arguments: GroupingKind.allCases)
    func `it finds k documents wherever there are`(kind: GroupingKind) throws {
        // One document fills the place around the query; the others are far away.
        let store = try VectorStore(inMemory: .init(dimensions: 2, m: 4, efConstruction: 20))
        let near = (0..<960).map { [Float($0 % 30), Float($0 / 30)] }, far = (960..<1000).map { [1000, Float($0)] }
        try store.add((near + far).flatMap { $0 }, labels: (0..<1000).map { Label($0) })
        let grouping: VectorStore.DocumentGrouping =
            switch kind {
            case .shift: .shift(63)
            case .array: .array((0..<1000).map { $0 < 960 ? 5 : UInt64($0) })
            case .dictionary: .dictionary(Dictionary(uniqueKeysWithValues: (0..<1000).map { ($0, $0 < 960 ? 5 : $0) }))
            case .function: .function { $0 < 960 ? 5 : $0 }
            }
        let documents = kind == .shift ? 1 : 41
        for count in [1, 20, 40, 41, 42, 5000, Int.max] {
            for options in [
                VectorStore.DocumentOptions(), .init(ef: 5), .init(neighborsPerDocument: 2), .init(isExact: true),
            ] {
                let found = try store.searchDocuments([3, 3], k: count, by: grouping, options: options)
                #expect(found.count == min(count, documents))
                #expect(Set(found.map(\.document)).count == found.count)
                #expect(found[0].best == VectorStore.Neighbor(label: 93, distance: 0))
                #expect(found[0].document == (kind == .shift ? 0 : 5))
            }
        }
    }

    @Test(arguments: FilterKind.allCases, [1, 2, 10, 100, 1000])
    func `a filter of one in so many`(kind: FilterKind, oneIn: Label) throws {
        let fixture = try StoreFixture(2000, dimensions: 6, labels: (0..<2000).map { Label($0 * 7 % 2000) })
        let store = try fixture.open(), filter = kind.filter(fixture.labels) { $0 % oneIn == 0 }
        let documents = Set((0..<2000).filter { $0 % Int(oneIn) == 0 }.map { $0 / 25 }).count
        var hits = 0, wanted = 0
        for query in fixture.queries(15) {
            let exact = try store.searchDocuments(
                query, k: 10, options: .init(neighborsPerDocument: 3, filter: filter, isExact: true)
            ) { $0 / 25 }
            #expect(exact.count == min(10, documents))
            for neighbors in [1, 3] {
                let options = VectorStore.DocumentOptions(neighborsPerDocument: neighbors, filter: filter)
                let found = try store.searchDocuments(query, k: 10, options: options) { $0 / 25 }
                #expect(found.count == exact.count)
                #expect(found.allSatisfy { $0.neighbors.allSatisfy { $0.label % oneIn == 0 } })
                #expect(
                    found.allSatisfy { document in document.neighbors.allSatisfy { $0.label / 25 == document.document }
                    })
                hits += Set(found.map(\.best)).intersection(exact.map(\.best)).count
                wanted += exact.count
            }
        }
        #expect(Double(hits) >= 0.97 * Double(wanted))
    }

    @Test func `labels of no document are not found`() throws {
        let fixture = try StoreFixture(800), store = try fixture.open(), query = fixture.queries(1)[0]
        let odd: @Sendable (Label) -> UInt64? = { $0 % 2 == 1 ? $0 / 10 : nil }
        let dictionary = Dictionary(
            uniqueKeysWithValues: fixture.labels.compactMap { label in odd(label).map { (label, $0) } })
        for grouping in [VectorStore.DocumentGrouping.function(odd), .dictionary(dictionary)] {
            let found = try store.searchDocuments(
                query, k: 100, by: grouping, options: .init(neighborsPerDocument: 100))
            #expect(found.count == 80 && found.allSatisfy { $0.neighbors.count == 5 })
            #expect(found.allSatisfy { $0.neighbors.allSatisfy { $0.label % 2 == 1 } })
        }
        #expect(try store.searchDocuments(query, k: 5, by: .array([0, 0, 1])).map(\.document).sorted() == [0, 1])
        #expect(try store.searchDocuments(query, k: 5, by: .dictionary([:])) == [])
        #expect(try store.searchDocuments(query, k: 5) { _ in nil } == [])
    }

    /// Shifts of all bits, and of more.
    @Test(arguments: [0, 1, 12, 13, 63, 64, 255] as [UInt8])
    func `shifts of every width`(bits: UInt8) throws {
        let labels: [Label] = (0..<64).map { 1 << $0 } + [0, .max], vectors = (0..<66).map { Float($0) }
        let store = try VectorStore(inMemory: .init(dimensions: 1))
        try store.add(vectors, labels: labels)
        for neighbors in [1, 100] {
            let found = try store.searchDocuments(
                [0], k: 100, by: .shift(bits), options: .init(neighborsPerDocument: neighbors))
            #expect(Set(found.map(\.document)) == Set(labels.map { $0 >> bits }))
            if neighbors == 100 { #expect(found.reduce(0) { $0 + $1.neighbors.count } == 66) }
        }
    }

    @Test func `equal distances come in the order of documents and labels`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 1, m: 4, efConstruction: 20))
        try store.add([Float](repeating: 2, count: 300), labels: (0..<300).map { Label($0 * 37 % 300) })
        for isExact in [false, true] {
            let found = try store.searchDocuments(
                [2], k: 30, options: .init(neighborsPerDocument: 10, isExact: isExact)
            ) { $0 / 10 }
            #expect(found.map(\.document) == Array(0..<30))
            #expect(found.flatMap { $0.neighbors.map(\.label) } == Array(0..<300))
        }
    }

    @Test func `a store of nothing, and none asked for`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3))
        #expect(try store.searchDocuments([1, 2, 3], k: 5, by: .shift(1)) == [])
        try store.add([1, 2, 3], labels: [1])
        #expect(try store.searchDocuments([1, 2, 3], k: 0, by: .shift(1)) == [])
        #expect(
            try store.searchDocuments([1, 2, 3], k: 3, by: .shift(1))
                == [VectorStore.FoundDocument(document: 0, neighbors: [VectorStore.Neighbor(label: 1, distance: 0)])])
        try store.erase([1])
        #expect(try store.searchDocuments([1, 2, 3], k: 5, by: .shift(1)) == [])
        #expect(try store.searchDocuments(batch: [], k: 5, by: .shift(1)) == [])
    }

    @Test(arguments: [nil, 1, 4])
    func `a batch is its searches one by one`(threads: Int?) throws {
        let fixture = try StoreFixture(700, metric: .cosine, scalar: .float16), store = try fixture.open()
        let queries = fixture.queries(37), grouping = GroupingKind.array.grouping(fixture.labels)
        for options in [
            VectorStore.DocumentOptions(ef: 20), .init(neighborsPerDocument: 3), .init(isExact: true),
            .init(filter: .matching { $0 % 2 == 0 }),
        ] {
            let single = try queries.map { try store.searchDocuments($0, k: 6, by: grouping, options: options) }
            let batch = try store.searchDocuments(
                batch: queries.flatMap { $0 }, k: 6, by: grouping, options: options, threads: threads)
            #expect(batch == single)
        }
    }

    @Test func `what cannot be searched for`() throws {
        let fixture = try StoreFixture(50), store = try fixture.open(), query = fixture.rows[0]
        for (count, options, word) in [
            (-1, VectorStore.DocumentOptions(), "-1"), (1, .init(ef: 0), "ef is 0"),
            (1, .init(neighborsPerDocument: 0), "neighborsPerDocument is 0"),
        ] as [(Int, VectorStore.DocumentOptions, String)] {
            for search in [
                { _ = try store.searchDocuments(query, k: count, by: .shift(1), options: options) },
                { _ = try store.searchDocuments(query.span, k: count, by: .shift(1), options: options) },
                { _ = try store.searchDocuments(query, k: count, options: options) { $0 } },
                { _ = try store.searchDocuments(batch: [], k: count, by: .shift(1), options: options) },
            ] as [() throws -> Void] {
                let error = storeError { try search() }
                #expect(error?.code == .invalidArgument && error?.message.contains(word) == true)
            }
        }
        #expect(storeError { _ = try store.searchDocuments([1], k: 1, by: .shift(1)) }?.code == .dimensionMismatch)
        try store.close()
        #expect(storeError { _ = try store.searchDocuments(query, k: 1, by: .shift(1)) }?.code == .closed)
    }

    // MARK: -

    /// All documents, by sorting what an exact search finds.
    private func brute(
        _ store: VectorStore, _ query: [Float], document: (Label) -> UInt64
    ) throws -> [VectorStore.FoundDocument] {
        let all = try store.search(query, k: .max, options: .init(isExact: true))
        return Dictionary(grouping: all) { document($0.label) }
            .map { VectorStore.FoundDocument(document: $0.key, neighbors: $0.value) }
            .sorted { ($0.best.distance, $0.document) < ($1.best.distance, $1.document) }
    }

    private func distances(_ document: VectorStore.FoundDocument, _ count: Int) -> [Float] {
        document.neighbors.prefix(count).map(\.distance)
    }

    /// The neighbours are the document's nearest; of equally near ones at the end any may be there.
    private func check(_ found: VectorStore.FoundDocument, _ neighbors: Int, _ expected: [VectorStore.FoundDocument]) {
        let own = expected.first { $0.document == found.document }
        #expect(own.map { distances($0, neighbors) } == found.neighbors.map(\.distance))
        let all = Set(own?.neighbors ?? [])
        #expect(all.isSuperset(of: found.neighbors))
    }
}
