import HnswlibFile
import SystemPackage
import TestSupport

@testable import Cairn

/// An index file as hnswlib has it, made by building a store and exporting it, whose bytes a test may change. (Files that hnswlib
/// itself wrote are looked at in Tests/Interop.)
struct HnswlibFixture {
    let store: StoreFixture
    let file: FilePath
    var bytes: [UInt8]
    let header: HnswlibHeader

    init(
        _ count: Int, dimensions: Int = 8, metric: VectorStore.Metric = .l2, scalar: VectorStore.Scalar = .float32,
        connectivity: Int = 8
    ) throws {
        store = try StoreFixture(
            count, dimensions: dimensions, metric: metric, scalar: scalar, connectivity: connectivity,
            labels: (0..<count).map { Label($0 * 3 + 1) })
        file = store.directory.appending("index.bin")
        try store.open().exportHnswlib(to: file, options: .init(scalar: scalar))
        bytes = try readBytes(file)
        header = try HnswlibHeader(decoding: bytes, path: file)
    }

    /// Where an element begins.
    func element(_ slot: Int) -> Int { HnswlibHeader.size + slot * header.elementBytes }

    func label(_ slot: Int) -> Label {
        let offset = element(slot) + header.labelOffset
        return bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func setLabel(_ slot: Int, _ label: Label) {
        for byte in 0..<8 {
            bytes[element(slot) + header.labelOffset + byte] = UInt8(truncatingIfNeeded: label >> (8 * UInt64(byte)))
        }
    }

    /// The links at level 0, of which there are fewer than 256.
    func links(_ slot: Int) -> [Int] {
        let element = element(slot)
        return (0..<Int(bytes[element])).map { index in
            bytes[element + 4 + 4 * index..<element + 8 + 4 * index].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
    }

    mutating func setLinks(_ slot: Int, _ links: [Int]) {
        let element = element(slot)
        bytes[element] = UInt8(links.count)
        bytes.replaceSubrange(
            element + 4..<element + 4 + 4 * links.count,
            with: links.flatMap { link in (0..<4).map { UInt8(truncatingIfNeeded: link >> (8 * $0)) } })
    }

    mutating func markDeleted(_ slot: Int) { bytes[element(slot) + 2] |= 1 }

    /// Writes the bytes to a file of their own.
    func write(_ name: String = "changed.bin") throws -> FilePath {
        let path = store.directory.appending(name)
        try writeBytes(bytes, to: path)
        return path
    }

    /// Imports the bytes.
    func importChanged(
        _ name: String = "imported", metric: VectorStore.Metric? = nil
    ) throws -> (path: FilePath, report: VectorStore.ImportReport) {
        let path = store.directory.appending(name)
        let report = try VectorStore.importHnswlib(
            from: write(), to: path,
            options: .init(metric: metric ?? store.configuration.metric, scalar: store.configuration.scalar))
        return (path, report)
    }

    /// What a store exports.
    func exported(
        _ store: VectorStore, _ options: VectorStore.ExportOptions = .init()
    ) throws -> (bytes: [UInt8], report: VectorStore.ExportReport) {
        let path = self.store.directory.appending("exported.bin")
        let report = try store.exportHnswlib(to: path, options: options)
        return (try readBytes(path), report)
    }
}
