import SystemPackage
import TestSupport
import Testing

@testable import Cairn

@Suite struct CustomDistanceTests {
    /// The sum of absolute differences of what the scalar holds.
    private static func registerManhattan(_ name: String, _ scalar: VectorStore.Scalar) {
        unsafe VectorStore.registerDistance(name) { (a, b) in
            func values(_ bytes: UnsafeRawBufferPointer) -> [Float] {
                switch scalar {
                case .float32:
                    return (0..<bytes.count / 4).map {
                        unsafe bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
                    }
                case .float16:
                    return (0..<bytes.count / 2).map {
                        // Small whole numbers only: sign, exponent and mantissa by hand.
                        let bits = unsafe bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)
                        if bits & 0x7fff == 0 { return 0 }
                        let value = Float(
                            sign: .plus, exponent: Int(bits >> 10 & 31) - 15, significand: 1 + Float(bits & 1023) / 1024
                        )
                        return bits >> 15 == 1 ? -value : value
                    }
                case .uint8: return unsafe bytes.map { Float($0) }
                case .int8: return unsafe bytes.map { Float(Int8(bitPattern: $0)) }
                }
            }
            return unsafe zip(values(a), values(b)).reduce(0) { $0 + abs($1.0 - $1.1) }
        }
    }

    @Test(arguments: VectorStore.Scalar.allCases)
    func `a registered distance is searched by`(scalar: VectorStore.Scalar) throws {
        let name = "manhattan \(scalar.rawValue)"
        Self.registerManhattan(name, scalar)
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let rows = seededWholeNumbers(count: 300, dimensions: 5, seed: 2, in: 0...100).rows(5)
        let configuration = VectorStore.Configuration(
            dimensions: 5, metric: .custom(name: name), scalar: scalar, m: 8, efConstruction: 40)
        try VectorStore.build(at: path, configuration: configuration, vectors: rows.flatMap { $0 })
        let store = try VectorStore.open(at: path)
        #expect(try store.configuration.metric == .custom(name: name))
        #expect(try store.vector(for: 17) == rows[17])
        var hits = 0
        for query in seededWholeNumbers(count: 10, dimensions: 5, seed: 3, in: 0...100).rows(5) {
            let distances = rows.map { zip($0, query).reduce(0) { $0 + abs($1.0 - $1.1) } }.sorted()
            let exact = try store.search(query, k: 8, options: .init(isExact: true))
            #expect(exact.map(\.distance) == Array(distances.prefix(8)))
            let walked = try store.search(query, k: 8, options: .init(ef: 40))
            hits += walked.filter { $0.distance <= distances[7] }.count
        }
        #expect(hits >= 76, "of 80")
    }

    @Test func `one that is not registered is named`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let configuration = VectorStore.Configuration(dimensions: 2, metric: .custom(name: "nobody's"))
        let built = storeError { try VectorStore.build(at: path, configuration: configuration, vectors: [1, 2]) }
        #expect(built?.code == .missingDistance && built?.message.contains("'nobody's'") == true)
        #expect(names(in: directory.path) == [])
        let made = storeError { _ = try VectorStore(inMemory: configuration) }
        #expect(made?.code == .missingDistance)
    }

    @Test func `a store opened by a program without it says which`() async throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        Self.registerManhattan("only here", .float32)
        try await VectorStore.build(
            at: path, configuration: .init(dimensions: 2, metric: .custom(name: "only here")), vectors: [1, 2, 3, 4])
        #expect(try VectorStore.open(at: path).search([3, 4], k: 1)[0].label == 1)
        await #expect(processExitsWith: .success) { [name = path.string as String] in
            let error = storeError { _ = try VectorStore.open(at: FilePath(name)) }
            #expect(error?.code == .missingDistance)
            #expect(error?.message.contains("\"only here\"") == true)
            #expect(error?.path == FilePath(name))
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, -0.0])
    func `a distance that is always the same odd number does not crash`(value: Float) throws {
        let name = "always \(value)"
        unsafe VectorStore.registerDistance(name) { (_, _) in value }
        let store = try VectorStore(
            inMemory: .init(dimensions: 2, metric: .custom(name: name), m: 3, efConstruction: 10))
        try store.add(
            seededVectors(count: 300, dimensions: 2, seed: 1), labels: (0..<300).map { Label($0) }, threads: 2)
        #expect(try store.search([1, 2], k: 300, options: .init(isExact: true)).count == 300)
        for options in [VectorStore.SearchOptions(ef: 10), .init(ef: 10, filter: .matching { $0 % 2 == 0 })] {
            let found = try store.search([1, 2], k: 5, options: options)
            #expect(found.allSatisfy { $0.distance == (value.isNaN ? .infinity : value) })
        }
    }

    @Test func `now and then not a number`() throws {
        unsafe VectorStore.registerDistance("sometimes") { (a, b) in
            let left = unsafe a.loadUnaligned(as: Float.self), right = unsafe b.loadUnaligned(as: Float.self)
            return Int(left + right) % 3 == 0 ? .nan : abs(left - right)
        }
        let store = try VectorStore(
            inMemory: .init(dimensions: 1, metric: .custom(name: "sometimes"), m: 3, efConstruction: 10))
        try store.add((0..<500).map { Float($0) }, labels: (0..<500).map { Label($0) })
        for query in stride(from: 0, to: 500, by: 25) {
            #expect(try store.search([Float(query)], k: 10, options: .init(ef: 20)).count == 10)
        }
        let exact = try store.search([100], k: 3, options: .init(isExact: true))
        #expect(exact.map(\.label) == [100, 99, 102])
    }
}
