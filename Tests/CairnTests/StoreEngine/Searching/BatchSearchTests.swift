import TestSupport
import Testing

@testable import Cairn

@Suite struct BatchSearchTests {
    @Test(arguments: [nil, -1, 0, 1, 2, 4, 100])
    func `a batch is its searches one by one`(threads: Int?) throws {
        let fixture = try StoreFixture(700, metric: .cosine, scalar: .float16), store = try fixture.open()
        let queries = fixture.queries(37)
        for options in [
            VectorStore.SearchOptions(ef: 30), .init(isExact: true), .init(ef: 30, filter: .matching { $0 % 2 == 0 }),
        ] {
            let single = try queries.map { try store.search($0, k: 6, options: options) }
            let batch = try store.search(batch: queries.flatMap { $0 }, k: 6, options: options, threads: threads)
            #expect(batch == single)
        }
    }

    @Test func `a batch of nothing`() throws {
        let fixture = try StoreFixture(10), store = try fixture.open()
        #expect(try store.search(batch: [], k: 3) == [])
        #expect(try store.search(batch: fixture.rows[0] + fixture.rows[1], k: 0) == [[], []])
    }

    @Test(arguments: [1, 2, 4], [0, 5, 19])
    func `an error names the first bad query`(threads: Int, row: Int) throws {
        let fixture = try StoreFixture(50), store = try fixture.open()
        var queries = fixture.queries(20)
        queries[row][3] = .nan
        queries[19][1] = .infinity
        let error = storeError { _ = try store.search(batch: queries.flatMap { $0 }, k: 3, threads: threads) }
        #expect(error?.code == .invalidVector)
        #expect(error?.message.contains("query \(row) ") == true)
    }
}
