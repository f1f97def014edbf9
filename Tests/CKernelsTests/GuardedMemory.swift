#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Zeroed memory that is followed by a page nobody may touch, so that reading or writing past its end is a crash.
@safe final class GuardedMemory {
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    /// The first byte that may not be touched.
    let end: UnsafeMutableRawPointer

    /// - Parameter capacity: bytes that can be used, before `end`.
    init(capacity: Int) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let usable = (capacity + page) / page * page
        mappedBytes = usable + page
        let pointer = unsafe mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymousMapping, -1, 0)
        guard let pointer = unsafe pointer, unsafe pointer != MAP_FAILED else { fatalError("mmap failed") }
        unsafe mapping = pointer
        unsafe end = pointer + usable
        guard unsafe mprotect(pointer + usable, page, PROT_NONE) == 0 else { fatalError("mprotect failed") }
    }

    deinit {
        unsafe munmap(mapping, mappedBytes)
    }

    /// Writes `bytes` so that they stop `gap` bytes before the end; returns where they start.
    func place(_ bytes: [UInt8], gap: Int = 0) -> UnsafeMutableRawPointer {
        let start = unsafe end - gap - bytes.count
        unsafe bytes.withUnsafeBytes { source in
            if let first = source.baseAddress { unsafe start.copyMemory(from: first, byteCount: source.count) }
        }
        return unsafe start
    }
}

#if canImport(Glibc)
private let anonymousMapping = Int32(MAP_ANONYMOUS)
#else
private let anonymousMapping = Int32(MAP_ANON)
#endif
