import Cairn
import HnswlibFile
import VectorFiles

/// The vectors of an hnswlib index that are found, in slot order: not those that are marked deleted, nor those whose
/// label comes again.
struct IndexRows: RowStream {
    let index: HnswlibIndex
    /// What was found when all of it was checked.
    let survey: HnswlibSurvey
    let scalar: VectorStore.Scalar
    let dimensions: Int
    /// Slots whose label belongs to another one, ascending.
    let superseded: [UInt32]
    /// Whether the file has the lengths of vectors that are in it normalised.
    let hasLengths: Bool
    private let raw = RawRows(), rawLengths = RawRows(), tally = Tally()
    var length: Int { index.header.count }

    init(_ checked: CheckedIndex, _ scalar: VectorStore.Scalar, dimensions: Int, hasLengths: Bool) {
        index = checked.index
        survey = checked.survey
        self.scalar = scalar
        self.dimensions = dimensions
        superseded = checked.superseded
        self.hasLengths = hasLengths
    }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let header = index.header, size = header.elementBytes
        let slots = place..<min(length, place + min(block.capacity, max(1, RawRows.byteCount / size)))
        let elements = try unsafe raw.buffer(slots.count * size, for: index.path)
        try unsafe index.readElements(slots, into: elements, as: survey)
        let lengths = try unsafe readLengths(slots)
        let encoding = ComponentEncoding(scalar: scalar.fileScalar)
        var count = 0, skipped = superseded.firstIndex(atLeast: UInt32(slots.lowerBound))
        for position in 0..<slots.count {
            let element = unsafe elements.baseAddress! + position * size
            let flags = unsafe element.load(fromByteOffset: 2, as: UInt8.self)
            if skipped < superseded.count && Int(superseded[skipped]) == slots.lowerBound + position {
                skipped += 1
                continue
            }
            if flags & 1 == 1 { continue }
            let vector = unsafe block.vector(count)
            unsafe encoding.decode(element + header.vectorOffset, dimensions, to: vector)
            if let lengths = unsafe lengths {
                let found = unsafe ChromaLength.scale(lengths[position], row: vector, dimensions: dimensions)
                if found == nil, unsafe ChromaLength.squaredLength(vector, dimensions) != 0 { tally.count += 1 }
                let scale = found ?? 1
                for component in 0..<dimensions { unsafe vector[component] *= scale }
            }
            unsafe block.labels[count] = element.loadUnaligned(fromByteOffset: header.labelOffset, as: Label.self)
            count += 1
        }
        block.count = count
        return slots.upperBound
    }

    /// What was seen of lengths so far.
    var warnings: [String] {
        tally.count == 0
            ? []
            : [
                "\(counted(tally.count, "vector")) left as in IN: not of length 1, or with an invalid stored length; "
                    + "is the index for cosine?"
            ]
    }

    /// Counts vectors whose length does not count.
    private final class Tally {
        var count = 0
    }

    private func readLengths(_ slots: Range<Int>) throws -> UnsafeMutableBufferPointer<Float>? {
        guard hasLengths else { return nil }
        let lengths = try unsafe rawLengths.buffer(slots.count * 4, for: index.path).bindMemory(to: Float.self)
        guard try unsafe index.readLengths(slots, into: lengths) else { return nil }
        return unsafe lengths
    }
}

extension [UInt32] {
    /// Where the first element that is no smaller is, in an array that is sorted.
    fileprivate func firstIndex(atLeast value: UInt32) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
