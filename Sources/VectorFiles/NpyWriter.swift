package import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A type of value that can be written to .npy.
package protocol NpyScalar: BitwiseCopyable, Sendable {
    /// numpy's dtype string.
    static var npyType: String { get }
}

extension UInt64: NpyScalar { package static var npyType: String { "<u8" } }
extension Int32: NpyScalar { package static var npyType: String { "<i4" } }
extension Float: NpyScalar { package static var npyType: String { "<f4" } }

/// Writes whole arrays as .npy files.
package enum NpyWriter {
    /// Writes `values`, row after row, as an array of shape (rows, columns), or (count,) without `columns`; their count
    /// must be a multiple of `columns`. A file of that name is replaced once all is on disk; on an error it stays.
    package static func write<Scalar: NpyScalar>(
        _ values: [Scalar], columns: Int? = nil, to path: FilePath
    ) throws(VectorFileError) {
        var stream = try NpyStream<Scalar>(path, columns: columns)
        try stream.append(values)
        try stream.finish()
    }
}

/// An .npy file being written. It has a temporary name beside its own until `finish`, which puts the number of rows
/// into the header and renames it; dropped before that, it is removed. One thread at a time.
package struct NpyStream<Scalar: NpyScalar>: ~Copyable {
    private let path: FilePath
    private let temporary: FilePath
    private let descriptor: Int32
    private let columns: Int?
    private var count = 0
    private var isFinished = false

    /// numpy's own length: room for any shape, and the values begin on a multiple of 64.
    private static var headerLength: Int { 128 }

    /// Begins a file of shape (rows, columns), or (count,) without `columns`. What stands at `path` must be nothing or
    /// a regular file: renaming over a device or a link would remove it rather than write to it.
    package init(_ path: FilePath, columns: Int? = nil) throws(VectorFileError) {
        precondition(columns ?? 1 > 0, "an array has at least one column")
        var status = stat()
        let found = unsafe path.withPlatformString { unsafe lstat($0, &status) }
        guard found != 0 || status.st_mode & S_IFMT == S_IFREG else {
            throw VectorFileError(path, "it exists and is not a regular file: name another file to write")
        }
        var temporary = path
        temporary.removeLastComponent()
        temporary.append(".npy-\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp")
        let descriptor = retryingOnInterrupt {
            unsafe temporary.withPlatformString { unsafe open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
        }
        guard descriptor >= 0 else { throw VectorFileError(path, doing: "create it", errno: errno) }
        self.path = path
        self.temporary = temporary
        self.descriptor = descriptor
        self.columns = columns
    }

    deinit {
        if !isFinished {
            close(descriptor)
            _ = unsafe temporary.withPlatformString { unsafe unlink($0) }
        }
    }

    /// Appends values, row after row; a call need not end with a row. Each call is a write, so append many at once.
    package mutating func append(_ values: UnsafeBufferPointer<Scalar>) throws(VectorFileError) {
        try unsafe write(UnsafeRawBufferPointer(values), at: Self.headerLength + count * MemoryLayout<Scalar>.size)
        count += values.count
    }

    /// The same for an array.
    package mutating func append(_ values: [Scalar]) throws(VectorFileError) {
        var failure: VectorFileError?
        unsafe values.withUnsafeBufferPointer { buffer in
            do throws(VectorFileError) { try unsafe append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Completes the header, waits for the disk and gives the file its name. The values must make whole rows.
    package consuming func finish() throws(VectorFileError) {
        precondition(count % (columns ?? 1) == 0, "the values make whole rows")
        var failure: VectorFileError?
        unsafe header.withUnsafeBytes { bytes in
            do throws(VectorFileError) { try unsafe write(bytes, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        // Without it a power cut could leave the new name with an old or empty content.
        guard retryingOnInterrupt({ fsync(descriptor) }) == 0 else {
            throw VectorFileError(path, doing: "write it to disk", errno: errno)
        }
        let renamed = unsafe temporary.withPlatformString { from in
            unsafe path.withPlatformString { to in unsafe rename(from, to) }
        }
        guard renamed == 0 else { throw VectorFileError(path, doing: "give the finished file its name", errno: errno) }
        close(descriptor)
        isFinished = true
    }

    /// Byte for byte what numpy writes.
    private var header: [UInt8] {
        let shape = columns.map { "(\(count / $0), \($0))" } ?? "(\(count),)"
        var header = NpyHeader.magic + [1, 0, UInt8(Self.headerLength - 10), 0]
        header += "{'descr': '\(Scalar.npyType)', 'fortran_order': False, 'shape': \(shape), }".utf8
        header += repeatElement(UInt8(ascii: " "), count: Self.headerLength - 1 - header.count)
        return header + [UInt8(ascii: "\n")]
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(VectorFileError) {
        var done = 0
        while done < bytes.count {
            let size = min(bytes.count - done, 1 << 30)
            let put = retryingOnInterrupt {
                unsafe pwrite(descriptor, bytes.baseAddress! + done, size, off_t(offset + done))
            }
            guard put > 0 else {
                throw VectorFileError(path, doing: "write at byte offset \(offset + done)", errno: errno)
            }
            done += put
        }
    }
}
