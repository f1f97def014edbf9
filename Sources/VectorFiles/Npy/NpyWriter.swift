import MappedStorage
package import SystemPackage

/// A type of value that can be written to .npy as it is.
package protocol NpyScalar: BitwiseCopyable, Sendable {
    /// The type's name in files.
    static var fileScalar: VectorFileScalar { get }
}

extension UInt64: NpyScalar { package static var fileScalar: VectorFileScalar { .uint64 } }
extension Int32: NpyScalar { package static var fileScalar: VectorFileScalar { .int32 } }
extension Float: NpyScalar { package static var fileScalar: VectorFileScalar { .float32 } }

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

/// An .npy file of values of one type, written as they are. It takes its name in `finish`, which puts the number of
/// rows into the header; dropped before that, it is removed. One thread at a time.
package struct NpyStream<Scalar: NpyScalar>: ~Copyable {
    private let draft: DraftFile
    private let columns: Int?
    private var count = 0

    /// Begins a file of shape (rows, columns), or (count,) without `columns`. What is at `path` must be nothing or
    /// a regular file.
    package init(_ path: FilePath, columns: Int? = nil) throws(VectorFileError) {
        precondition(columns ?? 1 > 0, "an array has at least one column")
        draft = try writing { () throws(StorageError) in try DraftFile(path) }
        self.columns = columns
    }

    /// Appends values, row after row; a call need not end with a row. Each call is a write, so append many at once.
    package mutating func append(_ values: UnsafeBufferPointer<Scalar>) throws(VectorFileError) {
        let offset = NpyHeader.writtenLength + count * MemoryLayout<Scalar>.size
        try writing { () throws(StorageError) in try unsafe draft.write(UnsafeRawBufferPointer(values), at: offset) }
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

    /// Gives the file its name, durably, after `complete`.
    package consuming func finish() throws(VectorFileError) {
        try complete()
        try writing { () throws(StorageError) in try draft.publish() }
    }

    /// Completes the header and waits for the disk; all that is left is the name. The values must make whole rows.
    package func complete() throws(VectorFileError) {
        precondition(count % (columns ?? 1) == 0, "the values make whole rows")
        let shape = columns.map { [count / $0, $0] } ?? [count]
        try writing { () throws(StorageError) in
            try draft.write(NpyHeader.encoded(Scalar.fileScalar, shape: shape), at: 0)
            try draft.synchronize()
        }
    }
}

/// Runs `body`, which writes a file, with what fails in words of this layer.
func writing<Result>(_ body: () throws(StorageError) -> Result) throws(VectorFileError) -> Result {
    do {
        return try body()
    } catch {
        switch error.errno {
        case .fileExists, .isDirectory:
            throw VectorFileError(error.path, "it exists and is not a regular file: name another file to write")
        case .noSuchFileOrDirectory:
            throw VectorFileError(
                error.path, "could not create it: there is no such directory; make it first",
                errno: error.errno.rawValue)
        default: throw VectorFileError(error.path, doing: error.action, errno: error.errno.rawValue)
        }
    }
}
