import FileFormat
package import MappedStorage
package import SystemPackage

/// What a path is, as far as its first bytes and its size tell.
package enum HnswlibFileKind: Sendable, Hashable {
    case index(HnswlibIndex.Layout)
    case bruteForce

    /// Says what is at `path`; nil when it is none of these. Throws when it looks like one and cannot be opened as
    /// it, or cannot be read at all.
    package static func recognise(
        _ path: FilePath, calls: SystemCalls = .system
    ) throws(HnswlibFileError) -> HnswlibFileKind? {
        if Directory.kind(of: path) == .directory { return try recogniseFolder(path, calls: calls) }
        let (file, size) = try openFile(path, calls: calls)
        if let head = try file.head(HnswlibHeader.size), isIndex(head) {
            return .index(try HnswlibIndex(file: path, calls: calls).layout)
        }
        guard let head = try file.head(BruteForceFile.headerSize) else { return nil }
        return BruteForceHeader(head).fits(size) ? .bruteForce : nil
    }

    /// Whether offsets within an element agree with each other. One of two is enough, so that a header with damage is
    /// opened, and its reader says which.
    private static func isIndex(_ head: [UInt8]) -> Bool {
        func field(_ offset: Int) -> UInt64 { head.integer(at: offset) }
        let hasLabel = field(24) == field(32) &+ 8 && field(32) > field(40)
        let hasVector = field(40) == 4 &+ 8 &* field(72) && field(64) == 2 &* field(72) && field(72) > 0
        return field(0) == 0 && (hasLabel || hasVector)
    }

    private static func recogniseFolder(
        _ path: FilePath, calls: SystemCalls
    ) throws(HnswlibFileError) -> HnswlibFileKind? {
        if Directory.kind(of: path.appending("header.bin")) == .other {
            return .index(try HnswlibIndex(folder: path, calls: calls).layout)
        }
        if Directory.kind(of: path.appending("chroma.sqlite3")) == .other {
            throw HnswlibFileError(
                path, "it is all of Chroma's data: name one of the folders in it, those that hold a header.bin")
        }
        return nil
    }
}

/// The three numbers that a BFIndex file begins with.
struct BruteForceHeader {
    let capacity: UInt64
    let stride: UInt64
    let count: UInt64

    init(_ bytes: [UInt8]) {
        capacity = bytes.integer(at: 0)
        stride = bytes.integer(at: 8)
        count = bytes.integer(at: 16)
    }

    /// Whether a file of `size` bytes has room for the rows, and no more than the capacity.
    func fits(_ size: Int) -> Bool {
        guard stride > 8, count <= capacity else { return false }
        let (most, overflow) = capacity.multipliedReportingOverflow(by: stride)
        let body = UInt64(max(0, size - BruteForceFile.headerSize))
        // Rows cannot overflow when the capacity does not; no file has a capacity that does.
        return !overflow && count * stride <= body && body <= most
    }
}
