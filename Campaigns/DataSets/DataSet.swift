import ArgumentParser
import Foundation
import SystemPackage
package import VectorFiles

/// The vectors of a folder: `base*.npy`, and the queries beside them.
package struct DataSet {
    package let base: VectorFile
    package let dimensions: Int
    package var queryCount: Int { queryFile.rows }
    private let queryFile: VectorFile

    /// Throws if the folder has no such files.
    package init(_ folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        func file(_ prefix: String) throws -> VectorFile {
            guard let name = names.first(where: { $0.hasPrefix(prefix) && $0.hasSuffix(".npy") }) else {
                throw ValidationError("\(folder) has no \(prefix)*.npy")
            }
            return try VectorFile(FilePath(folder).appending(name))
        }
        base = try file("base")
        queryFile = try file("queries")
        dimensions = base.dimensions
    }

    /// The vectors of these rows, one after the other.
    package func rows(_ range: Range<Int>) throws -> [Float] { try Self.read(base, range) }

    /// The first queries, at most `count`.
    package func queries(_ count: Int) throws -> [[Float]] {
        let all = try Self.read(queryFile, 0..<min(count, queryFile.rows))
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
}
