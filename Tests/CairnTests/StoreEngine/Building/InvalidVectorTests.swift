import HNSW
import SystemPackage
import TestSupport
import Testing
import Threading

@testable import Cairn

/// A vector that a kind of store cannot take.
struct BadVector: Sendable, CustomTestStringConvertible {
    let metric: VectorStore.Metric
    let scalar: VectorStore.Scalar
    /// At component 1 of 3; the others are 1.
    let vector: [Float]
    let reason: String
    var testDescription: String { "\(metric) \(scalar.rawValue) \(vector)" }

    static let all: [BadVector] = {
        var all: [BadVector] = []
        for metric in [VectorStore.Metric.l2, .innerProduct, .cosine] {
            for scalar in VectorStore.Scalar.allCases {
                for value in [Float.nan, .infinity, -.infinity] {
                    all.append(BadVector(metric: metric, scalar: scalar, vector: [1, value, 1], reason: "component 1"))
                }
            }
            for value: Float in [-1, 256, 0.5, 1e30] {
                all.append(BadVector(metric: metric, scalar: .uint8, vector: [1, value, 1], reason: "component 1"))
            }
            for value: Float in [-129, 128, -0.5, -1e30] {
                all.append(BadVector(metric: metric, scalar: .int8, vector: [1, value, 1], reason: "component 1"))
            }
        }
        for metric in [VectorStore.Metric.l2, .innerProduct] {
            for value: Float in [65_520, -65_520, 1e10] {
                all.append(BadVector(metric: metric, scalar: .float16, vector: [1, value, 1], reason: "component 1"))
            }
        }
        for scalar in VectorStore.Scalar.allCases {
            all.append(BadVector(metric: .cosine, scalar: scalar, vector: [0, -0.0, 0], reason: "zeros"))
        }
        for scalar in [VectorStore.Scalar.float32, .float16] {
            all.append(BadVector(metric: .cosine, scalar: scalar, vector: [2e19, 1, 1], reason: "too long"))
            // Their squares vanish, and with them the length that they are divided by.
            for value: Float in [1e-30, 1e-25, 2e-23, 1e-20] {
                all.append(BadVector(metric: .cosine, scalar: scalar, vector: [value, 0, value], reason: "too short"))
            }
        }
        for metric in [VectorStore.Metric.l2, .innerProduct] {
            for value: Float in [2.9e-8, -1e-10, 1e-18] {
                all.append(
                    BadVector(metric: metric, scalar: .float16, vector: [value, 0, value], reason: "half precision"))
            }
            // Their distances, to each other or to such ones on the other side, are infinite.
            for value: Float in [5e18, -1e19, 3e38] {
                all.append(BadVector(metric: metric, scalar: .float32, vector: [value, 1, 1], reason: "too long"))
            }
            // Their squares and products are zeros, or nearly.
            for value: Float in [7e-20, -1e-23, 1e-30, .leastNonzeroMagnitude] {
                all.append(BadVector(metric: metric, scalar: .float32, vector: [value, 0, value], reason: "too short"))
            }
        }
        return all
    }()
}

@Suite struct InvalidVectorTests {
    @Test(arguments: BadVector.all)
    func `a build names the row and leaves nothing`(bad: BadVector) throws {
        let directory = try TemporaryDirectory()
        let good: [Float] = [1, 2, 3]
        let elements = good + good + bad.vector + good
        let error = storeError {
            try VectorStore.build(
                at: directory.appending("store"),
                configuration: .init(dimensions: 3, metric: bad.metric, scalar: bad.scalar),
                vectors: elements, labels: [10, 11, 12, 13])
        }
        #expect(error?.code == .invalidVector)
        #expect(error?.message.contains("row 2 (label 12)") == true)
        #expect(error?.message.contains(bad.reason) == true, "\(error?.message ?? "")")
        #expect(names(in: directory.path) == [])
    }

    @Test(arguments: BadVector.all)
    func `an addition names the row and changes nothing`(bad: BadVector) throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3, metric: bad.metric, scalar: bad.scalar))
        try store.add([1, 2, 3], labels: [1])
        let error = storeError { try store.add([3, 2, 1] + bad.vector, labels: [2, 3]) }
        #expect(error?.code == .invalidVector)
        #expect(error?.message.contains("row 1 (label 3)") == true)
        #expect(try store.count == 1)
        #expect(try store.allLabels() == [1])
        #expect(try !store.contains(2))
        try store.add([3, 2, 1], labels: [2])
        #expect(try store.count == 2)
    }

    @Test(arguments: BadVector.all)
    func `a search refuses it`(bad: BadVector) throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3, metric: bad.metric, scalar: bad.scalar))
        try store.add([1, 2, 3], labels: [1])
        let single = storeError { _ = try store.search(bad.vector, k: 1) }
        #expect(single?.code == .invalidVector && single?.message.contains("the query") == true)
        let batch = storeError { _ = try store.search(batch: [1, 2, 3] + bad.vector + bad.vector, k: 1) }
        #expect(batch?.code == .invalidVector && batch?.message.contains("query 1 ") == true)
        let distances = storeError { _ = try store.distances(from: bad.vector, to: [1]) }
        #expect(distances?.code == .invalidVector)
    }

    @Test func `the largest values that fit are taken`() throws {
        let directory = try TemporaryDirectory()
        func roundTrip(_ name: String, _ metric: VectorStore.Metric, _ scalar: VectorStore.Scalar, _ vector: [Float])
            throws -> [Float]?
        {
            let path = directory.appending(name)
            try VectorStore.build(
                at: path, configuration: .init(dimensions: 3, metric: metric, scalar: scalar), vectors: vector)
            return try VectorStore.open(at: path).vector(for: 0)
        }
        #expect(try roundTrip("a", .l2, .float16, [65_504, -65_504, 0]) == [65_504, -65_504, 0])
        #expect(try roundTrip("b", .l2, .float16, [65_519, 0, 0]) == [65_504, 0, 0])
        #expect(try roundTrip("c", .l2, .uint8, [0, 255, -0.0]) == [0, 255, 0])
        #expect(try roundTrip("d", .l2, .int8, [-128, 127, 0]) == [-128, 127, 0])
        #expect(
            try roundTrip("e", .l2, .float32, [3e18, -3e18, .leastNonzeroMagnitude]) == [
                3e18, -3e18, .leastNonzeroMagnitude,
            ])
        #expect(try roundTrip("h", .innerProduct, .float32, [0, -0.0, 0]) == [0, 0, 0])
        let long = try #require(try roundTrip("f", .cosine, .float32, [1e18, -2e18, 0]))
        #expect(abs(long[0] / 1e18 - 1) < 1e-6 && abs(long[1] / -2e18 - 1) < 1e-6)
        let short = try #require(try roundTrip("g", .cosine, .float32, [1e-18, 2e-18, 0]))
        #expect(abs(short[0] / 1e-18 - 1) < 1e-6 && abs(short[1] / 2e-18 - 1) < 1e-6)
    }

    /// The longest and the shortest vectors that are taken: their distances keep their order.
    @Test(arguments: [VectorStore.Metric.l2, .innerProduct], [Float(4.6e18), 1.1e-19])
    func `the ends of the range are ordered`(metric: VectorStore.Metric, length: Float) throws {
        let store = try VectorStore(inMemory: .init(dimensions: 2, metric: metric))
        let turns: [(Float, Float)] = [(1, 0), (0.96, 0.28), (0.8, 0.6), (0, 1), (-0.6, 0.8), (-1, 0)]
        try store.add(turns.map { [$0 * length, $1 * length] }.reversed().flatMap { $0 }, labels: [5, 4, 3, 2, 1, 0])
        for isExact in [false, true] {
            let found = try store.search([length, 0], k: 6, options: .init(isExact: isExact))
            #expect(found.map(\.label) == [0, 1, 2, 3, 4, 5])
            #expect(found.allSatisfy { $0.distance.isFinite })
        }
    }

    @Test func `a wrong number of components is refused`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let built = storeError {
            try VectorStore.build(at: path, configuration: .init(dimensions: 3), vectors: [1, 2, 3, 4])
        }
        #expect(built?.code == .dimensionMismatch && built?.message.contains("4") == true)
        #expect(names(in: directory.path) == [])
        let store = try VectorStore(inMemory: .init(dimensions: 3))
        try store.add([1, 2, 3], labels: [1])
        for elements in [[], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6]] as [[Float]] {
            #expect(storeError { try store.add(elements, labels: [7]) }?.code == .dimensionMismatch)
            let error = storeError { _ = try store.search(elements, k: 1) }
            #expect(error?.code == .dimensionMismatch)
            #expect(error?.message.contains("\(elements.count) dimensions") == true)
        }
        #expect(storeError { _ = try store.search(batch: [1, 2, 3, 4], k: 1) }?.code == .dimensionMismatch)
        #expect(try store.count == 1)
    }

    /// Rows that are not valid, in the beginning, at the end, and several one after the other.
    private static let left = [0, 1, 7, 20, 21, 22, 39]

    @Test(arguments: [true, false])
    func `a build leaves invalid vectors out where that is asked for`(isLabelled: Bool) throws {
        let directory = try TemporaryDirectory()
        var rows = vectors(40, dimensions: 3, scalar: .float32).rows(3)
        for row in Self.left { rows[row] = row % 2 == 0 ? [1, .nan, 1] : [0, 0, 0] }
        let labels = isLabelled ? (0..<40).map { Label($0) * 7 + 3 } : nil
        let told = Guarded<[VectorStore.InvalidVector]>([])
        try VectorStore.build(
            at: directory.appending("store"), configuration: .init(dimensions: 3, metric: .cosine),
            vectors: rows.flatMap { $0 },
            labels: labels,
            options: .init(threads: 1, onInvalidVector: { vector in told.withLock { $0.append(vector) } }))
        let found = told.withLock { $0 }
        #expect(found.map(\.row) == Self.left)
        for vector in found {
            #expect(vector.problem.contains(vector.row % 2 == 0 ? "nan at component 1" : "all zeros"))
        }
        let store = try VectorStore.open(at: directory.appending("store"))
        let kept = (0..<40).filter { !Self.left.contains($0) }
        #expect(try store.allLabels() == kept.map { labels?[$0] ?? Label($0) })
        for row in kept {
            let vector = try #require(try store.vector(for: labels?[row] ?? Label(row)))
            #expect(zip(vector, rows[row]).allSatisfy { abs($0 - $1) < 1e-6 })
        }
        #expect(try store.verify().isSound)
    }

    @Test func `a build of more than a portion leaves out what is not valid in each`() throws {
        let directory = try TemporaryDirectory(), count = 20_000
        var elements = vectors(count, dimensions: 2, scalar: .uint8)
        let left = [3, 8191, 8192, 8193, 19_999]
        for row in left { elements[2 * row] = 0.5 }
        let told = Guarded<[Int]>([])
        try VectorStore.build(
            at: directory.appending("store"),
            configuration: .init(dimensions: 2, scalar: .uint8, m: 2, efConstruction: 4), vectors: elements,
            options: .init(threads: 2, onInvalidVector: { vector in told.withLock { $0.append(vector.row) } }))
        #expect(told.withLock { $0 } == left)
        let store = try VectorStore.open(at: directory.appending("store"))
        #expect(try store.count == count - left.count)
        for row in stride(from: 0, to: count, by: 97) + [8190, 8194, 19_998] {
            #expect(try store.vector(for: Label(row)) == Array(elements[2 * row..<2 * row + 2]))
        }
        for row in left { #expect(try !store.contains(Label(row))) }
    }

    @Test func `labels that are there twice are found among all rows`() throws {
        let directory = try TemporaryDirectory()
        let error = storeError {
            try VectorStore.build(
                at: directory.appending("store"), configuration: .init(dimensions: 1), vectors: [1, .nan, 3, 4],
                labels: [5, 6, 7, 5],
                options: .init(onInvalidVector: { _ in }))
        }
        #expect(error?.code == .duplicateLabel && error?.message.contains("rows 0 and 3") == true)
    }

    @Test(arguments: BadVector.all)
    func `which vectors an addition would refuse can be asked`(bad: BadVector) throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3, metric: bad.metric, scalar: bad.scalar))
        let good: [Float] = [1, 2, 3]
        let found = try store.invalidVectors(in: good + bad.vector + good + bad.vector)
        #expect(found.map(\.row) == [1, 3] && found.allSatisfy { $0.problem.contains(bad.reason) })
        #expect(try store.invalidVectors(in: good + good) == [] && store.invalidVectors(in: []) == [])
        #expect(storeError { _ = try store.invalidVectors(in: [1, 2]) }?.code == .dimensionMismatch)
    }
}
