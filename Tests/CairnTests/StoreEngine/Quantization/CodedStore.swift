import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A store that keeps codes, in a directory of its own. Of 24 components, so that rows of all kinds of codes take 64 bytes and
/// are shorter than the vectors: there are codes for any data.
struct CodedStore {
    let directory: TemporaryDirectory
    let path: FilePath
    let configuration: VectorStore.Configuration
    let system = WatchedSystem()

    init(
        _ codes: VectorStore.Quantization, dimensions: Int = 24, metric: VectorStore.Metric = .l2,
        scalar: VectorStore.Scalar = .float32
    ) throws {
        directory = try TemporaryDirectory()
        path = directory.appending("store")
        configuration = VectorStore.Configuration(
            dimensions: dimensions, metric: metric, scalar: scalar, m: 6, efConstruction: 40, quantization: codes
        )
    }

    func rows(_ count: Int, seed: UInt64 = 1) -> [[Float]] {
        vectors(count, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: seed)
            .rows(configuration.dimensions)
    }

    func create() throws(StoreError) -> VectorStore {
        try VectorStore.create(
            at: path, configuration: configuration, options: .init(access: .readWrite, threads: 1), calls: system.calls)
    }

    func open(
        _ access: VectorStore.OpenOptions.Access = .readWrite, at other: FilePath? = nil
    ) throws(StoreError) -> VectorStore {
        try VectorStore.open(at: other ?? path, options: .init(access: access, threads: 1), calls: system.calls)
    }

    /// Builds the store of `count` vectors.
    func build(_ count: Int, threads: Int = 1) throws(StoreError) {
        try VectorStore.build(
            at: path, configuration: configuration, vectors: rows(count).flatMap { $0 },
            options: .init(threads: threads))
    }

    /// The files as they are now, under another name.
    func copy(_ name: String) throws -> FilePath {
        let copy = directory.appending(name)
        removeTree(copy)
        try copyStore(from: path, to: copy)
        return copy
    }

    /// How often codes were made anew.
    var makings: Int { system.count(.open, "codes.new") }

    static func file(_ store: FilePath) -> FilePath { store.appending("codes") }

    /// What the file of codes begins with; nil if there is none.
    static func header(_ store: FilePath) -> CodeFileHeader? {
        (try? readBytes(file(store))).flatMap { CodeFileHeader(decoding: Array($0.prefix(CodeFileHeader.size))) }
    }

    /// Which file it is: another one if it was made anew.
    static func inode(_ store: FilePath) -> UInt64 {
        var status = stat()
        guard unsafe file(store).withPlatformString({ unsafe stat($0, &status) }) == 0 else { return 0 }
        return UInt64(status.st_ino)
    }
}

extension VectorStore {
    func add(_ rows: [[Float]], from first: Int) throws {
        try add(rows.flatMap { $0 }, labels: (first..<first + rows.count).map { Label($0) })
    }

    /// The share of the ten nearest that searches find. Their distances have to be those of an exact search.
    func recall(
        _ queries: [[Float]], width: Int = 60, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Double {
        var hits = 0, wanted = 0
        for query in queries {
            let exact = try search(query, k: 10, options: .init(isExact: true))
            let found = try walk(query, width: width).prefix(10)
            for neighbor in found {
                let distance = try distances(from: query, to: [neighbor.label])[0]
                #expect(distance == neighbor.distance, sourceLocation: sourceLocation)
            }
            hits += Set(exact.map { $0.label }).intersection(found.map { $0.label }).count
            wanted += exact.count
        }
        return Double(hits) / Double(max(wanted, 1))
    }

    /// The store is sound, and searches find what is near; by codes, if it is to have them, be they more precise than it asks for.
    func expectSound(
        _ queries: [[Float]], codes: Bool, warnings: Int = 0, least: Double = 0.9, _ comment: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let report = try verify()
        #expect(report.problems == [], comment, sourceLocation: sourceLocation)
        let others = report.warnings.filter { !$0.contains(" is asked for; ") }
        #expect(others.count == warnings, "\(report.warnings)", sourceLocation: sourceLocation)
        #expect(try (info.quantizationBytes > 0) == codes, comment, sourceLocation: sourceLocation)
        let recall = try recall(queries)
        #expect(recall >= least, comment, sourceLocation: sourceLocation)
    }
}
