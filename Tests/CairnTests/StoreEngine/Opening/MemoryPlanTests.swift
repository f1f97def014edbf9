import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A store gives answers that are as good whatever of it is in memory. They are not the same: where a vector costs a read of the
/// disk, searches read fewer of them and look at more codes.
@Suite struct MemoryPlanTests {
    private let store: CodedStore
    private let queries: [[Float]]
    /// Enough for the quantized vectors and the lists, and not for the vectors.
    private let budget = 400_000

    init() throws {
        store = try CodedStore(.scalar4)
        try store.build(2000)
        queries = store.rows(60, seed: 77)
    }

    private func open(_ budget: Int?, _ access: VectorStore.OpenOptions.Access = .readOnly) throws -> VectorStore {
        let opened = try VectorStore.open(
            at: store.path, options: .init(access: access, memoryBudget: budget, threads: 1))
        if budget == self.budget {
            #expect(try opened.info.memoryPlan == .quantizedResident)
            while !opened.hasPackedLists { usleep(1000) }
        }
        return opened
    }

    private struct Answers: Equatable {
        /// What no approximation is in.
        var exact: [[VectorStore.Neighbor]] = []
        var searches: [[VectorStore.Neighbor]] = []
        /// How many of the true neighbours the searches have found.
        var hits = 0
    }

    private func answers(_ opened: VectorStore) throws -> Answers {
        let odd = VectorStore.LabelFilter.matching { $0 % 2 == 1 }
        var found = Answers()
        found.exact = try queries.map { try opened.search($0, k: 10, options: .init(isExact: true)) }
        found.searches = try queries.map { try opened.search($0, k: 10, options: .init(ef: 20)) }
        found.searches += try opened.search(batch: queries.flatMap { $0 }, k: 10, options: .init(ef: 20), threads: 2)
        for (index, neighbors) in found.searches.enumerated() {
            found.hits += neighbors.count { found.exact[index % queries.count].contains($0) }
        }
        found.searches += try queries.map { try opened.search($0, k: 10, options: .init(filter: odd)) }
        found.searches += try queries.map { try opened.search($0, within: 6).neighbors }
        return found
    }

    private func expect(_ found: Answers, asGoodAs wanted: Answers) {
        #expect(found.exact == wanted.exact)
        // One in a hundred, because the queries are few.
        #expect(Double(found.hits) >= 0.99 * Double(wanted.hits), "\(found.hits) of \(wanted.hits)")
        func count(_ answers: Answers) -> Int { answers.searches.reduce(0) { $0 + $1.count } }
        #expect(100 * count(found) >= 99 * count(wanted))
    }

    @Test func `the plan follows from the budget`() throws {
        #expect(try open(nil).info.memoryPlan == .resident)
        #expect(try open(100_000).info.memoryPlan == .paged)
        #expect(try open(budget).info.memoryPlan == .quantizedResident)
    }

    @Test func `answers are as good in every plan`() throws {
        let wanted = try answers(open(nil))
        try expect(answers(open(budget)), asGoodAs: wanted)
        #expect(try answers(open(budget)) == answers(open(100_000)))
    }

    @Test func `fewer vectors are read from the disk than from memory`() throws {
        var resident = VectorStore.SearchWork(), read = VectorStore.SearchWork()
        let (first, second) = (try open(nil), try open(budget))
        for query in queries {
            _ = try first.search(query, k: 10, options: .init(ef: 50), work: &resident)
            _ = try second.search(query, k: 10, options: .init(ef: 50), work: &read)
        }
        #expect(read.vectorsRead < resident.vectorsRead && read.quantizedVectorsRead > resident.quantizedVectorsRead)
    }

    @Test func `changes and checkpoints in every plan leave the same store`() throws {
        var checksums: [UInt64?] = [], found: [Answers] = []
        for budget in [nil, budget, 100_000] {
            let fixture = try CodedStore(.scalar4)
            try fixture.build(2000)
            let options = VectorStore.OpenOptions(access: .readWrite, memoryBudget: budget, threads: 1)
            let opened = try VectorStore.open(at: fixture.path, options: options)
            for round in 0..<4 {
                let labels = (0..<50).map { Label(5000 + 100 * round + $0) }
                try opened.add(fixture.rows(50, seed: UInt64(20 + round)).flatMap { $0 }, labels: labels)
                try opened.erase([Label(round), Label(1000 + round)])
                try opened.markDeleted([Label(500 + round)])
                try opened.update(fixture.rows(1, seed: UInt64(90 + round))[0], labels: [Label(700 + round)])
                if round % 2 == 1 { try opened.checkpoint() }
            }
            found.append(try answers(opened))
            let report = try opened.verify()
            #expect(report.problems == [])
            checksums.append(report.contentChecksum)
            try opened.close()
            let again = try VectorStore.open(at: fixture.path, options: .init(memoryBudget: budget, threads: 1))
            #expect(try answers(again) == found.last!)
            #expect(try again.verify().problems == [])
        }
        #expect(Set(checksums).count == 1 && found[1] == found[2])
        expect(found[1], asGoodAs: found[0])
    }

    @Test func `closing does not wait for lists`() throws {
        for _ in 0..<20 {
            let opened = try VectorStore.open(at: store.path, options: .init(memoryBudget: budget, threads: 1))
            try opened.close()
        }
    }
}
