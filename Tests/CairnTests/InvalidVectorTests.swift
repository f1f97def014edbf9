import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A vector that a kind of store cannot take.
struct BadVector: Sendable, CustomTestStringConvertible {
    let metric: Metric
    let scalar: Scalar
    /// At component 1 of 3; the others are 1.
    let vector: [Float]
    let reason: String
    var testDescription: String { "\(metric) \(scalar.rawValue) \(vector)" }

    static let all: [BadVector] = {
        var all: [BadVector] = []
        for metric in [Metric.l2, .innerProduct, .cosine] {
            for scalar in Scalar.allCases {
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
        for metric in [Metric.l2, .innerProduct] {
            for value: Float in [65_520, -65_520, 1e10] {
                all.append(BadVector(metric: metric, scalar: .float16, vector: [1, value, 1], reason: "component 1"))
            }
        }
        for scalar in Scalar.allCases {
            all.append(BadVector(metric: .cosine, scalar: scalar, vector: [0, -0.0, 0], reason: "zeros"))
        }
        for scalar in [Scalar.float32, .float16] {
            all.append(BadVector(metric: .cosine, scalar: scalar, vector: [2e19, 1, 1], reason: "too long"))
            // Their squares vanish, and with them the length that they are divided by.
            for value: Float in [1e-30, 1e-25, 2e-23, 1e-20] {
                all.append(BadVector(metric: .cosine, scalar: scalar, vector: [value, 0, value], reason: "too short"))
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
                at: directory.appending("store"), .init(dimensions: 3, metric: bad.metric, scalar: bad.scalar),
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
        let single = storeError { _ = try store.search(bad.vector, count: 1) }
        #expect(single?.code == .invalidVector && single?.message.contains("the query") == true)
        let batch = storeError { _ = try store.search(batch: [1, 2, 3] + bad.vector + bad.vector, count: 1) }
        #expect(batch?.code == .invalidVector && batch?.message.contains("query 1 ") == true)
        let distances = storeError { _ = try store.distances(from: bad.vector, to: [1]) }
        #expect(distances?.code == .invalidVector)
    }

    @Test func `the largest values that fit are taken`() throws {
        let directory = try TemporaryDirectory()
        func roundTrip(_ name: String, _ metric: Metric, _ scalar: Scalar, _ vector: [Float]) throws -> [Float]? {
            let path = directory.appending(name)
            try VectorStore.build(at: path, .init(dimensions: 3, metric: metric, scalar: scalar), vectors: vector)
            return try VectorStore.open(at: path).vector(for: 0)
        }
        #expect(try roundTrip("a", .l2, .float16, [65_504, -65_504, 0]) == [65_504, -65_504, 0])
        #expect(try roundTrip("b", .l2, .float16, [65_519, 0, 0]) == [65_504, 0, 0])
        #expect(try roundTrip("c", .l2, .uint8, [0, 255, -0.0]) == [0, 255, 0])
        #expect(try roundTrip("d", .l2, .int8, [-128, 127, 0]) == [-128, 127, 0])
        #expect(
            try roundTrip("e", .l2, .float32, [3e38, -3e38, .leastNonzeroMagnitude]) == [
                3e38, -3e38, .leastNonzeroMagnitude,
            ])
        let long = try #require(try roundTrip("f", .cosine, .float32, [1e18, -2e18, 0]))
        #expect(abs(long[0] / 1e18 - 1) < 1e-6 && abs(long[1] / -2e18 - 1) < 1e-6)
        let short = try #require(try roundTrip("g", .cosine, .float32, [1e-18, 2e-18, 0]))
        #expect(abs(short[0] / 1e-18 - 1) < 1e-6 && abs(short[1] / 2e-18 - 1) < 1e-6)
    }

    @Test func `distances that overflow still order`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 2))
        try store.add([3e38, 0, -3e38, 0, 1, 1], labels: [1, 2, 3])
        let found = try store.search([3e38, 0], count: 3)
        #expect(found.map(\.label) == [1, 2, 3])
        #expect(found.map(\.distance) == [0, .infinity, .infinity])
    }

    @Test func `a wrong number of components is refused`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let built = storeError { try VectorStore.build(at: path, .init(dimensions: 3), vectors: [1, 2, 3, 4]) }
        #expect(built?.code == .dimensionMismatch && built?.message.contains("4") == true)
        #expect(names(in: directory.path) == [])
        let store = try VectorStore(inMemory: .init(dimensions: 3))
        try store.add([1, 2, 3], labels: [1])
        for elements in [[], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6]] as [[Float]] {
            #expect(storeError { try store.add(elements, labels: [7]) }?.code == .dimensionMismatch)
            let error = storeError { _ = try store.search(elements, count: 1) }
            #expect(error?.code == .dimensionMismatch)
            #expect(error?.message.contains("\(elements.count) dimensions") == true)
        }
        #expect(storeError { _ = try store.search(batch: [1, 2, 3, 4], count: 1) }?.code == .dimensionMismatch)
        #expect(try store.count == 1)
    }
}
