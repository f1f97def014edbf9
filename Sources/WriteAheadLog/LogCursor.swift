import FileFormat
import MappedStorage

/// A place between two frames of a log file.
struct LogCursor {
    /// Where the next frame would begin.
    private(set) var offset = LogFileHeader.size
    /// The number of the frame before.
    private(set) var number: FrameNumber
    /// The frame before, once there is one.
    private(set) var frame: LogFrame!
    /// The checksum of the frame before, or of the header.
    private var checksum: UInt32
    private let seed: UInt32

    init(header: LogFileHeader, seed: UInt32) {
        number = header.firstFrame.previous
        checksum = seed
        self.seed = seed
    }

    /// Moves past the next frame and returns its payload, good until the window moves. Nil, and nothing moves, where no
    /// frame fits.
    mutating func next(_ window: FileWindow) throws(StorageError) -> UnsafeRawBufferPointer? {
        let head = unsafe try window.bytes(at: offset, count: LogFrame.headerSize)
        guard let next = unsafe LogFrame(decoding: head), next.number == number.next, next.previous == checksum else {
            return nil
        }
        let bytes = unsafe try window.bytes(at: offset, count: LogFrame.headerSize + next.length)
        guard unsafe next.isIntact(in: bytes, seed: seed) else { return nil }
        offset += next.byteCount
        number = next.number
        checksum = next.checksum
        frame = next
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[LogFrame.headerSize...])
    }
}
