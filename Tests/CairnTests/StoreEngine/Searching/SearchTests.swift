import TestSupport
import Testing

@testable import Cairn

struct StoreKind: Sendable, CustomTestStringConvertible {
    let metric: VectorStore.Metric
    let scalar: VectorStore.Scalar
    let dimensions: Int

    static let all: [StoreKind] = [VectorStore.Metric.l2, .innerProduct, .cosine].flatMap { metric in
        VectorStore.Scalar.allCases.flatMap { scalar in
            [1, 2, 7, 64, 100, 384].map { StoreKind(metric: metric, scalar: scalar, dimensions: $0) }
        }
    }

    var testDescription: String { "\(metric) \(scalar.rawValue) \(dimensions)" }
}

@Suite struct SearchTests {
    @Test(arguments: StoreKind.all)
    func `build, open and search find the nearest`(kind: StoreKind) throws {
        let fixture = try StoreFixture(700, dimensions: kind.dimensions, metric: kind.metric, scalar: kind.scalar)
        let store = try fixture.open()
        let scale = distanceScale(kind)
        var hits = 0
        for query in fixture.queries(8) {
            let expected = fixture.nearest(query, 10)
            let exact = try store.search(query, k: 10, options: .init(isExact: true))
            #expect(exact.count == 10 && Set(exact.map(\.label)).count == 10)
            for (found, wanted) in zip(exact, expected) {
                #expect(abs(Double(found.distance) - wanted.distance) <= scale)
                let own = distance(kind.metric, query, fixture.rows[Int(found.label)])
                #expect(abs(Double(found.distance) - own) <= scale)
            }
            // Narrow enough for the graph to be walked.
            let walked = try store.search(query, k: 10, options: .init(ef: 60))
            #expect(walked.count == 10)
            hits += walked.filter { $0.distance <= exact[9].distance }.count
            #expect(zip(walked, walked.dropFirst()).allSatisfy { $0.distance <= $1.distance })
        }
        // Random vectors of hundreds of components are all about as far from one another.
        #expect(hits >= (kind.dimensions > 100 ? 56 : 72), "of 80 neighbours")
    }

    @Test(arguments: StoreKind.all)
    func `a store in memory answers as the one on disk`(kind: StoreKind) throws {
        let fixture = try StoreFixture(300, dimensions: kind.dimensions, metric: kind.metric, scalar: kind.scalar)
        let onDisk = try fixture.open(), inMemory = try VectorStore(inMemory: fixture.configuration)
        try inMemory.add(fixture.rows.flatMap { $0 }, labels: fixture.labels, threads: 1)
        for query in fixture.queries(4) {
            for options in [VectorStore.SearchOptions(ef: 25), VectorStore.SearchOptions(isExact: true)] {
                let a = try onDisk.search(query, k: 7, options: options)
                #expect(try inMemory.search(query, k: 7, options: options) == a)
            }
        }
        for label: Label in [0, 64, 129] { #expect(try inMemory.vector(for: label) == onDisk.vector(for: label)) }
    }

    @Test(arguments: StoreKind.all)
    func `get gives back what was given`(kind: StoreKind) throws {
        let fixture = try StoreFixture(20, dimensions: kind.dimensions, metric: kind.metric, scalar: kind.scalar)
        let store = try fixture.open()
        for (label, row) in zip(fixture.labels, fixture.rows) {
            let vector = try #require(try store.vector(for: label))
            #expect(vector.count == kind.dimensions)
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for (found, given) in zip(vector, row) {
                switch (kind.scalar, kind.metric) {
                case (.uint8, _), (.int8, _): #expect(found == given)
                case (.float32, .cosine): #expect(abs(found - given) <= 3e-7 * length)
                case (.float32, _): #expect(found == given)
                case (.float16, _): #expect(abs(found - given) <= 0.0005 * abs(given) + 1e-7 * max(length, 1))
                }
            }
        }
    }

    @Test func `a distance to named labels is the one a search tells`() throws {
        let fixture = try StoreFixture(100, metric: .cosine, scalar: .float16)
        let store = try fixture.open(), query = fixture.queries(1)[0]
        let found = try store.search(query, k: 100, options: .init(isExact: true))
        let labels = found.map(\.label) + [100, .max]
        #expect(try store.distances(from: query, to: labels) == found.map(\.distance) + [nil, nil])
        #expect(try store.distances(from: query, to: []) == [])
    }

    @Test func `k and ef at their limits`() throws {
        let fixture = try StoreFixture(300)
        let store = try fixture.open(), query = fixture.queries(1)[0]
        #expect(try store.search(query, k: 0) == [])
        #expect(try store.search(query, k: 301).count == 300)
        #expect(try store.search(query, k: .max).count == 300)
        #expect(try store.search(query, k: 3, options: .init(ef: .max)).count == 3)
        let narrow = try store.search(query, k: 40, options: .init(ef: 1))
        #expect(narrow.count == 40, "an ef below k counts as k")
        #expect(try store.search(query, k: 1, options: .init(ef: 1)).count == 1)
        for (count, width) in [(-1, nil), (Int.min, nil), (5, 0), (5, -3)] as [(Int, Int?)] {
            let error = storeError { _ = try store.search(query, k: count, options: .init(ef: width)) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("\(width ?? count)") == true)
        }
    }

    @Test func `a span finds what an array finds`() throws {
        let fixture = try StoreFixture(200)
        let store = try fixture.open(), query = fixture.queries(1)[0]
        #expect(try store.search(query.span, k: 5) == store.search(query, k: 5))
    }

    @Test(arguments: [VectorStore.Metric.l2, .innerProduct, .cosine])
    func `fifty equal vectors come back in the order of their labels`(metric: VectorStore.Metric) throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let labels = (0..<50).map { Label($0 * 37 % 50) }
        let elements = [[Float]](repeating: [1, 2, 2], count: 50).flatMap { $0 }
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 3, metric: metric), vectors: elements, labels: labels)
        let store = try VectorStore.open(at: path)
        for isExact in [false, true] {
            let found = try store.search([1, 2, 2], k: 50, options: .init(isExact: isExact))
            #expect(found.map(\.label) == Array(0..<50))
            #expect(Set(found.map(\.distance)).count == 1)
        }
    }

    /// Many are far more than a link list holds, and more than a search's width.
    @Test func `a search finds k of many equal vectors`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let elements = [Float](repeating: 0.5, count: 1000 * 4)
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 4, m: 8, efConstruction: 40), vectors: elements)
        let store = try VectorStore.open(at: path)
        #expect(try store.search([0.5, 0.5, 0.5, 0.5], k: 50).count == 50)
    }

    /// Rows of very different length: with inner products the longest are everybody's neighbours, and walks find few of the others.
    @Test(arguments: [VectorStore.Metric.innerProduct, .l2], [VectorStore.Quantization.none, .scalar8])
    func `a tenth of the store is found by comparing with all of it`(
        metric: VectorStore.Metric, codes: VectorStore.Quantization
    ) throws {
        var elements: [Float] = []
        for (row, vector) in vectors(600, dimensions: 8, scalar: .float32).rows(8).enumerated() {
            elements += vector.map { $0 * Float(1 << (row * 7 % 6)) }
        }
        let store = try VectorStore(
            inMemory: .init(dimensions: 8, metric: metric, m: 4, efConstruction: 20, quantization: codes))
        try store.add(elements, labels: (0..<600).map { Label($0) })
        let queries = vectors(6, dimensions: 8, scalar: .float32, seed: 999)
        for count in [60, 61, 300] {
            let options = VectorStore.SearchOptions(ef: 10)
            let batch = try store.search(batch: queries, k: count, options: options)
            for (query, inBatch) in zip(queries.rows(8), batch) {
                var work = VectorStore.SearchWork()
                let exact = try store.search(query, k: count, options: .init(isExact: true))
                #expect(try store.search(query, k: count, options: options, work: &work) == exact)
                #expect(inBatch == exact && work.distances == 600)
                let odd = VectorStore.LabelFilter.matching { $0 % 2 == 1 }
                let oddExact = try store.search(query, k: count, options: .init(filter: odd, isExact: true))
                #expect(try store.search(query, k: count, options: .init(ef: 10, filter: odd)) == oddExact)
                let documents = try store.searchDocuments(query, k: count, by: .shift(0), options: .init(ef: 10))
                #expect(documents.map(\.best) == exact)
            }
        }
    }

    /// What rounding may cost: a share of the largest sum in the distance.
    private func distanceScale(_ kind: StoreKind) -> Double {
        let precision = kind.scalar == .float16 ? 2e-3 : 2e-6
        let largest = kind.scalar == .uint8 || kind.scalar == .int8 ? 255.0 : 2.0
        return kind.metric == .cosine
            ? precision * 2 : precision * largest * largest * Double(kind.dimensions) + precision
    }
}
