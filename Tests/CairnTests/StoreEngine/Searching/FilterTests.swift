import TestSupport
import Testing

@testable import Cairn

/// How a filter is written down; all mean the same labels.
enum FilterKind: String, CaseIterable, Sendable {
    case including, excluding, bitmap, matching

    func filter(_ all: [Label], where isAllowed: @escaping @Sendable (Label) -> Bool) -> VectorStore.LabelFilter {
        switch self {
        // Labels that the store does not have do no harm.
        case .including: return .including(all.filter(isAllowed) + [1 << 40, .max])
        case .excluding: return .excluding(all.filter { !isAllowed($0) } + [1 << 40, .max])
        case .bitmap:
            var words = [UInt64](repeating: 0, count: Int((all.max() ?? 0) / 64) + 3)
            for label in all where isAllowed(label) { words[Int(label / 64)] |= 1 << (label % 64) }
            words[words.count - 1] = 1
            return .bitmap(words)
        case .matching: return .matching(isAllowed)
        }
    }
}

@Suite struct FilterTests {
    private static let fixture = Result {
        try StoreFixture(2000, dimensions: 6, labels: (0..<2000).map { Label($0 * 7 % 2000) })
    }

    @Test(arguments: FilterKind.allCases, [1, 2, 10, 100, 1000])
    func `one in so many allowed`(kind: FilterKind, oneIn: Label) throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        let filter = kind.filter(fixture.labels) { $0 % oneIn == 0 }
        let matches = 2000 / Int(oneIn)
        var hits = 0, wanted = 0
        for query in fixture.queries(15) {
            for (count, width) in [(10, 50), (10, 20), (1, 10), (100, 100)] {
                let found = try store.search(query, k: count, options: .init(ef: width, filter: filter))
                #expect(found.count == min(count, matches))
                #expect(found.allSatisfy { $0.label % oneIn == 0 })
                #expect(Set(found.map(\.label)).count == found.count)
                guard width >= 50 else { continue }
                let exact = fixture.nearest(query, count) { $0 % oneIn == 0 }.map(\.label)
                hits += Set(exact).intersection(found.map(\.label)).count
                wanted += exact.count
            }
        }
        #expect(Double(hits) / Double(wanted) >= 0.95)
    }

    @Test(arguments: FilterKind.allCases)
    func `nothing allowed finds nothing`(kind: FilterKind) throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        let filter = kind.filter(fixture.labels) { _ in false }
        for options in [
            VectorStore.SearchOptions(filter: filter), .init(ef: 10, filter: filter),
            .init(filter: filter, isExact: true),
        ] {
            #expect(try store.search(fixture.rows[0], k: 10, options: options) == [])
        }
    }

    @Test(arguments: FilterKind.allCases)
    func `all allowed finds what no filter finds`(kind: FilterKind) throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        let filter = kind.filter(fixture.labels) { _ in true }
        for query in fixture.queries(10) {
            for isExact in [false, true] {
                let options = VectorStore.SearchOptions(ef: 60, isExact: isExact)
                let filtered = VectorStore.SearchOptions(ef: 60, filter: filter, isExact: isExact)
                #expect(
                    try store.search(query, k: 10, options: filtered)
                        == store.search(query, k: 10, options: options))
            }
        }
    }

    @Test func `filters of nothing at all`() throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        for filter in [VectorStore.LabelFilter.including([]), .bitmap([]), .bitmap([0, 0])] {
            #expect(try store.search(fixture.rows[0], k: 3, options: .init(filter: filter)) == [])
        }
        #expect(try store.search(fixture.rows[0], k: 3, options: .init(filter: .excluding([]))).count == 3)
        #expect(try store.search(fixture.rows[0], k: 3, options: .init(filter: .including([1 << 50]))) == [])
        #expect(try store.search(fixture.rows[0], k: 0, options: .init(filter: .including([5]))) == [])
    }

    @Test func `labels beyond a bitmap are not allowed`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 1))
        try store.add([1, 2, 3, 4], labels: [63, 64, .max, 1 << 63])
        let found = try store.search([0], k: 4, options: .init(filter: .bitmap([.max])))
        #expect(found.map(\.label) == [63])
    }

    @Test func `a filtered search is exact where it is asked to be`() throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        for query in fixture.queries(5) {
            let options = VectorStore.SearchOptions(filter: .matching { $0 % 3 == 1 }, isExact: true)
            let expected = fixture.nearest(query, 20) { $0 % 3 == 1 }.map(\.label)
            #expect(try store.search(query, k: 20, options: options).map(\.label) == expected)
        }
    }

    /// A walk cannot reach these: nothing links to a cluster of which all is allowed but which is far from the query's.
    @Test func `matches in a far corner are found`() throws {
        let near = seededVectors(count: 1900, dimensions: 4, seed: 1)
        let far = seededVectors(count: 100, dimensions: 4, seed: 2).map { $0 + 1000 }
        let store = try VectorStore(inMemory: .init(dimensions: 4, m: 4, efConstruction: 20))
        try store.add(near + far, labels: (0..<2000).map { Label($0) })
        for filter in [VectorStore.LabelFilter.matching { $0 >= 1900 }, .including(1900..<2000), .excluding(0..<1900)] {
            let found = try store.search([0, 0, 0, 0], k: 100, options: .init(ef: 100, filter: filter))
            #expect(Set(found.map(\.label)) == Set(1900..<2000))
        }
    }

    @Test func `matches among equal vectors are found`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 2, m: 4, efConstruction: 20))
        try store.add([Float](repeating: 3, count: 2000), labels: (0..<1000).map { Label($0) })
        for kind in FilterKind.allCases {
            let filter = kind.filter((0..<1000).map { Label($0) }) { $0 % 2 == 1 }
            let found = try store.search([0, 0], k: 20, options: .init(ef: 20, filter: filter))
            #expect(found.count == 20 && found.allSatisfy { $0.label % 2 == 1 }, "\(kind)")
        }
    }
}
