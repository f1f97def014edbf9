import Allocation
import Cairn
import HnswlibFile
import SystemPackage

/// Vectors with their labels, read in order, a few MiB at a time. One thread at a time.
protocol RowStream {
    var dimensions: Int { get }
    /// Places to go through, from 0 on; some may have no vector.
    var length: Int { get }

    /// Fills `block` with vectors from `place` on, as far as there is room, and returns the place to go on from.
    func read(from place: Int, into block: RowBlock) throws -> Int
}

/// Room for some rows, used again and again.
@safe
final class RowBlock {
    /// How many rows there is room for.
    let capacity: Int
    /// How many there are.
    var count = 0
    let labels: UnsafeMutableBufferPointer<Label>
    /// Row after row.
    let vectors: UnsafeMutableBufferPointer<Float>
    private let dimensions: Int
    private static let byteCount = 4 << 20

    init(dimensions: Int) throws {
        self.dimensions = dimensions
        capacity = max(1, Self.byteCount / (dimensions * 4 + 8))
        try expectMemory(capacity * (dimensions * 4 + 8))
        unsafe labels = .allocate(capacity: capacity)
        unsafe labels.initialize(repeating: 0)
        unsafe vectors = .allocate(capacity: capacity * dimensions)
        unsafe vectors.initialize(repeating: 0)
    }

    deinit {
        unsafe labels.deallocate()
        unsafe vectors.deallocate()
    }

    /// The vectors that there are.
    var filledVectors: UnsafeBufferPointer<Float> {
        unsafe UnsafeBufferPointer(rebasing: vectors[..<(count * dimensions)])
    }

    /// The labels that there are.
    var filledLabels: UnsafeBufferPointer<Label> { unsafe UnsafeBufferPointer(rebasing: labels[..<count]) }

    /// Where the vector of a row goes.
    func vector(_ row: Int) -> UnsafeMutablePointer<Float> { unsafe vectors.baseAddress! + row * dimensions }
}

/// Memory for rows as they are in a file, aligned for any type, kept from one read to the next.
@safe
final class RawRows {
    /// What is read at a time, unless a single row is larger.
    static let byteCount = 4 << 20
    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { unsafe memory.deallocate() }

    /// `count` bytes of memory, for what is read of the file at `path`, until the next call.
    func buffer(_ count: Int, for path: FilePath) throws(HnswlibFileError) -> UnsafeMutableRawBufferPointer {
        if unsafe memory.count < count {
            try claimingMemory(for: path, ProcessMemory.expect(count))
            unsafe memory.deallocate()
            unsafe memory = .allocate(byteCount: count, alignment: 64)
        }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
    }
}
