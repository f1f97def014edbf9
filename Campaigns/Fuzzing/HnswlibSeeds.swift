import FileFormat
import HnswlibFile

/// Small files of hnswlib and Chroma, each behind the byte that says how it is used.
enum HnswlibSeeds {
    static var all: [[UInt8]] {
        let index = Index()
        let lengths: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64]
        let folder = [1, 0, 0, 0] + index.header.encoded()
        let parts: [UInt8] = [25, UInt8(index.elements.count / 4), 3]
        var flat = [UInt8](repeating: 0, count: 24 + 60)
        for (field, value) in [5, 12, 3].enumerated() { flat.store(UInt64(value), at: 8 * field) }
        let empty = HnswlibHeader(
            capacity: 9, count: 0, vectorBytes: 4, maximumLevel: -1, entryPoint: .max, connectivity: 16,
            multiplierBits: 0, constructionWidth: 200)
        return [
            [0] + index.header.encoded() + index.elements + index.lists,
            [0] + index.header.encoded() + index.elements + lengths + index.lists, [0] + empty.encoded(),
            [1] + flat, [2] + object, [2] + dictionary,
            [4] + parts + folder + index.elements + lengths + index.lists,
            // M, count, bytes of a vector, with lengths, levels, nothing wrong in the header, its numbers, the rest.
            [5, 0, 3, 3, 1, 2, 1, 1, 0, 0, 0, 0] + index.elements + index.bareLists,
            [5, 0, 3, 3, 0, 0, 1, 2, 3, 2, 1, 7, 8, 9] + index.elements + lengths + index.bareLists,
        ]
    }

    /// The indexes among them, each behind the byte that says what is imported and how it is changed.
    static var imports: [[UInt8]] {
        let choices: [UInt8] = [0, 2 + 12, 1 + 24, 5 + 36, 7 + 48, 10 + 60, 0 + 84]
        return all.filter { $0[0] != 1 && $0[0] != 2 }.flatMap { seed in choices.map { [$0] + seed } }
    }

    /// Three elements of levels 2, 1 and 1 with M = 2.
    private struct Index {
        let header = HnswlibHeader(
            capacity: 5, count: 3, vectorBytes: 4, maximumLevel: 2, entryPoint: 0, connectivity: 2,
            multiplierBits: 0x3FF7_1547_652B_82FE, constructionWidth: 200)

        var elements: [UInt8] {
            (0..<3).flatMap { slot in
                var element = [UInt8](repeating: 0, count: header.elementBytes)
                element.store(UInt32(2) | (slot == 1 ? 1 << 16 : 0), at: 0)
                element.store(UInt32((slot + 1) % 3), at: 4)
                element.store(UInt32((slot + 2) % 3), at: 8)
                element.store(UInt64(slot % 2), at: header.labelOffset)
                return element
            }
        }

        /// The lists of each element, behind their size in bytes.
        var lists: [UInt8] { nodes.flatMap { words([UInt32(4 * $0.count)] + $0) } }

        /// The lists without their sizes.
        var bareLists: [UInt8] { nodes.flatMap { words($0) } }

        private var nodes: [[UInt32]] { [[2, 1, 2, 0, 0, 0], [1, 0, 0], [2, 0, 1]] }

        private func words(_ words: [UInt32]) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 4 * words.count)
            for (index, word) in words.enumerated() { bytes.store(word, at: 4 * index) }
            return bytes
        }
    }

    /// A string of a pickle.
    private static func text(_ text: String) -> [UInt8] {
        [UInt8(ascii: "X"), UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8)
    }

    private static var fields: [UInt8] {
        let maps: [[UInt8]] = [
            text("id_to_label") + Array("}(".utf8) + text("a") + Array("K\u{1}".utf8) + text("b")
                + Array("K\u{2}u".utf8),
            text("label_to_id") + Array("}(K\u{1}".utf8) + text("a") + Array("K\u{2}".utf8) + text("b")
                + Array("u".utf8),
            text("id_to_seq_id") + Array("}".utf8) + text("a") + [0x8A, 2, 1, 1] + Array("s".utf8),
        ]
        return Array("}(".utf8) + text("dimensionality") + Array("K\u{3}".utf8) + text("total_elements_added")
            + Array("J\u{2}\0\0\0".utf8) + maps.flatMap { $0 } + Array("u".utf8)
    }

    /// As Chroma's Rust client writes it.
    private static var dictionary: [UInt8] { [0x80, 3] + fields + Array(".".utf8) }

    /// As Python's pickler writes it, with what it remembers.
    private static var object: [UInt8] {
        let module = "chromadb.segment.impl.vector.local_persistent_hnsw"
        return [0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x8C, UInt8(module.utf8.count)] + Array(module.utf8)
            + [0x94, 0x8C, 14] + Array("PersistentData".utf8) + [0x94, 0x93, 0x94] + Array(")".utf8) + [0x81, 0x94]
            + fields + Array("b.".utf8)
    }
}
