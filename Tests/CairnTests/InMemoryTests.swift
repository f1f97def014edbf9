import Synchronization
import TestSupport
import Testing
import Threading

@testable import Cairn
@testable import HNSW

@Suite struct InMemoryTests {
    @Test func `a store grows over several segments in batches of any size`() throws {
        let elements = seededVectors(count: 3000, dimensions: 6, seed: 2)
        let store = try VectorStore(inMemory: .init(dimensions: 6, m: 8, efConstruction: 40))
        var first = 0
        for size in [1, 2, 250, 3, 1, 511, 700, 32, 1500] {
            let labels = (first..<first + size).map { Label($0) * 2 }
            try store.add(Array(elements[first * 6..<(first + size) * 6]), labels: labels, threads: 2)
            first += size
            #expect(try store.count == first)
        }
        #expect(first == 3000)
        #expect(try store.allLabels() == (0..<3000).map { Label($0) * 2 })
        let rows = elements.rows(6)
        for row in stride(from: 0, to: 3000, by: 7) {
            #expect(try store.vector(for: Label(row) * 2) == rows[row])
            #expect(try !store.contains(Label(row) * 2 + 1))
        }
        var hits = 0, own = 0
        for query in seededVectors(count: 50, dimensions: 6, seed: 8).rows(6) {
            let exact = try store.search(query, k: 10, options: .init(isExact: true))
            hits += Set(exact).intersection(try store.search(query, k: 10, options: .init(ef: 60))).count
        }
        for row in stride(from: 0, to: 3000, by: 10) {
            own += try store.search(rows[row], k: 1, options: .init(ef: 40))[0].label == Label(row) * 2 ? 1 : 0
        }
        #expect(hits > 480, "of 500")
        #expect(own > 295, "of 300")
    }

    @Test(arguments: 1...3)
    func `the number of threads that add changes nothing`(threads: Int) throws {
        let elements = seededVectors(count: 700, dimensions: 5, seed: 2)
        let queries = seededVectors(count: 10, dimensions: 5, seed: 3)
        func results(_ threads: Int) throws -> [[VectorStore.Neighbor]] {
            let store = try VectorStore(inMemory: .init(dimensions: 5, m: 4, efConstruction: 20))
            try store.add(Array(elements[..<1500]), labels: (0..<300).map { Label($0) }, threads: threads)
            try store.add(Array(elements[1500...]), labels: (300..<700).map { Label($0) }, threads: threads)
            return try store.search(batch: queries, k: 10, options: .init(ef: 12), threads: 1)
        }
        #expect(try results(threads) == results(4))
    }

    @Test func `many threads search at a time`() throws {
        let fixture = try StoreFixture(800)
        let stores = [try fixture.open(), try VectorStore(inMemory: fixture.configuration)]
        try stores[1].add(fixture.rows.flatMap { $0 }, labels: fixture.labels)
        let queries = fixture.queries(60)
        for store in stores {
            let expected = try queries.map { try store.search($0, k: 5, options: .init(ef: 50)) }
            let wrong = Atomic<Int>(0), done = Atomic<Int>(0)
            withThreads(8) { thread in
                for index in queries.indices {
                    let query = (index + thread * 7) % queries.count
                    let found = try? store.search(queries[query], k: 5, options: .init(ef: 50))
                    let vector = try? store.vector(for: Label(query))
                    if found != expected[query] || vector != fixture.rows[query] { wrong.add(1, ordering: .relaxed) }
                    done.add(1, ordering: .relaxed)
                }
            }
            #expect(wrong.load(ordering: .relaxed) == 0)
            #expect(done.load(ordering: .relaxed) == 480)
        }
    }

    /// Searches are never still, so additions only get in if they are not passed by for ever.
    @Test(.timeLimit(.minutes(2)))
    func `one thread adds while others search`() throws {
        let elements = seededVectors(count: 900, dimensions: 4, seed: 2), rows = elements.rows(4)
        let store = try VectorStore(inMemory: .init(dimensions: 4, m: 6, efConstruction: 30))
        try store.add(Array(elements[..<400]), labels: (0..<100).map { Label($0) })
        let isDone = Atomic<Bool>(false), wrong = Atomic<Int>(0), searches = Atomic<Int>(0)
        withThreads(5) { thread in
            if thread == 0 {
                for first in stride(from: 100, to: 900, by: 100) {
                    let labels = (first..<first + 100).map { Label($0) }
                    if (try? store.add(Array(elements[first * 4..<(first + 100) * 4]), labels: labels, threads: 1))
                        == nil
                    {
                        wrong.add(1, ordering: .relaxed)
                    }
                }
                isDone.store(true, ordering: .releasing)
            } else {
                while !isDone.load(ordering: .acquiring) {
                    let before = (try? store.count) ?? -1
                    let row = searches.add(1, ordering: .relaxed).oldValue % 100
                    let found = (try? store.search(rows[row], k: 5, options: .init(ef: 40))) ?? []
                    let after = (try? store.count) ?? -1
                    let isSane =
                        found.count == 5 && found[0].label == Label(row) && found.allSatisfy { $0.label < after }
                        && before % 100 == 0 && before <= after
                    if !isSane { wrong.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(try store.count == 900)
        for row in stride(from: 0, to: 900, by: 50) {
            #expect(try store.search(rows[row], k: 1, options: .init(ef: 40))[0].label == Label(row))
        }
    }

    @Test func `closing waits for searches`() throws {
        let fixture = try StoreFixture(300)
        for _ in 0..<20 {
            let store = try fixture.open(), other = Atomic<Int>(0), searched = Atomic<Int>(0)
            withThreads(3) { thread in
                if thread == 0 {
                    while searched.load(ordering: .relaxed) == 0 {}
                    try? store.close()
                    return
                }
                while true {
                    do throws(StoreError) {
                        _ = try store.search(fixture.rows[0], k: 3, options: .init(ef: 20))
                        searched.add(1, ordering: .relaxed)
                    } catch {
                        if error.code != .closed { other.add(1, ordering: .relaxed) }
                        return
                    }
                }
            }
            #expect(other.load(ordering: .relaxed) == 0)
        }
    }

    @Test func `many stores in memory at a time`() throws {
        // Each reserves addresses for as much as the machine has; ThreadSanitizer leaves a process about 1.5 TB of them.
        let stores = try (0..<30).map { number in
            let store = try VectorStore(inMemory: .init(dimensions: 2))
            try store.add([Float(number), 1], labels: [Label(number)])
            return store
        }
        for (number, store) in stores.enumerated() {
            #expect(try store.search([0, 0], k: 1)[0].label == Label(number))
        }
    }
}

/// Runs `body` on `count` threads at once and waits for all.
func withThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let team = WorkerTeam(count)
    precondition(team.size == count)
    team.run(body)
}
