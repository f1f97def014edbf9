import Allocation
import FileFormat
import HNSW
import MappedStorage

/// Puts vectors and norms of new rows where searches find them: into the file, which is mapped for reading, or into
/// memory. No durable state refers to their slots yet, so nothing is lost if that stops halfway.
@safe
final class RowWriter {
    private let contents: StoreContents
    /// nil: the columns are this process's own memory.
    private let file: LevelZeroFile?
    private let scratch: Memory<Float>
    /// Rows of consecutive slots that are written together.
    private let rows: Memory<UInt64>
    private var norms: [Float] = []
    private var run: Range<UInt32> = 0..<0
    private let rowBytes: Int
    private let limit: Int

    /// `rows`: how many there will be at the most.
    init(_ contents: StoreContents, file: LevelZeroFile?, rows count: Int = .max) throws(OutOfMemory) {
        self.contents = contents
        self.file = file
        scratch = try Memory(contents.encoding.dimensions)
        rowBytes = contents.encoding.rowBytes
        limit = max(1, min((256 << 10) / rowBytes, count))
        rows = try Memory(limit * rowBytes / 8)
    }

    /// Writes the vector, which has no problem, into `slot`, at the latest with `flush`.
    func write(_ vector: UnsafeBufferPointer<Float>, to slot: UInt32) throws(StorageError) {
        try unsafe write(slot) { row in unsafe contents.encoding.encode(vector, row: row, scratch: scratch.buffer) }
    }

    /// Writes a row as it is stored, without fill, and its norm into `slot`, at the latest with `flush`: what the log
    /// has.
    func write(stored bytes: UnsafeRawBufferPointer, norm: Float, to slot: UInt32) throws(StorageError) {
        try unsafe write(slot) { row in
            unsafe row.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            return norm
        }
    }

    /// Copies the vector of another slot into `slot`, bit by bit, at the latest with `flush`.
    func copy(_ source: UInt32, to slot: UInt32) throws(StorageError) {
        let columns = contents.columns
        let norm = unsafe columns.norms.map { unsafe $0[Int(source)] } ?? 1
        try unsafe write(
            stored: UnsafeRawBufferPointer(start: columns.vector(source), count: rowBytes), norm: norm, to: slot)
    }

    private func write(_ slot: UInt32, _ fill: (UnsafeMutableRawPointer) -> Float) throws(StorageError) {
        guard file != nil else {
            let row = unsafe contents.columns.vector(slot)
            // A crash may have left anything in a row that no state refers to.
            unsafe row.initializeMemory(as: UInt8.self, repeating: 0, count: rowBytes)
            let norm = unsafe fill(row)
            if let norms = unsafe contents.columns.norms { unsafe norms[Int(slot)] = norm }
            return
        }
        if run.isEmpty || run.upperBound != slot || run.count == limit {
            try flush()
            run = slot..<slot
        }
        let row = unsafe UnsafeMutableRawPointer(rows.buffer.base) + run.count * rowBytes
        unsafe row.initializeMemory(as: UInt8.self, repeating: 0, count: rowBytes)
        norms.append(unsafe fill(row))
        run = run.lowerBound..<slot + 1
    }

    /// Writes what is left.
    func flush() throws(StorageError) {
        guard let file, !run.isEmpty else { return }
        let bytes = unsafe UnsafeRawBufferPointer(start: rows.buffer.base, count: run.count * rowBytes)
        try unsafe write(bytes, .vectors, Int(run.lowerBound) * rowBytes, file)
        if unsafe contents.columns.norms != nil {
            let norms = norms
            let result = unsafe norms.withUnsafeBytes { bytes in
                Result { () throws(StorageError) in
                    try unsafe write(bytes, .norms, Int(run.lowerBound) * 4, file)
                }
            }
            try result.get()
        }
        norms.removeAll(keepingCapacity: true)
        run = 0..<0
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer, _ column: Geometry.Column, _ offset: Int, _ file: LevelZeroFile
    ) throws(StorageError) {
        for stretch in contents.places.stretches(column, offset..<offset + bytes.count) {
            let part = unsafe UnsafeRawBufferPointer(
                rebasing: bytes[stretch.start..<stretch.start + stretch.length])
            try unsafe file.file.write(part, at: stretch.fileOffset)
        }
    }
}
