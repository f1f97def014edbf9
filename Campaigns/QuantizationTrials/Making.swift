import Cairn
import Foundation
import SystemPackage

typealias Label = VectorStore.Label

/// How a store comes by its rows.
enum Way: String, CaseIterable {
    /// All at once.
    case built
    /// By additions of `batch` rows to an empty store, which gets codes on the way.
    case live

    private static let batch = 500

    /// Makes a store of `samples` at `path`, and opens it for reading. Returns also the seconds until it was made.
    func make(
        _ samples: Samples, at path: FilePath, _ configuration: VectorStore.Configuration, threads: Int
    ) throws -> (store: VectorStore, seconds: Double) {
        let clock = ContinuousClock(), start = clock.now
        switch self {
        case .built:
            try VectorStore.build(
                at: path, configuration: configuration, vectors: samples.rows, options: .init(threads: threads))
        case .live:
            let store = try VectorStore.create(
                at: path, configuration: configuration,
                options: .init(durability: .none, threads: threads))
            for rows in Self.batches(samples) {
                let values = rows.lowerBound * configuration.dimensions..<rows.upperBound * configuration.dimensions
                try store.add(Array(samples.rows[values]), labels: rows.map { Label($0) }, threads: threads)
            }
            try store.close()
        }
        let time = (clock.now - start).components
        return (try VectorStore.open(at: path), Double(time.seconds) + Double(time.attoseconds) * 1e-18)
    }

    /// Batches of rows; none has both leading ones and others.
    private static func batches(_ samples: Samples) -> [Range<Int>] {
        func parts(_ rows: Range<Int>) -> [Range<Int>] {
            stride(from: rows.lowerBound, to: rows.upperBound, by: batch).map { $0..<min($0 + batch, rows.upperBound) }
        }
        return parts(0..<samples.leading) + parts(samples.leading..<samples.count)
    }
}

/// A folder for the stores of this process.
struct Workplace {
    private let folder: FilePath

    init() throws {
        folder = FilePath(NSTemporaryDirectory())
            .appending("cairn-quantization-trials-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    }

    /// Where a store of this name is made; what stood there is removed.
    func place(_ name: String) -> FilePath {
        remove(name)
        return folder.appending(name)
    }

    func remove(_ name: String) { try? FileManager.default.removeItem(atPath: folder.appending(name).string) }

    func removeAll() { try? FileManager.default.removeItem(atPath: folder.string) }
}
