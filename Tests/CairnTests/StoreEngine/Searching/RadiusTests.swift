import TestSupport
import Testing

@testable import Cairn

@Suite struct RadiusTests {
    @Test(arguments: StoreKind.all)
    func `what is within a radius is found, as by brute force`(kind: StoreKind) throws {
        let fixture = try StoreFixture(520, dimensions: kind.dimensions, metric: kind.metric, scalar: kind.scalar)
        let stores = try fixture.openOnDiskAndInMemory()
        var hits = 0, wanted = 0
        for query in fixture.queries(8) {
            let all = fixture.nearest(query, 520)
            // Between two of them, so that rounding does not decide.
            let radius = (all[30].distance + all[31].distance) / 2
            let near = (all[31].distance - all[30].distance) / 2 > tolerance(kind) ? 0 : tolerance(kind)
            for store in stores {
                let exact = try store.search(query, within: Float(radius), options: .init(isExact: true))
                let labels = Set(exact.neighbors.map(\.label))
                #expect(labels.count == exact.neighbors.count && !exact.isTruncated)
                for reference in all where abs(reference.distance - radius) > near {
                    #expect(labels.contains(reference.label) == (reference.distance < radius))
                }
                #expect(exact.neighbors.allSatisfy { $0.distance <= Float(radius) })
                #expect(exact.neighbors == exact.neighbors.sorted { ($0.distance, $0.label) < ($1.distance, $1.label) })

                let walked = try store.search(query, within: Float(radius), options: .init(ef: 50))
                #expect(walked.neighbors == exact.neighbors.filter { walked.neighbors.contains($0) })
                hits += walked.neighbors.count
                wanted += exact.neighbors.count
            }
        }
        // An M of 8 is little for vectors by chance, and for raw inner products.
        let share = kind.metric == .innerProduct ? 0.8 : 0.9
        #expect(Double(hits) >= share * Double(wanted), "\(hits) of \(wanted)")
    }

    @Test(arguments: [VectorStore.Scalar.float32, .uint8], [0, -0.0] as [Float])
    func `a radius of zero finds the equal ones`(scalar: VectorStore.Scalar, zero: Float) throws {
        let store = try VectorStore(
            inMemory: .init(dimensions: 2, scalar: scalar, efConstruction: 60))
        let rows: [[Float]] = (0..<600).map { (row: Int) -> [Float] in
            row % 3 == 0 ? [7, 9] : [Float(row % 50), Float(row / 50)]
        }
        try store.add(rows.flatMap { $0 }, labels: (0..<600).map { Label($0) })
        let equal = (0..<600).filter { rows[$0] == [7, 9] }.map { VectorStore.Neighbor(label: Label($0), distance: 0) }
        for options in [VectorStore.RadiusOptions(), .init(ef: 5), .init(isExact: true)] {
            let found = try store.search([7, 9], within: zero, options: options).neighbors
            if options.isExact { #expect(found == equal) }
            #expect(found == equal.filter(Set(found).contains) && 20 * found.count >= 19 * equal.count)
            #expect(try store.search([7.5, 9].map { scalar == .uint8 ? 200 : $0 }, within: zero).neighbors == [])
        }
    }

    @Test func `inner products are within negative radii`() throws {
        let fixture = try StoreFixture(400, metric: .innerProduct), store = try fixture.open()
        var hits = 0, wanted = 0
        for query in fixture.queries(20).map({ $0.map { 4 * $0 } }) {
            let all = fixture.nearest(query, 400), radius = Float((all[9].distance + all[10].distance) / 2)
            #expect(radius < 0)
            let exact = try store.search(query, within: radius, options: .init(isExact: true)).neighbors
            #expect(exact.map(\.label) == all.prefix(10).map(\.label))
            hits +=
                Set(try store.search(query, within: radius, options: .init(ef: 30)).neighbors)
                .intersection(exact).count
            wanted += 10
        }
        #expect(Double(hits) >= 0.95 * Double(wanted))
    }

    @Test func `radii of everything and of nothing`() throws {
        let fixture = try StoreFixture(500), store = try fixture.open(), query = fixture.queries(1)[0]
        for options in [VectorStore.RadiusOptions(), .init(ef: 10), .init(isExact: true)] {
            let all = try store.search(query, within: .infinity, options: options)
            #expect(Set(all.neighbors.map(\.label)) == Set(fixture.labels) && !all.isTruncated)
            #expect(try store.search(query, within: .greatestFiniteMagnitude, options: options) == all)
            for nothing: Float in [-1, -.infinity] {
                let found = try store.search(query, within: nothing, options: options)
                #expect(found.neighbors == [] && !found.isTruncated)
            }
        }
    }

    @Test func `a distance that is no number is infinitely far`() throws {
        unsafe VectorStore.registerDistance("no number") { a, b in
            let (a, b) = unsafe (a.load(as: Float.self), b.load(as: Float.self))
            return b < 5 ? a - b : .nan
        }
        let store = try VectorStore(inMemory: .init(dimensions: 1, metric: .custom(name: "no number")))
        try store.add((0..<10).map { Float($0) }, labels: (0..<10).map { Label($0) })
        #expect(try store.search([9], within: .greatestFiniteMagnitude).neighbors.count == 5)
        let all = try store.search([9], within: .infinity).neighbors
        #expect(all.count == 10 && all[5...].allSatisfy { $0.distance == .infinity })
    }

    @Test(arguments: [false, true])
    func `a limit keeps the nearest and says that there are more`(isExact: Bool) throws {
        let fixture = try StoreFixture(900), store = try fixture.open()
        for query in fixture.queries(10) {
            let all = try store.search(query, within: .infinity, options: .init(isExact: true)).neighbors
            let radius = all[59].distance
            for limit in [1, 59, 60, 61] {
                let found = try store.search(
                    query, within: radius, options: .init(limit: limit, ef: 80, isExact: isExact))
                #expect(found.isTruncated == (limit < 60))
                #expect(found.neighbors.count == min(limit, 60))
                if isExact { #expect(found.neighbors == Array(all.prefix(min(limit, 60)))) }
            }
        }
    }

    @Test(arguments: FilterKind.allCases, [1, 2, 10, 100, 1000])
    func `a filter of one in so many`(kind: FilterKind, oneIn: Label) throws {
        let fixture = try StoreFixture(2000, dimensions: 6, labels: (0..<2000).map { Label($0 * 7 % 2000) })
        let store = try fixture.open(), filter = kind.filter(fixture.labels) { $0 % oneIn == 0 }
        var hits = 0, wanted = 0
        for query in fixture.queries(15) {
            let radius = try store.search(query, k: 200, options: .init(isExact: true))[199].distance
            let exact = try store.search(query, within: radius, options: .init(filter: filter, isExact: true)).neighbors
            let all = try store.search(query, within: radius, options: .init(isExact: true)).neighbors
            #expect(exact == all.filter { $0.label % oneIn == 0 })
            for width in [10, 50] {
                let found = try store.search(query, within: radius, options: .init(ef: width, filter: filter))
                #expect(found.neighbors == exact.filter { found.neighbors.contains($0) } && !found.isTruncated)
                hits += found.neighbors.count
                wanted += exact.count
            }
            let few = try store.search(query, within: radius, options: .init(limit: 3, filter: filter))
            #expect(few.neighbors.count == min(3, exact.count) && few.isTruncated == (exact.count > 3))
        }
        #expect(Double(hits) >= 0.97 * Double(wanted))
    }

    /// A radius that catches most of the store costs little more than looking at all of it.
    @Test func `the work is bounded by that of a scan`() throws {
        let fixture = try StoreFixture(4000), store = try fixture.open(), query = fixture.queries(1)[0]
        let before = try CampaignAccess.searchWork(of: store).distances
        #expect(try store.search(query, within: .infinity, options: .init(ef: 20)).neighbors.count == 4000)
        let middle = try CampaignAccess.searchWork(of: store).distances
        #expect(middle - before <= 4000 + 1000 + 20 * 16 + 100)
        // Few are allowed, so only these are compared.
        let few = VectorStore.RadiusOptions(ef: 20, filter: .including(0..<100))
        #expect(try store.search(query, within: .infinity, options: few).neighbors.count == 100)
        #expect(try CampaignAccess.searchWork(of: store).distances - middle == 100)
    }

    @Test func `a store of nothing`() throws {
        let empty = try VectorStore(inMemory: .init(dimensions: 3))
        let erased = try VectorStore(inMemory: .init(dimensions: 3))
        try erased.add([1, 2, 3], labels: [1])
        try erased.erase([1])
        for store in [empty, erased] {
            for options in [VectorStore.RadiusOptions(), .init(isExact: true), .init(filter: .including([1]))] {
                let found = try store.search([1, 2, 3], within: .infinity, options: options)
                #expect(found.neighbors == [] && !found.isTruncated)
            }
            #expect(try store.search(batch: [], within: 1) == [])
        }
    }

    @Test(arguments: [nil, 1, 4])
    func `a batch is its searches one by one`(threads: Int?) throws {
        let fixture = try StoreFixture(700, metric: .cosine, scalar: .float16), store = try fixture.open()
        let queries = fixture.queries(37), first = queries[0]
        for options in [
            VectorStore.RadiusOptions(ef: 20), .init(limit: 4), .init(isExact: true),
            .init(filter: .matching { $0 % 2 == 0 }),
        ] {
            let single = try queries.map { try store.search($0, within: 0.7, options: options) }
            #expect(!single.contains { $0.neighbors.isEmpty })
            let batch = try store.search(
                batch: queries.flatMap { $0 }, within: 0.7, options: options, threads: threads)
            #expect(batch == single)
            #expect(try store.search(first.span, within: 0.7, options: options) == single[0])
        }
    }

    @Test func `what cannot be searched for`() throws {
        let fixture = try StoreFixture(50), store = try fixture.open(), query = fixture.rows[0]
        for (radius, options, word) in [
            (Float.nan, VectorStore.RadiusOptions(), "radius"), (1, .init(limit: 0), "limit is 0"),
            (1, .init(limit: .min), "limit"), (1, .init(ef: 0), "ef is 0"),
        ] as [(Float, VectorStore.RadiusOptions, String)] {
            for search in [
                { _ = try store.search(query, within: radius, options: options) },
                { _ = try store.search(query.span, within: radius, options: options) },
                { _ = try store.search(batch: [], within: radius, options: options) },
            ] as [() throws -> Void] {
                let error = storeError { try search() }
                #expect(error?.code == .invalidArgument && error?.message.contains(word) == true)
            }
        }
        #expect(storeError { _ = try store.search([1, 2], within: 1) }?.code == .dimensionMismatch)
        var wrong = query + query
        wrong[11] = .nan
        let error = storeError { _ = try store.search(batch: wrong, within: 1) }
        #expect(error?.code == .invalidVector && error?.message.contains("query 1 ") == true)
        try store.close()
        #expect(storeError { _ = try store.search(query, within: 1) }?.code == .closed)
    }

    private func tolerance(_ kind: StoreKind) -> Double {
        let precision = kind.scalar == .float16 ? 2e-3 : 2e-6
        let largest = kind.scalar == .uint8 || kind.scalar == .int8 ? 255.0 : 2.0
        return kind.metric == .cosine
            ? precision * 2 : precision * largest * largest * Double(kind.dimensions) + precision
    }
}
