import Allocation
package import FileFormat
package import MappedStorage
import SystemPackage

/// Writes the journal of one checkpoint front to back. It says nothing before `finish`: until then the file has the
/// sector of an older journal, or none, which what follows it no longer matches. One thread at a time may use it.
@safe
package final class JournalWriter {
    private static let capacity = 1 << 20

    private let file: File
    private let memory: UnsafeMutableRawBufferPointer
    /// Bytes in memory, which belong at `offset` of the file.
    private var buffered = 0
    private var offset = JournalHeader.extentsOffset
    private var extentCount = 0
    /// Of the extents written out so far.
    private var checksum: UInt32 = 0

    /// Opens the journal at `entry`, or creates it; the name is durable when this returns. The journal of an older
    /// checkpoint there is lost: the caller knows that its checkpoint is complete.
    package init(_ entry: Directory.Entry) throws(StorageError) {
        let start = try unsafe claiming(entry.path, ProcessMemory.allocate(Self.capacity))
        do throws(StorageError) {
            file = try File(entry, .openOrCreate)
            try entry.directory.synchronize()
        } catch {
            unsafe ProcessMemory.release(start)
            throw error
        }
        unsafe memory = UnsafeMutableRawBufferPointer(start: start, count: Self.capacity)
    }

    deinit { if let start = unsafe memory.baseAddress { unsafe ProcessMemory.release(start) } }

    /// Adds that `bytes` are at `offset` of `target`. More than an extent holds becomes several; nothing becomes
    /// none.
    package func append(
        to target: JournalExtent.Target, at offset: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(StorageError) {
        let count = bytes.count
        var done = 0
        while done < count {
            let extent = JournalExtent(
                target: target, offset: offset + done, length: min(count - done, JournalExtent.maximumLength))
            try write(extent.encoded())
            try unsafe write(UnsafeRawBufferPointer(rebasing: bytes[done..<(done + extent.length)]))
            let fill = extent.byteCount - JournalExtent.headerSize - extent.length
            if fill > 0 { try write([UInt8](repeating: 0, count: fill)) }
            extentCount += 1
            done += extent.length
        }
    }

    /// Writes what is in memory. Until `finish` it means nothing, and can be tried again with another writer.
    package func flush() throws(StorageError) {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: memory[..<buffered])
        try unsafe file.write(bytes, at: offset)
        checksum = unsafe Checksum.crc32c(bytes, seed: checksum)
        offset += buffered
        buffered = 0
    }

    /// Writes the rest, then `header`, which is where the checkpoint leads to, then what makes the journal valid, and
    /// syncs: when this returns, the checkpoint can be redone from the journal alone.
    package func finish(_ header: HeaderSlot) throws(StorageError) {
        try flush()
        let slot = header.encoded()
        let body = unsafe slot.withUnsafeBytes { unsafe Checksum.crc32c($0, seed: checksum) }
        let journal = JournalHeader(
            layout: header.layout, generation: header.generation, bodyLength: offset - JournalHeader.size,
            extentCount: extentCount, bodyChecksum: body)
        try file.write(journal.encoded() + slot, at: 0)
        try file.synchronize()
    }

    private func write(_ bytes: [UInt8]) throws(StorageError) {
        let result = unsafe bytes.withUnsafeBytes { (buffer) -> Result<Void, StorageError> in
            Result { () throws(StorageError) in try unsafe write(buffer) }
        }
        try result.get()
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let length = min(bytes.count - done, Self.capacity - buffered)
            let source = unsafe UnsafeRawBufferPointer(rebasing: bytes[done..<(done + length)])
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[buffered...]).copyMemory(from: source)
            buffered += length
            done += length
            if buffered == Self.capacity { try flush() }
        }
    }
}
