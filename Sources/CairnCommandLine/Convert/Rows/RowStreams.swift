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
        let info = try store.info
        length = info.count + info.deletedCount + info.freeSlotCount
    }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let portion = try store.portion(from: place, count: block.capacity)
        block.count = portion.labels.count
        _ = unsafe block.labels.update(fromContentsOf: portion.labels)
        _ = unsafe block.vectors.update(fromContentsOf: portion.vectors)
        return portion.end
    }
}

/// The rows of a BFIndex.
struct BruteForceRows: RowStream {
    let file: BruteForceFile
    let scalar: VectorStore.Scalar
    let dimensions: Int
    private let raw = RawRows()
    var length: Int { file.count }

    init(_ file: BruteForceFile, _ scalar: VectorStore.Scalar, dimensions: Int) {
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
        let bytes = try unsafe raw.buffer(rows.count * file.stride, for: file.path)
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

extension BruteForceRows {
    /// The labels of the rows that count, and which rows these are; nil for all of them. Of rows under one label the
    /// last one counts.
    func labels() throws -> (labels: [Label], kept: [Int]?) {
        // The labels; those that count; which those are.
        try expectMemory(25 * length)
        var labels: [Label] = []
        labels.reserveCapacity(length)
        let block = try RowBlock(dimensions: dimensions)
        var place = 0
        while place < length {
            place = try read(from: place, into: block)
            unsafe labels.append(contentsOf: block.filledLabels)
        }
        let superseded = try RepeatedLabels.superseded(labels) { _ in false }
        guard !superseded.isEmpty else { return (labels, nil) }
        var isKept = [Bool](repeating: true, count: length)
        for row in superseded { isKept[Int(row)] = false }
        let kept = isKept.indices.filter { isKept[$0] }
        return (kept.map { labels[$0] }, kept)
    }
}
