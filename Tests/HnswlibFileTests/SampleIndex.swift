import SystemPackage
import TestSupport
import Testing

/// An index as its file's bytes are to be, written down from the description of the format and not with the code that is tested. Every
/// part of the header can be set to what it must not be.
struct SampleIndex {
    struct Element {
        /// Live links of level 0.
        var links: [UInt32]
        var label: UInt64
        var flags: UInt8 = 0
        /// The byte behind the flags, of no use.
        var spare: UInt8 = 0
        /// A live-link list for each level above 0.
        var upper: [[UInt32]] = []
        /// What the count says, where it is not the number of links.
        var count: UInt16?
    }

    var connectivity = 2
    var vectorBytes = 8
    var elements: [Element] = []
    /// What fills the slots of lists behind their last link.
    var stale: UInt32 = 0
    /// Fields of the header by offset, in place of what the elements say.
    var fields: [Int: UInt64] = [:]
    var words: [Int: UInt32] = [:]
    /// For each slot the size of its lists, in place of the right one.
    var listSizes: [Int: UInt32] = [:]

    var stride: Int { 4 + 8 * connectivity + vectorBytes + 8 }
    var elementsEnd: Int { 96 + elements.count * stride }

    private var highest: Element? { elements.max { $0.upper.count < $1.upper.count } }

    var header: [UInt8] {
        let level = highest.map { UInt32($0.upper.count) } ?? .max
        let entry = highest.flatMap { highest in elements.firstIndex { $0.upper.count == highest.upper.count } }
        let m = UInt64(connectivity), stride = UInt64(stride)
        func field(_ offset: Int, _ value: UInt64) -> [UInt8] { bytes(fields[offset] ?? value) }
        var header = field(0, 0) + field(8, UInt64(elements.count) + 3) + field(16, UInt64(elements.count))
        header += field(24, stride) + field(32, stride - 8) + field(40, 4 + 8 * m)
        header += bytes(words[48] ?? level) + bytes(words[52] ?? entry.map { UInt32($0) } ?? .max)
        header += field(56, m) + field(64, 2 * m) + field(72, m)
        // 1/ln 2, as a double.
        return header + field(80, 0x3FF7_1547_652B_82FE) + field(88, 200)
    }

    func bytes(of element: Element) -> [UInt8] {
        let count = element.count ?? UInt16(element.links.count)
        let slots = element.links + repeatElement(stale, count: 2 * connectivity - element.links.count)
        let first = UInt8(truncatingIfNeeded: element.label &* 7)
        let vector = (0..<min(vectorBytes, 8)).map { first &+ UInt8($0) }
        return bytes(count) + [element.flags, element.spare] + slots.flatMap { bytes($0) } + vector
            + [UInt8](repeating: first, count: vectorBytes - vector.count) + bytes(element.label)
    }

    func record(of slot: Int) -> [UInt8] {
        let upper = elements[slot].upper
        let lists = upper.flatMap { links in
            bytes(UInt32(links.count)) + links.flatMap { bytes($0) }
                + (links.count..<connectivity).flatMap { _ in bytes(stale) }
        }
        return bytes(listSizes[slot] ?? UInt32(lists.count)) + lists
    }

    var levelZero: [UInt8] { elements.flatMap { bytes(of: $0) } }
    var links: [UInt8] { elements.indices.flatMap { record(of: $0) } }

    /// hnswlib's file, or with `lengths` Chroma's.
    func file(lengths: [Float] = []) -> [UInt8] {
        header + levelZero + lengths.flatMap { bytes($0.bitPattern) } + links
    }

    /// Writes Chroma's folder.
    func write(
        folder: FilePath, version: UInt32 = 1, behindElements: [UInt8] = [], lengths: [UInt8]? = nil
    ) throws {
        try writeBytes(bytes(version) + header, to: folder.appending("header.bin"))
        try writeBytes(levelZero + behindElements, to: folder.appending("data_level0.bin"))
        try writeBytes(links, to: folder.appending("link_lists.bin"))
        if let lengths { try writeBytes(lengths, to: folder.appending("length.bin")) }
    }

    /// Little-endian bytes of a number.
    func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}

/// Without it a test's log would hold all of each index.
extension SampleIndex: CustomTestStringConvertible {
    var testDescription: String { "\(elements.count) elements, M = \(connectivity)" }
}

extension SampleIndex {
    /// Five elements, M = 2, levels 0 2 1 1 0; one is marked, one has no links, one has links left over, flags and bytes
    /// that mean nothing are set, and a label comes twice.
    static var small: SampleIndex {
        var index = SampleIndex()
        index.stale = 4
        index.elements = [
            Element(links: [1, 2, 3], label: 70),
            Element(links: [0, 2], label: .max, flags: 1, upper: [[2, 3], []]),
            Element(links: [0, 1, 3, 4], label: 71, spare: 0x80, upper: [[1]]),
            Element(links: [], label: 70, flags: 0xFE, upper: [[2, 1]]),
            Element(links: [3], label: 0),
        ]
        return index
    }

    static func single(connectivity: Int = 2, vectorBytes: Int = 4, level: Int = 0) -> SampleIndex {
        SampleIndex(
            connectivity: connectivity, vectorBytes: vectorBytes,
            elements: [Element(links: [], label: 9, upper: Array(repeating: [], count: level))])
    }

    /// `count` elements, each in a ring with those beside it; each `spacing` above 0 is one level for every 3^l-th.
    static func ring(count: Int, connectivity: Int, vectorBytes: Int) -> SampleIndex {
        var index = SampleIndex(connectivity: connectivity, vectorBytes: vectorBytes, stale: 0xFFFF_FFFF)
        func level(_ slot: Int) -> Int {
            var level = 0, rest = slot
            while level < 5, rest % 3 == 0 { (level, rest) = (level + 1, rest / 3) }
            return level
        }
        index.elements = (0..<count).map { slot in
            let upper = (1...5).prefix(level(slot)).map { level in
                let step = [1, 3, 9, 27, 81, 243][level]
                return slot + step < count ? [UInt32(slot + step)] : []
            }
            return Element(
                links: [UInt32((slot + 1) % count), UInt32((slot + count - 1) % count)], label: UInt64(slot) * 3,
                flags: slot % 7 == 0 ? 1 : 0, upper: upper)
        }
        return index
    }
}
