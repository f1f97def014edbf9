import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Vectors of a kind that the scalar can hold, one after the other; never all zeros.
func vectors(_ count: Int, dimensions: Int, scalar: VectorStore.Scalar, seed: UInt64 = 1) -> [Float] {
    switch scalar {
    case .float32, .float16: seededVectors(count: count, dimensions: dimensions, seed: seed)
    case .uint8: seededWholeNumbers(count: count, dimensions: dimensions, seed: seed, in: 1...255)
    case .int8:
        seededWholeNumbers(count: count, dimensions: dimensions, seed: seed, in: -128...127).map { $0 == 0 ? 1 : $0 }
    }
}

extension [Float] {
    /// The vectors that stand one after the other.
    func rows(_ dimensions: Int) -> [[Float]] {
        stride(from: 0, to: count, by: dimensions).map { Array(self[$0..<$0 + dimensions]) }
    }
}

/// A store of seeded vectors in a directory of its own, and what was put into it.
struct StoreFixture {
    let directory: TemporaryDirectory
    let path: FilePath
    let configuration: VectorStore.Configuration
    let rows: [[Float]]
    let labels: [Label]

    init(
        _ count: Int, dimensions: Int = 8, metric: VectorStore.Metric = .l2, scalar: VectorStore.Scalar = .float32,
        connectivity: Int = 8,
        labels: [Label]? = nil, threads: Int = 1
    ) throws {
        directory = try TemporaryDirectory()
        path = directory.appending("store")
        configuration = VectorStore.Configuration(
            dimensions: dimensions, metric: metric, scalar: scalar, m: connectivity, efConstruction: 40)
        let elements = vectors(count, dimensions: dimensions, scalar: scalar)
        rows = elements.rows(dimensions)
        self.labels = labels ?? (0..<count).map { Label($0) }
        try VectorStore.build(
            at: path, configuration: configuration, vectors: elements, labels: labels, options: .init(threads: threads))
    }

    func open(_ access: VectorStore.OpenOptions.Access = .readOnly) throws(StoreError) -> VectorStore {
        try VectorStore.open(at: path, options: .init(access: access, threads: 1))
    }

    /// The store, and where vectors are short enough to be added a second time, one in memory of the same vectors.
    func openOnDiskAndInMemory() throws -> [VectorStore] {
        guard configuration.dimensions < 100 else { return [try open()] }
        let inMemory = try VectorStore(inMemory: configuration)
        try inMemory.add(rows.flatMap { $0 }, labels: labels, threads: 1)
        return [try open(), inMemory]
    }

    /// Queries that are not in the store.
    func queries(_ count: Int) -> [[Float]] {
        vectors(count, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: 999)
            .rows(configuration.dimensions)
    }

    /// The nearest rows by distances summed in double precision, as labels and distances.
    func nearest(_ query: [Float], _ count: Int, where isAllowed: (Label) -> Bool = { _ in true }) -> [Reference] {
        let all = zip(labels, rows).filter { isAllowed($0.0) }.map {
            Reference(label: $0, distance: distance(configuration.metric, query, $1))
        }
        return Array(all.sorted { ($0.distance, $0.label) < ($1.distance, $1.label) }.prefix(count))
    }
}

struct Reference {
    let label: Label
    let distance: Double
}

func distance(_ metric: VectorStore.Metric, _ a: [Float], _ b: [Float]) -> Double {
    func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    switch metric {
    case .l2: return zip(a, b).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
    case .innerProduct: return 1 - dot(a, b)
    case .cosine: return 1 - dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    case .custom: return .nan
    }
}

/// The error that `body` throws; an issue, and nil, if it throws none or another kind.
func storeError(
    _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> StoreError? {
    #expect(throws: StoreError.self, comment, sourceLocation: sourceLocation) { try body() }
}
