import ChromaFixtures
import Foundation
import SystemPackage
import Testing

/// A small index as hnswlib or Chroma writes it, put together byte by byte: every element links to as many others as there
/// is room for, and the first one has a level above 0.
struct TestIndex {
    var vectors: TestVectors
    var labels: [UInt64]
    var marked: Set<Int> = []
    var connectivity = 4
    var capacity: Int?
    /// What Chroma keeps beside the vectors.
    var lengths: [Float]?
    /// What a component is stored as: the bytes of one.
    var encode: (Float) -> [UInt8] = { bytes($0.bitPattern) }

    init(_ vectors: TestVectors, labels: [UInt64]? = nil) {
        self.vectors = vectors
        self.labels = labels ?? vectors.rows.indices.map { UInt64($0) }
    }

    private var count: Int { vectors.rows.count }

    var header: [UInt8] {
        let vectorBytes = vectors.dimensions * encode(0).count, offset = 4 + 8 * connectivity
        var header: [UInt8] = []
        for field in [0, capacity ?? count, count, offset + vectorBytes + 8, offset + vectorBytes, offset] {
            header += bytes(UInt64(field))
        }
        header += count == 0 ? bytes(UInt32.max) + bytes(UInt32.max) : bytes(UInt32(1)) + bytes(UInt32(0))
        for field in [connectivity, 2 * connectivity, connectivity] { header += bytes(UInt64(field)) }
        return header + bytes((1 / log(Double(connectivity))).bitPattern) + bytes(UInt64(200))
    }

    var elements: [UInt8] {
        var elements: [UInt8] = []
        for (slot, row) in vectors.rows.enumerated() {
            let links = (1..<max(count, 1)).prefix(2 * connectivity).map { UInt32((slot + $0) % count) }
            elements += bytes(UInt16(links.count)) + [marked.contains(slot) ? 1 : 0, 0]
            // What stands behind the links is left over from longer lists.
            for place in 0..<2 * connectivity { elements += bytes(place < links.count ? links[place] : 0xDEAD_BEEF) }
            elements += row.flatMap(encode) + bytes(labels[slot])
        }
        return elements
    }

    var lists: [UInt8] {
        guard count > 0 else { return [] }
        let first = bytes(UInt32(4 + 4 * connectivity)) + [UInt8](repeating: 0, count: 4 + 4 * connectivity)
        return first + [UInt8](repeating: 0, count: 4 * (count - 1))
    }

    /// One file, as `save_index` writes it.
    var file: [UInt8] { header + elements + (lengths ?? []).flatMap { bytes($0.bitPattern) } + lists }

    /// Writes the folder of one of Chroma's persistent indexes.
    func writeFolder(_ name: String, in workspace: Workspace, ids: [String]? = nil) throws {
        try FileManager.default.createDirectory(
            atPath: workspace.path(name), withIntermediateDirectories: false)
        try workspace.write("\(name)/header.bin", bytes: bytes(UInt32(1)) + header)
        try workspace.write("\(name)/data_level0.bin", bytes: elements + [UInt8](repeating: 0xAB, count: 333))
        try workspace.write("\(name)/length.bin", bytes: (lengths ?? []).flatMap { bytes($0.bitPattern) })
        try workspace.write("\(name)/link_lists.bin", bytes: lists)
        if let ids { try workspace.write("\(name)/index_metadata.pickle", bytes: pickle(ids)) }
    }

    /// The metadata; ids go with live labels in order.
    private func pickle(_ ids: [String]) -> [UInt8] {
        let live = labels.indices.filter { !marked.contains($0) }.map { Int(labels[$0]) }
        return ChromaData.metadata(
            dimensions: vectors.dimensions, elements: count,
            identifiers: zip(ids, live).map { (identifier: $0, label: $1) })
    }
}

extension ChromaData {
    init(_ workspace: Workspace, _ name: String = "chroma", version: Version = .v1) throws {
        try FileManager.default.createDirectory(
            atPath: workspace.path(name), withIntermediateDirectories: false)
        try self.init(in: FilePath(workspace.path(name)), version: version)
    }

    /// The name of its folder in the workspace.
    var name: String { folder.lastComponent?.string ?? "" }
}

/// hnswlib's brute-force index of f32, with room for more than it has.
func bruteForceFile(_ vectors: TestVectors, labels: [UInt64], capacity: Int) -> [UInt8] {
    let stride = vectors.dimensions * 4 + 8
    var file = bytes(UInt64(capacity)) + bytes(UInt64(stride)) + bytes(UInt64(vectors.rows.count))
    for (row, label) in zip(vectors.rows, labels) { file += row.flatMap { bytes($0.bitPattern) } + bytes(label) }
    // Memory that nobody set.
    return file + [UInt8](repeating: 0xCD, count: (capacity - vectors.rows.count) * stride)
}

/// Little-endian bytes of a number.
func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// What `cairn convert --output json` prints.
struct Conversion: Decodable {
    let from, to: String
    let dry_run: Bool
    let count, deleted, dimensions: Int
    let metric: String?
    let scalar: String
    let m, ef_construction: Int?
    let bytes_read, bytes_written: Int
    let seconds: Double
    let byte_identical: Bool?
    let lost, warnings: [String]
}

extension Workspace {
    /// Converts, expects success and returns the report.
    func convert(_ arguments: String...) throws -> Conversion {
        try json(Conversion.self, arguments: ["convert"] + arguments)
    }

    /// Converts, expects failure and returns the error.
    func failure(converting arguments: String..., code: Int32) throws -> ErrorDocument.Content {
        let before = try content
        let outcome = try cairn(["convert"] + arguments + ["--output", "json"])
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.output == "")
        #expect(try content == before)
        return try ErrorDocument(outcome.errors).error
    }

    /// The values of an .npy file of f32.
    func floats(_ name: String, shape: [Int]) throws -> [Float] {
        try #require(Npy.values(try bytes(name), type: "<f4", shape: shape)).map { Float(bitPattern: UInt32($0)) }
    }

    /// The labels in an .npy file.
    func labels(_ name: String, count: Int) throws -> [UInt64] {
        try #require(Npy.values(try bytes(name), type: "<u8", shape: [count]))
    }
}
