package import MappedStorage
package import SystemPackage

/// A vector file that is being written, row after row, in memory that does not depend on their number. It takes its
/// name in `finish`; let go of before that, nothing is left of it, and what had its name stays. One thread at a
/// time.
@safe
package final class VectorFileWriter {
    package let format: VectorFileFormat
    package let scalar: VectorFileScalar
    package let dimensions: Int
    /// Rows appended so far.
    package private(set) var rows = 0
    /// Where the file will be.
    package let path: FilePath
    /// Nil for a trial.
    private let draft: DraftFile?
    /// Encoded rows on their way to the file.
    private let buffer: UnsafeMutableRawBufferPointer

    /// Bytes of the file so far, its header included.
    package var byteCount: Int { format.headerLength + rows * rowBytes }

    private var rowPrefix: Int { format.rowPrefix }
    private var rowBytes: Int { rowPrefix + dimensions * scalar.size }
    /// Small enough to stay in the second-level cache between the conversion and the write.
    private static let bufferBytes = 262_144

    /// Begins a file. `scalar`: what .npy stores; the other formats say it themselves (nil, or what they say). What
    /// is at `path` must be nothing or a regular file. Throws for dimensions outside 1...65,536, too. `isTrial`:
    /// throw what would be thrown for the rows that are appended, and write nothing.
    package init(
        _ path: FilePath, format: VectorFileFormat, scalar: VectorFileScalar? = nil, dimensions: Int,
        isTrial: Bool = false, calls: SystemCalls = .system
    ) throws(VectorFileError) {
        guard let held = format.fixedScalar ?? scalar else {
            throw VectorFileError(path, "the type of its values is not given: name one")
        }
        guard scalar ?? held == held else {
            throw VectorFileError(path, "a .\(format) file holds \(held.name): write .npy for another type")
        }
        guard (1...VectorFile.maximumDimensions).contains(dimensions) else {
            throw VectorFileError(
                path, "rows of \(dimensions) dimensions cannot be written: 1 to \(VectorFile.maximumDimensions) can")
        }
        self.format = format
        self.scalar = held
        self.dimensions = dimensions
        self.path = path
        draft = isTrial ? nil : try writing { () throws(StorageError) in try DraftFile(path, calls: calls) }
        let rowBytes = format.rowPrefix + dimensions * held.size
        let bufferBytes = max(1, Self.bufferBytes / rowBytes) * rowBytes
        try expectMemory(bufferBytes, for: path)
        unsafe buffer = .allocate(byteCount: bufferBytes, alignment: 64)
    }

    deinit { unsafe buffer.deallocate() }

    /// Appends rows, which come one after the other and are whole. Throws where the file's type cannot hold a value:
    /// one of integers takes whole numbers in its range, f16 what rounds to a finite number. After an error let go of
    /// it.
    package func append(_ values: UnsafeBufferPointer<Float>) throws(VectorFileError) {
        let encoding = ComponentEncoding(scalar: scalar)
        try unsafe appendRows(of: values.count) { (range, target) in
            guard let failed = unsafe encoding.encode(UnsafeBufferPointer(rebasing: values[range]), to: target)
            else { return nil }
            return unsafe (failed, "\(values[range.lowerBound + failed])")
        }
    }

    /// Appends rows of whole numbers to a file of integers: exactly, also where they have more than 24 bits.
    package func append(_ values: [Int64]) throws(VectorFileError) { try appendExactly(values) }

    /// The same for numbers that may be above 2^63 - 1.
    package func append(_ values: [UInt64]) throws(VectorFileError) { try appendExactly(values) }

    private func appendExactly<Value: FixedWidthInteger>(_ values: [Value]) throws(VectorFileError) {
        let encoding = ComponentEncoding(scalar: scalar)
        try unsafe appendRows(of: values.count) { (range, target) in
            guard let failed = unsafe encoding.encode(values[range], to: target) else { return nil }
            return (failed, "\(values[range.lowerBound + failed])")
        }
    }

    /// Gives the file its name, durably, after `complete`.
    package func finish() throws(VectorFileError) {
        try complete()
        try writing { () throws(StorageError) in try draft?.publish() }
    }

    /// Completes the header and waits for the disk; all that is left is the name. Throws where the format cannot say
    /// that there are no rows.
    package func complete() throws(VectorFileError) {
        guard rows > 0 || rowPrefix == 0 else {
            throw VectorFileError(path, "there are no rows, which a .\(format) file cannot say: write .npy")
        }
        let header: [UInt8]
        switch format {
        case .npy: header = NpyHeader.encoded(scalar, shape: [rows, dimensions])
        case .fbin, .u8bin, .i8bin, .ibin: header = Self.bytes(of: rows) + Self.bytes(of: dimensions)
        case .fvecs, .bvecs, .ivecs: header = []
        }
        try writing { () throws(StorageError) in
            try draft?.write(header, at: 0)
            try draft?.synchronize()
        }
    }

    /// Appends the rows of so many values, a bufferful at a time. `encode` puts a range of them where it is told to; it
    /// returns the place in that range of one that does not fit, and how it is written.
    private func appendRows(
        of count: Int, _ encode: (Range<Int>, UnsafeMutableRawPointer) -> (Int, String)?
    ) throws(VectorFileError) {
        precondition(count % dimensions == 0, "the values make whole rows")
        guard format.maximumRows - rows >= count / dimensions else {
            throw VectorFileError(
                path, "a .\(format) file has at most \(format.maximumRows) rows: write .npy, or several files")
        }
        let start = unsafe buffer.baseAddress!, prefix = Self.bytes(of: dimensions), firstRow = rows
        // Where nothing is between them, rows are encoded together.
        let run = rowPrefix == 0 ? unsafe buffer.count / rowBytes : 1
        var done = 0
        while done < count {
            var filled = 0
            while unsafe filled < buffer.count, done < count {
                for index in 0..<rowPrefix { unsafe buffer[filled + index] = prefix[index] }
                let range = done..<min(count, done + run * dimensions)
                if let (failed, value) = unsafe encode(range, start + filled + rowPrefix) {
                    let place = (done + failed).quotientAndRemainder(dividingBy: dimensions)
                    throw VectorFileError(
                        path,
                        "row \(firstRow + place.quotient) has \(value) at component \(place.remainder), both counted from 0: "
                            + scalar.advice)
                }
                filled += rowPrefix + range.count * scalar.size
                done = range.upperBound
            }
            let offset = byteCount
            try writing { () throws(StorageError) in
                try unsafe draft?.write(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), at: offset)
            }
            rows += filled / rowBytes
        }
    }

    /// A number as a little-endian u32.
    private static func bytes(of number: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}

extension VectorFileFormat {
    /// Bytes before row 0 of a file that is written.
    fileprivate var headerLength: Int {
        switch self {
        case .npy: NpyHeader.writtenLength
        case .fvecs, .bvecs, .ivecs: 0
        case .fbin, .u8bin, .i8bin, .ibin: 8
        }
    }

    /// The most rows a file can have.
    fileprivate var maximumRows: Int {
        switch self {
        case .npy, .fvecs, .bvecs, .ivecs: .max
        case .fbin, .u8bin, .i8bin, .ibin: Int(UInt32.max)
        }
    }
}
