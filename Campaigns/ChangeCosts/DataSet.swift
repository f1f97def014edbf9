import ArgumentParser
import Cairn
import Foundation
import SystemPackage
import VectorFiles

/// The vectors of a folder: `base*.npy`, and the queries beside them.
struct DataSet {
    let base: VectorFile
    let queries: VectorFile
    let dimensions: Int

    init(_ folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        func file(_ prefix: String) throws -> VectorFile {
            guard let name = names.first(where: { $0.hasPrefix(prefix) && $0.hasSuffix(".npy") }) else {
                throw ValidationError("\(folder) has no \(prefix)*.npy")
            }
            return try VectorFile(FilePath(folder).appending(name))
        }
        base = try file("base")
        queries = try file("queries")
        dimensions = base.dimensions
    }

    func rows(_ range: Range<Int>) throws -> [Float] { try Self.read(base, range) }

    func queries(_ count: Int) throws -> [[Float]] {
        let all = try Self.read(queries, 0..<min(count, queries.rows))
        return stride(from: 0, to: all.count, by: dimensions).map { Array(all[$0..<$0 + dimensions]) }
    }

    private static func read(_ file: VectorFile, _ range: Range<Int>) throws -> [Float] {
        var values = [Float](repeating: 0, count: range.count * file.dimensions)
        let result = unsafe values.withUnsafeMutableBufferPointer { buffer in
            Result { () throws(VectorFileError) in try unsafe file.readFloats(rows: range, into: buffer) }
        }
        try result.get()
        return values
    }

    /// A store of the first `count` rows, made in one go, opened for writing.
    func store(_ count: Int, at path: FilePath, counter: WriteCounter, threads: Int) throws -> VectorStore {
        try VectorStore.build(
            at: path, configuration: .init(dimensions: dimensions, metric: .l2), vectors: rows(0..<count),
            options: .init(threads: threads))
        return try VectorStore.open(
            at: path, options: .init(access: .readWrite, threads: threads), calls: counter.calls)
    }
}
