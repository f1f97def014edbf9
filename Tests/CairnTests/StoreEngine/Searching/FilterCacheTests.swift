import HNSW
import Synchronization
import SystemPackage
import TestSupport
import Testing
import Threading
import VectorFiles

@testable import Cairn

/// What a filter keeps of the store that it was used with.
@Suite struct FilterCacheTests {
    private static let fixture = Result { try StoreFixture(3000, dimensions: 6) }

    /// The fixed kinds, which are kept.
    static let fixed: [FilterKind] = [.including, .excluding, .bitmap]

    @Test(arguments: fixed, [2, 1000])
    func `slots are worked out once for many searches`(kind: FilterKind, oneIn: Label) throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        let filter = kind.filter(fixture.labels) { $0 % oneIn == 0 }
        try store.reading { #expect(filter.cache.set(for: $0.view, of: $0.graph) == nil) }
        for query in fixture.queries(60) { _ = try store.search(query, k: 5, options: .init(filter: filter)) }
        try store.reading { (session) throws(StoreError) in
            let set = filter.cache.set(for: session.view, of: session.graph)
            #expect(set?.count == 3000 / Int(oneIn))
            // It is the same one from now on, for searches of all kinds.
            let query = fixture.rows[7]
            _ = try store.search(query, k: 5, options: .init(filter: filter))
            _ = try store.search(query, within: 1, options: .init(filter: filter))
            _ = try store.searchDocuments(query, k: 5, by: .shift(2), options: .init(filter: filter))
            #expect(filter.cache.set(for: session.view, of: session.graph) === set)
        }
    }

    @Test(arguments: FilterKind.allCases, [1, 2, 10, 300])
    func `a filter goes on meaning what it says while the store changes`(kind: FilterKind, oneIn: Label) throws {
        let elements = vectors(2000, dimensions: 5, scalar: .float32), rows = elements.rows(5)
        let store = try VectorStore(inMemory: .init(dimensions: 5, m: 8, efConstruction: 30))
        try store.add(elements, labels: (0..<2000).map { Label($0) })
        let filter = kind.filter((0..<3000).map { Label($0) }) { $0 % oneIn == 0 }
        var live = Set<Label>(0..<2000)
        let queries = vectors(12, dimensions: 5, scalar: .float32, seed: 5).rows(5)
        func check(_ step: String) throws {
            let matches = live.filter { $0 % oneIn == 0 }
            for isExact in [false, true] {
                for query in queries {
                    let found = try store.search(
                        query, k: 10, options: .init(ef: 30, filter: filter, isExact: isExact))
                    #expect(found.count == min(10, matches.count), "\(step)")
                    #expect(found.allSatisfy { matches.contains($0.label) }, "\(step)")
                }
            }
        }
        for _ in 0..<4 { try check("at first") }
        let erased = (0..<700).map { Label($0 * 2) }
        try store.erase(erased)
        live.subtract(erased)
        try check("erased")
        try store.markDeleted([3, 301, 601, 901, 1500])
        live.subtract([3, 301, 601, 901, 1500])
        for _ in 0..<3 { try check("marked") }
        try store.unmarkDeleted([3, 1500])
        live.formUnion([3, 1500])
        try check("unmarked")
        // Into the slots of the erased ones, whose labels were others.
        try store.checkpoint()
        try store.add(rows[..<900].flatMap { $0 }, labels: (2100..<3000).map { Label($0) })
        live.formUnion(2100..<3000)
        for _ in 0..<3 { try check("added") }
        try store.erase(Array(live))
        live = []
        try check("nothing left")
    }

    @Test func `one filter serves several stores in turn`() throws {
        let stores = try [100, 200].map { count in
            let store = try VectorStore(inMemory: .init(dimensions: 1, m: 4, efConstruction: 10))
            // The same number of batches, so that nothing but the store tells the two apart.
            try store.add((0..<count).map { Float($0) }, labels: (0..<count).map { Label($0) })
            return store
        }
        let filter = VectorStore.LabelFilter.including([5, 150])
        for _ in 0..<3 {
            #expect(try stores[0].search([149], k: 2, options: .init(filter: filter)).map(\.label) == [5])
            #expect(try stores[1].search([149], k: 2, options: .init(filter: filter)).map(\.label) == [150, 5])
        }
    }

    /// What a function says may change from search to search; in one it is asked once for each label.
    @Test(arguments: [1, 3, 40, 900, 5000])
    func `a function is asked once for each label and search`(oneIn: Label) throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        for query in fixture.queries(10) {
            let asked = Guarded<[Label: Int]>([:])
            let filter = VectorStore.LabelFilter.matching { label in
                asked.withLock { $0[label, default: 0] += 1 }
                return label % oneIn == 1 % oneIn
            }
            let found = try store.search(query, k: 8, options: .init(ef: 30, filter: filter))
            #expect(found.count == min(8, fixture.labels.count { $0 % oneIn == 1 % oneIn }))
            asked.withLock { asked in
                #expect(asked.values.allSatisfy { $0 == 1 })
                if oneIn == 1 { #expect(asked.count < 1000) }
            }
        }
    }

    @Test(arguments: fixed)
    func `the work is that of the cheaper way`(kind: FilterKind) throws {
        let fixture = try Self.fixture.get(), store = try fixture.open()
        for (oneIn, most) in [(1, 700), (2, 1500), (50, 60), (1000, 3)] as [(Label, Int)] {
            let filter = kind.filter(fixture.labels) { $0 % oneIn == 0 }
            for query in fixture.queries(30) { _ = try store.search(query, k: 5, options: .init(filter: filter)) }
            let before = try CampaignAccess.searchWork(of: store).distances
            for query in fixture.queries(20) {
                _ = try store.search(query, k: 5, options: .init(ef: 20, filter: filter))
            }
            #expect(try CampaignAccess.searchWork(of: store).distances - before <= 20 * most)
        }
    }

    /// Package descriptions, and filters that have to do with what they are about.
    @Test func `filters on real data`() throws {
        let folder = projectDirectory.appending("Examples/debian-packages")
        func read(_ name: String, _ count: Int) throws -> (rows: [[Float]], all: [Float]) {
            let file = try VectorFile(folder.appending(name)), count = min(count, file.rows)
            var values = [Float](repeating: 0, count: count * file.dimensions)
            let result = unsafe values.withUnsafeMutableBufferPointer { buffer in
                Result { () throws(VectorFileError) in try unsafe file.readFloats(rows: 0..<count, into: buffer) }
            }
            try result.get()
            return (values.rows(file.dimensions), values)
        }
        let base = try read("vectors.npy", 1500), queries = try read("queries.npy", 8).rows
        let store = try VectorStore(
            inMemory: .init(dimensions: 384, metric: .cosine, m: 16, efConstruction: 60))
        try store.add(base.all, labels: (0..<base.rows.count).map { Label($0) })
        var generator = SeededGenerator(seed: 3)
        for query in queries {
            let all = try store.search(query, k: base.rows.count, options: .init(isExact: true)).map(\.label)
            let subsets = [
                "every other": all.filter { _ in generator.next() % 2 == 0 },
                "one in ten": all.filter { _ in generator.next() % 10 == 0 },
                "one in a hundred": all.filter { _ in generator.next() % 100 == 0 },
                "near": Array(all.prefix(all.count / 2)), "far": Array(all.suffix(all.count / 2)),
                "far and few": Array(all.suffix(all.count / 10)),
            ]
            for (name, subset) in subsets {
                let allowed = Set(subset), exact = all.filter(allowed.contains).prefix(10)
                for kind in FilterKind.allCases {
                    let filter = kind.filter(all) { allowed.contains($0) }
                    for plan in [nil, SearchPlan.walkAll, .walkSet, .scan] {
                        var options = VectorStore.SearchOptions(ef: 60, filter: filter)
                        options.filterPlan = plan
                        let found = try store.search(query, k: 10, options: options).map(\.label)
                        #expect(found.count == exact.count && found.allSatisfy(allowed.contains))
                        let hits = Set(found).intersection(exact).count
                        #expect(
                            hits >= exact.count - 2, "\(name), \(kind), \(plan.map { "\($0)" } ?? "planned"): \(hits)")
                    }
                }
            }
        }
    }

    @Test func `a filter is used by several threads while the store changes`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3, m: 6, efConstruction: 20))
        let elements = vectors(1200, dimensions: 3, scalar: .float32), rows = elements.rows(3)
        try store.add(elements, labels: (0..<1200).map { Label($0) })
        let isDone = Atomic<Bool>(false), problems = Atomic<Int>(0), searches = Atomic<Int>(0)
        // Always there: 0, 2, …, 1198 without the multiples of 100, which come and go.
        let filters = [
            VectorStore.LabelFilter.including((0..<600).map { Label($0 * 2) }), .including([2, 4, 100, 200, 1100]),
            .bitmap([UInt64](repeating: 0x5555_5555_5555_5555, count: 19)),
            .excluding((0..<700).map { Label($0 * 2 + 1) }),
        ]
        withThreads(3) { thread in
            do {
                if thread == 0 {
                    defer { isDone.store(true, ordering: .releasing) }
                    // Until the others have come to search; and long enough for them to meet changes.
                    for round in 0..<60_000 where round < 60 || searches.load(ordering: .relaxed) <= 10 {
                        let label = Label(round % 12 * 100)
                        try store.erase([label])
                        if round % 5 == 0 { try store.checkpoint() }
                        try store.add(rows[Int(label)], labels: [label])
                    }
                    return
                }
                var number = thread
                while !isDone.load(ordering: .acquiring) {
                    number += 1
                    let index = number % filters.count
                    let found = try store.search(
                        rows[number % 1200], k: 20, options: .init(ef: 20, filter: filters[index]))
                    let labels = Set(found.map(\.label))
                    let isRight =
                        index == 1
                        ? labels.isSuperset(of: [2, 4]) && labels.isSubset(of: [2, 4, 100, 200, 1100])
                            && labels.count >= 4
                        : labels.count == 20 && labels.allSatisfy { $0 % 2 == 0 }
                    if !isRight || labels.count != found.count { problems.add(1, ordering: .relaxed) }
                    searches.add(1, ordering: .relaxed)
                }
            } catch {
                problems.add(1000, ordering: .relaxed)
            }
        }
        let count = searches.load(ordering: .relaxed), wrong = problems.load(ordering: .relaxed)
        #expect(wrong == 0 && count > 10)
    }
}
