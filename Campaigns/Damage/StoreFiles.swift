import FileFormat
import MappedStorage
import SystemPackage
import TestSupport

/// The files of a store, or of Chroma's folder, by their names; those of a directory in it as "DIRECTORY/NAME".
struct StoreFiles {
    var files: [String: [UInt8]] = [:]

    /// Those that a directory has now.
    init(_ path: FilePath) throws {
        for name in names(in: path) {
            if Directory.kind(of: path.appending(name)) == .directory {
                for inner in names(in: path.appending(name)) {
                    files[name + "/" + inner] = try readBytes(path.appending(name).appending(inner))
                }
            } else {
                files[name] = try readBytes(path.appending(name))
            }
        }
    }

    subscript(name: String) -> [UInt8]? {
        get { files[name] }
        set { files[name] = newValue }
    }

    /// Writes a number into a file, if it has the place.
    mutating func store(_ value: some FixedWidthInteger & UnsignedInteger, in name: String, at offset: Int) {
        guard let count = files[name]?.count, offset >= 0, offset + value.bitWidth / 8 <= count else { return }
        files[name]?.store(value, at: offset)
    }

    /// The number at a place of a file; 0 if it does not have that.
    func number<Number: FixedWidthInteger & UnsignedInteger>(in name: String, at offset: Int) -> Number {
        guard let bytes = files[name], offset >= 0, offset + Number.bitWidth / 8 <= bytes.count else { return 0 }
        return bytes.integer(at: offset)
    }

    /// The names of log files, the newest last.
    var logs: [String] { files.keys.filter { $0.hasPrefix("log/") }.sorted() }

    /// Makes a directory with these files and no others.
    func write(to path: FilePath) throws {
        removeTree(path)
        try makeDirectory(path)
        for directory in Set(files.keys.filter { $0.contains("/") }.map { $0.prefix { $0 != "/" } }) {
            try makeDirectory(path.appending(String(directory)))
        }
        for (name, bytes) in files { try writeBytes(bytes, to: path.pushing(FilePath(name))) }
    }
}

/// Where everything is in a store that is not damaged.
struct StoreLayout {
    let superblock: Superblock
    let header: HeaderSlot
    let segments: [Geometry.Segment]
    let places: ColumnPlaces

    init(_ files: StoreFiles) throws {
        let level0 = files["level0"] ?? []
        superblock = try Superblock(decoding: Array(level0[8192..<8192 + Superblock.size]))
        var header: HeaderSlot?
        for offset in HeaderSlot.offsets {
            let slot = try? HeaderSlot(
                decoding: Array(level0[offset..<offset + HeaderSlot.size]), superblock: superblock)
            if let slot, slot.generation > header?.generation ?? 0 { header = slot }
        }
        guard let header else { throw Violation("a store that is not damaged has no header") }
        self.header = header
        segments = superblock.geometry.layout(segments: header.segmentCount)
        places = ColumnPlaces(segments)
    }

    var geometry: Geometry { superblock.geometry }

    /// Where in `level0` a byte of a slot's row stands.
    func offset(_ column: Geometry.Column, _ slot: Int, _ byte: Int = 0) -> Int {
        let start = slot * geometry.stride(of: column) + byte
        return places.stretches(column, start..<start + 1)[0].fileOffset
    }
}
