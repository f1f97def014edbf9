import Allocation
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
    private let isWhole: Bool
    private let hasNorms: Bool
    private let encoding: VectorEncoding
    private let elements = Memory<UInt8>()
    private let lengths = Memory<Float>()
    private var hasLengths = false
    /// Vectors with a component that is infinite or not a number.
    private(set) var nonFiniteCount = 0
    /// Vectors so long or so short that single precision does not hold their distances.
    private(set) var unorderedCount = 0
    /// Whether one of the first vectors (of Chroma's: one of all) is not of length 1, as those are that were added for
    /// cosine.
    private(set) var hasOtherLengths = false
    /// Vectors of length 1 whose length in Chroma's file is none.
    private(set) var wrongLengthCount = 0

    init(_ index: HnswlibIndex, _ survey: HnswlibSurvey, _ image: StoreImage, hasNorms: Bool) {
        self.index = index
        self.survey = survey
        self.hasNorms = hasNorms
        free = image.freeSlots
        stride = index.header.elementBytes
        linkBytes = 8 * index.header.connectivity
        vectorBytes = index.header.vectorBytes
        let configuration = VectorStore.Configuration(image.superblock, ef: 1)
        isFloat = configuration.scalar == .float32
        isWhole = configuration.scalar == .uint8 || configuration.scalar == .int8
        encoding = VectorEncoding(
            dimensions: configuration.dimensions, scalar: configuration.scalar, metric: configuration.metric,
            rowBytes: vectorBytes)
    }

    /// Reads the elements of a range of slots.
    func read(_ range: Range<Int>) throws(HnswlibFileError) {
        try claimingMemory(for: index.path, elements.grow(to: range.count * stride))
        try unsafe index.readElements(
            range, into: UnsafeMutableRawBufferPointer(start: elements.buffer.base, count: range.count * stride))
        guard hasNorms else { return }
        try claimingMemory(for: index.path, lengths.grow(to: range.count))
        hasLengths = try unsafe index.readLengths(
            range, into: UnsafeMutableBufferPointer(start: lengths.buffer.base, count: range.count))
    }

    /// CRC32C over all elements that were read.
    private(set) var checksum: UInt32 = 0
    /// Whether labels or marks are others than when the file was checked.
    private(set) var hasChanged = false

    /// Writes what was read into the columns.
    func copy(_ range: Range<Int>, into rows: LevelZeroStream.Rows, _ geometry: Geometry) {
        let vectors = unsafe rows.row(.vectors)!, links = unsafe rows.row(.links)!
        let heads = unsafe rows.row(.linkHeads)!, table = unsafe rows.row(.slotTable)!
        let vectorStride = geometry.stride(of: .vectors), linkStride = geometry.stride(of: .links)
        var element = unsafe UnsafeRawPointer(elements.buffer.base)
        checksum = unsafe Checksum.crc32c(
            UnsafeRawBufferPointer(start: element, count: range.count * stride), seed: checksum)
        for row in 0..<range.count {
            let slot = range.lowerBound + row
            let vector = unsafe element + 4 + linkBytes
            unsafe (heads + 4 * row).copyMemory(from: element, byteCount: 4)
            unsafe (links + linkStride * row).copyMemory(from: element + 4, byteCount: linkBytes)
            unsafe (vectors + vectorStride * row).copyMemory(from: vector, byteCount: vectorBytes)
            let entry = unsafe table + SlotEntry.size * row
            unsafe entry.copyMemory(from: vector + vectorBytes, byteCount: 8)
            let isMarked = unsafe element.load(fromByteOffset: 2, as: UInt8.self) & 1 != 0
            let label = unsafe UInt64(littleEndian: entry.load(as: UInt64.self))
            if label != survey.labels[slot] || isMarked != survey.isMarked(slot) { hasChanged = true }
            let state = state(slot)
            unsafe entry.storeBytes(of: UInt8(survey.level(slot)), toByteOffset: SlotEntry.levelOffset, as: UInt8.self)
            unsafe entry.storeBytes(of: state.rawValue, toByteOffset: SlotEntry.stateOffset, as: UInt8.self)
            if state != .superseded { unsafe check(vector) }
            if hasNorms, let norms = unsafe rows.row(.norms) {
                unsafe norms.storeBytes(of: norm(vector, row, slot), toByteOffset: 4 * row, as: Float.self)
            }
            unsafe element += stride
        }
    }

    private func state(_ slot: Int) -> SlotState {
        if nextFree < free.count && Int(free[nextFree]) == slot {
            nextFree += 1
            return .superseded
        }
        return survey.isMarked(slot) ? .marked : .live
    }

    /// Counts a vector that searches cannot place.
    private func check(_ vector: UnsafeRawPointer) {
        var isBad = false
        if isFloat {
            let components = unsafe vector.assumingMemoryBound(to: Float.self)
            var flags: UInt32 = 0, square: Float = 0, largest: Float = 0
            for index in 0..<encoding.dimensions {
                let component = unsafe components[index]
                // All ones in the exponent. The sum of the flags needs no branch in the loop.
                flags |= (component.bitPattern & 0x7f80_0000) == 0x7f80_0000 ? 1 : 0
                square += component * component
                largest = max(largest, abs(component))
            }
            isBad = flags != 0
            let isOrdered = largest == 0 || (VectorEncoding.shortestSquare...encoding.longestSquare).contains(square)
            unorderedCount += isBad || isOrdered ? 0 : 1
        } else if !isWhole {
            for index in 0..<encoding.dimensions {
                let bits = unsafe vector.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
                isBad = isBad || bits & 0x7c00 == 0x7c00
            }
        }
        nonFiniteCount += isBad ? 1 : 0
    }

    /// The length that the vector had before it was stored: Chroma keeps it, hnswlib does not. Of whole numbers, which
    /// are stored as they are, their own.
    private func norm(_ vector: UnsafeRawPointer, _ row: Int, _ slot: Int) -> Float {
        guard isFloat else {
            guard isWhole else { return 1 }
            var square: Float = 0
            for component in unsafe encoding.decode(row: vector, norm: 1) { square += component * component }
            return square.squareRoot()
        }
        let components = unsafe vector.assumingMemoryBound(to: Float.self), dimensions = encoding.dimensions
        if hasLengths {
            let length = lengths.buffer[row]
            if let scale = unsafe ChromaLength.scale(length, row: components, dimensions: dimensions) { return scale }
        } else if slot >= 1000 {
            return 1
        }
        let square = unsafe ChromaLength.squaredLength(components, dimensions)
        // Vectors of zeros are stored as they are.
        if square != 0 && abs(square - 1) <= 1e-3 {
            wrongLengthCount += hasLengths ? 1 : 0
        } else if square != 0 {
            hasOtherLengths = true
        }
        return 1
    }
}
