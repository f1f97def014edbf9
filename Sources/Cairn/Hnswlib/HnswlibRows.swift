import FileFormat
import HNSW
import HnswlibFile
import MappedStorage

/// The elements of an hnswlib index on their way into the columns of a store.
@safe
final class HnswlibRows {
    private let index: HnswlibIndex
    private let survey: HnswlibSurvey
    private let free: [UInt32]
    /// The next of `free` to come.
    private var nextFree = 0
    private let stride: Int
    private let linkBytes: Int
    private let vectorBytes: Int
    private let isFloat: Bool
    private let hasNorms: Bool
    private let encoding: VectorEncoding
    private var elements = Memory<UInt8>(1)
    private var lengths = Memory<Float>(1)
    private var hasLengths = false
    /// Vectors with a component that is infinite or not a number.
    private(set) var nonFiniteCount = 0
    /// Whether one of the first vectors is not of length 1, as hnswlib's are that were added for cosine.
    private(set) var hasOtherLengths = false

    init(_ index: HnswlibIndex, _ survey: HnswlibSurvey, _ image: StoreImage, hasNorms: Bool) {
        self.index = index
        self.survey = survey
        self.hasNorms = hasNorms
        free = image.freeSlots
        stride = index.header.elementBytes
        linkBytes = 8 * index.header.connectivity
        vectorBytes = index.header.vectorBytes
        let configuration = VectorStore.Configuration(image.superblock, searchWidth: 1)
        isFloat = configuration.scalar == .float32
        encoding = VectorEncoding(
            dimensions: configuration.dimensions, scalar: configuration.scalar, metric: configuration.metric,
            rowBytes: vectorBytes)
    }

    /// Reads the elements of a range of slots.
    func read(_ range: Range<Int>) throws(HnswlibFileError) {
        if elements.buffer.count < range.count * stride { elements = Memory(range.count * stride) }
        try unsafe index.readElements(
            range, into: UnsafeMutableRawBufferPointer(start: elements.buffer.base, count: range.count * stride))
        guard hasNorms else { return }
        if lengths.buffer.count < range.count { lengths = Memory(range.count) }
        hasLengths = try unsafe index.readLengths(
            range, into: UnsafeMutableBufferPointer(start: lengths.buffer.base, count: range.count))
    }

    /// Writes what was read into the columns.
    func copy(_ range: Range<Int>, into rows: LevelZeroStream.Rows, _ geometry: Geometry) {
        let vectors = unsafe rows.row(.vectors)!, links = unsafe rows.row(.links)!
        let heads = unsafe rows.row(.linkHeads)!, table = unsafe rows.row(.slotTable)!
        let vectorStride = geometry.stride(of: .vectors), linkStride = geometry.stride(of: .links)
        var element = unsafe UnsafeRawPointer(elements.buffer.base)
        for row in 0..<range.count {
            let slot = range.lowerBound + row
            let vector = unsafe element + 4 + linkBytes
            unsafe (heads + 4 * row).copyMemory(from: element, byteCount: 4)
            unsafe (links + linkStride * row).copyMemory(from: element + 4, byteCount: linkBytes)
            unsafe (vectors + vectorStride * row).copyMemory(from: vector, byteCount: vectorBytes)
            let entry = unsafe table + SlotEntry.size * row
            unsafe entry.copyMemory(from: vector + vectorBytes, byteCount: 8)
            unsafe entry.storeBytes(of: UInt8(survey.level(slot)), toByteOffset: SlotEntry.levelOffset, as: UInt8.self)
            unsafe entry.storeBytes(of: state(slot).rawValue, toByteOffset: SlotEntry.stateOffset, as: UInt8.self)
            if isFloat { unsafe check(vector) }
            if hasNorms, let norms = unsafe rows.row(.norms) {
                unsafe norms.storeBytes(of: norm(vector, row, slot), toByteOffset: 4 * row, as: Float.self)
            }
            unsafe element += stride
        }
    }

    private func state(_ slot: Int) -> SlotEntry.State {
        if nextFree < free.count && Int(free[nextFree]) == slot {
            nextFree += 1
            return .superseded
        }
        return survey.isMarked(slot) ? .marked : .live
    }

    private func check(_ vector: UnsafeRawPointer) {
        var exponents: UInt32 = 0
        let words = unsafe vector.assumingMemoryBound(to: UInt32.self)
        for index in 0..<vectorBytes / 4 {
            exponents |= unsafe (words[index] & 0x7f80_0000) == 0x7f80_0000 ? 1 : 0
        }
        nonFiniteCount += Int(exponents)
    }

    /// The length that the vector had before it was stored: Chroma keeps it, hnswlib does not.
    private func norm(_ vector: UnsafeRawPointer, _ row: Int, _ slot: Int) -> Float {
        if hasLengths {
            let length = lengths.buffer[row]
            return length.isFinite && length > 0 ? length : 1
        }
        guard !isFloat || slot < 1000 else { return 1 }
        var square: Float = 0
        for component in unsafe encoding.decode(row: vector, norm: 1) { square += component * component }
        guard isFloat else { return square.squareRoot() }
        // hnswlib stores a vector of zeros as it is.
        if square != 0 && abs(square - 1) > 1e-3 { hasOtherLengths = true }
        return 1
    }
}
