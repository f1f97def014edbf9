import Cairn
import HnswlibFile
import VectorFiles

/// The rows of a vector file, labelled by their numbers.
struct VectorFileRows: RowStream {
    let file: VectorFile
    var dimensions: Int { file.dimensions }
    var length: Int { file.rows }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let rows = place..<min(length, place + block.capacity)
        block.count = rows.count
        try unsafe file.readFloats(rows: rows, into: UnsafeMutableBufferPointer(mutating: block.filledVectors))
        for (index, row) in rows.enumerated() { unsafe block.labels[index] = Label(row) }
        return rows.upperBound
    }
}

/// The live vectors of a store, in the order of its slots.
struct StoreRows: RowStream {
    let store: VectorStore
    let dimensions: Int
    let length: Int

    init(_ store: VectorStore) throws {
        self.store = store
        dimensions = try store.configuration.dimensions
        length = try store.slotCount
    }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let (count, next) = try unsafe store.readRows(from: place, labels: block.labels, vectors: block.vectors)
        block.count = count
        return next
    }
}

/// The rows of a BFIndex.
struct BruteForceRows: RowStream {
    let file: BruteForceFile
    let scalar: Scalar
    let dimensions: Int
    private let raw = RawRows()
    var length: Int { file.count }

    init(_ file: BruteForceFile, _ scalar: Scalar, dimensions: Int) {
        self.file = file
        self.scalar = scalar
        self.dimensions = dimensions
    }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let rows = place..<min(length, place + block.capacity)
        try unsafe read(rows, vectors: block.vectors, labels: block.labels)
        block.count = rows.count
        return rows.upperBound
    }

    /// Reads rows and their labels.
    func read(
        _ rows: Range<Int>, vectors: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Label>?
    ) throws(HnswlibFileError) {
        let bytes = unsafe raw.buffer(rows.count * file.stride)
        try unsafe file.readRows(rows, into: bytes)
        let encoding = ComponentEncoding(scalar: scalar.fileScalar)
        guard let base = bytes.baseAddress else { return }
        for index in 0..<rows.count {
            let row = unsafe base + index * file.stride
            unsafe encoding.decode(row, dimensions, to: vectors.baseAddress! + index * dimensions)
            unsafe labels?[index] = row.loadUnaligned(fromByteOffset: file.vectorBytes, as: Label.self)
        }
    }
}

/// The vectors of an hnswlib index that are found, in slot order: not those that are marked as deleted, nor those whose label
/// comes again.
struct IndexRows: RowStream {
    let index: HnswlibIndex
    let scalar: Scalar
    let dimensions: Int
    /// Slots whose label belongs to another one, ascending.
    let superseded: [UInt32]
    /// Whether the file has the lengths of vectors that stand in it normalised.
    let hasLengths: Bool
    private let raw = RawRows(), rawLengths = RawRows()
    var length: Int { index.header.count }

    init(_ index: HnswlibIndex, _ scalar: Scalar, dimensions: Int, superseded: [UInt32], hasLengths: Bool) {
        self.index = index
        self.scalar = scalar
        self.dimensions = dimensions
        self.superseded = superseded
        self.hasLengths = hasLengths
    }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let header = index.header, size = header.elementBytes
        let slots = place..<min(length, place + min(block.capacity, max(1, RawRows.byteCount / size)))
        let elements = unsafe raw.buffer(slots.count * size)
        try unsafe index.readElements(slots, into: elements)
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
                for component in 0..<dimensions { unsafe vector[component] *= lengths[position] }
            }
            unsafe block.labels[count] = element.loadUnaligned(fromByteOffset: header.labelOffset, as: Label.self)
            count += 1
        }
        block.count = count
        return slots.upperBound
    }

    private func readLengths(_ slots: Range<Int>) throws -> UnsafeMutableBufferPointer<Float>? {
        guard hasLengths else { return nil }
        let lengths = unsafe rawLengths.buffer(slots.count * 4).bindMemory(to: Float.self)
        guard try unsafe index.readLengths(slots, into: lengths) else { return nil }
        return unsafe lengths
    }
}

extension [UInt32] {
    /// Where the first element that is no smaller stands, in an array that is sorted.
    fileprivate func firstIndex(atLeast value: UInt32) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Memory for rows as they are in a file, aligned for any type, kept from one read to the next.
@safe
final class RawRows {
    /// What is read at a time, unless a single row is larger.
    static let byteCount = 4 << 20
    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { unsafe memory.deallocate() }

    /// Memory of so many bytes, until the next call.
    func buffer(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if unsafe memory.count < count {
            unsafe memory.deallocate()
            unsafe memory = .allocate(byteCount: count, alignment: 64)
        }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
    }
}
