import FileFormat
import HnswlibFile

/// Makes an index file of arbitrary bytes whose sizes agree with each other, so that counts, ids and levels are reached: M, the
/// number of elements, the bytes of a vector and the levels are taken from the first bytes, the rest is as it comes.
struct IndexBuilder {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    private mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    private mutating func take(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }

    var file: [UInt8] {
        var source = self
        let connectivity = 2 + Int(source.byte() % 3), count = Int(source.byte() % 7)
        let vectorBytes = 1 + Int(source.byte() % 9), hasLengths = source.byte() % 4 == 0
        let levels = source.take(count).map { Int($0 % 4) }
        let highest = levels.max() ?? -1
        let damage = source.byte()
        let header = HnswlibHeader(
            capacity: UInt64(count) + UInt64(source.byte()), count: count, vectorBytes: vectorBytes,
            maximumLevel: damage & 1 == 0 ? highest : Int(source.byte()),
            entryPoint: damage & 2 == 0
                ? levels.firstIndex(of: highest).map { UInt32($0) } ?? .max : UInt32(source.byte()),
            connectivity: connectivity, multiplierBits: UInt64(source.byte()), constructionWidth: UInt64(source.byte()))
        var file = header.encoded() + source.take(count * header.elementBytes)
        if hasLengths { file += source.take(4 * count) }
        for level in levels {
            file += [UInt8](repeating: 0, count: 4)
            file.store(UInt32(level * header.upperListBytes), at: file.count - 4)
            file += source.take(level * header.upperListBytes)
        }
        return file
    }
}

/// The files of one of Chroma's folders.
enum ChromaFolder {
    /// Cuts bytes into the files: one byte says where each of the first three ends, in steps of four. Nil when there are too few.
    static func files(_ bytes: UnsafeRawBufferPointer) -> [MemoryFile.Named]? {
        guard bytes.count >= 3 else { return nil }
        var parts: [UnsafeRawBufferPointer] = unsafe [], start = 3
        for index in 0..<3 {
            let end = unsafe min(bytes.count, start + 4 * Int(bytes[index]))
            unsafe parts.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end
        }
        let lists = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
        return unsafe [
            ("header.bin", parts[0]), ("data_level0.bin", parts[1]), ("length.bin", parts[2]),
            ("link_lists.bin", lists),
        ]
    }
}
