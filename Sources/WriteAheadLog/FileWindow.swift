import Allocation
import MappedStorage

/// A file seen through a buffer of fixed size: reading it from front to back takes few calls and no memory for the
/// rest.
@safe
final class FileWindow {
    /// Holds the largest frame of a log and the largest extent of a journal, with a lot behind it.
    static let capacity = 2 << 20

    let file: File
    /// The file's size when it was opened. Nothing past it is looked at.
    let size: Int
    private let memory: UnsafeMutableRawBufferPointer
    /// What part of the file is in memory.
    private var start = 0, count = 0

    init(_ file: File) throws(StorageError) {
        self.file = file
        size = try file.size()
        // A short file, as those of most stores are, takes no more memory than it is long.
        let count = min(Self.capacity, size)
        let start = try unsafe claiming(file.path, ProcessMemory.allocate(count))
        unsafe memory = UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    deinit { if let start = unsafe memory.baseAddress { unsafe ProcessMemory.release(start) } }

    /// `count` bytes from `offset` on, or as many as the file has; at most `capacity`. Good until the next call. What
    /// was asked for at a multiple of 8 of the file begins at a multiple of 8 in memory.
    func bytes(at offset: Int, count wanted: Int) throws(StorageError) -> UnsafeRawBufferPointer {
        precondition(offset >= 0 && wanted <= Self.capacity)
        let available = min(wanted, size - offset)
        // Frames are filled up to multiples of 8, which may lie past the end of a file that was cut short.
        guard available > 0 else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        if offset < start || offset + available > start + count {
            start = offset / 8 * 8
            let window = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<min(Self.capacity, size - start)])
            count = 0
            count = try unsafe file.read(into: window, at: start)
        }
        let first = offset - start
        return unsafe UnsafeRawBufferPointer(rebasing: memory[first..<max(first, min(first + available, count))])
    }
}
