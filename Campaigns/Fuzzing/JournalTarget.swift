import FileFormat
import MappedStorage
import SystemPackage
import WriteAheadLog

/// The reader of journals. The first byte of the input says whether checksums and lengths of the rest are put right.
struct JournalTarget: FuzzTarget {
    private let file = MemoryFile()

    func run(_ input: UnsafeRawBufferPointer) {
        guard let mode = unsafe input.first else { return }
        var bytes = unsafe Array(input[1...])
        if mode & 1 != 0 { Self.seal(&bytes, countsExtents: mode & 2 != 0) }
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe file.holding(buffer) { calls in
                let journal = try? JournalReader.open(
                    Directory("/", calls: calls)["journal"], superblock: FuzzStore.superblock)
                guard let journal = journal ?? nil else { return }
                read(journal, size: buffer.count)
            }
        }
    }

    private func read(_ journal: JournalReader, size: Int) {
        var total = JournalHeader.extentsOffset
        do throws(StoreFileError) {
            try unsafe journal.forEachExtent { (extent, bytes) throws(StoreFileError) in
                precondition(bytes.count == extent.length && extent.length > 0)
                precondition(extent.target == .labels || extent.offset >= Geometry.prologue)
                _ = unsafe Checksum.crc32c(bytes)
                total += extent.byteCount
            }
        } catch {
            fatalError("a journal that was checked cannot be read: \(error)")
        }
        precondition(total <= size)
    }

    /// Makes the header slot valid for the store, and the journal's head fit what follows.
    private static func seal(_ bytes: inout [UInt8], countsExtents: Bool) {
        guard bytes.count >= JournalHeader.extentsOffset else { return }
        let superblock = FuzzStore.superblock, slot = JournalHeader.slotOffset
        bytes.store(HeaderSlot.magic, at: slot)
        bytes.store(superblock.layout.bytes, at: slot + 16)
        Fuzzing.seal(&bytes, from: slot, length: HeaderSlot.size)
        bytes.store(JournalHeader.magic, at: 0)
        bytes.store(JournalHeader.version, at: 8)
        bytes.store(superblock.layout.bytes, at: 16)
        bytes.store(bytes.integer(at: slot + 8, as: UInt64.self), at: 32)
        if countsExtents {
            var offset = JournalHeader.extentsOffset, count: UInt64 = 0
            while offset + JournalExtent.headerSize < bytes.count {
                let length = Int(bytes.integer(at: offset + 4, as: UInt32.self))
                let next = offset + roundUp(JournalExtent.headerSize + length, to: 8)
                guard length > 0, next <= bytes.count else { break }
                offset = next
                count += 1
            }
            bytes.store(UInt64(offset - JournalHeader.size), at: 40)
            bytes.store(count, at: 48)
        }
        let length: UInt64 = bytes.integer(at: 40), end = JournalHeader.size + Int(truncatingIfNeeded: length)
        if length < 1 << 40, end >= JournalHeader.extentsOffset, end <= bytes.count {
            let checksum = unsafe bytes.withUnsafeBytes { buffer in
                let extents = unsafe UnsafeRawBufferPointer(rebasing: buffer[JournalHeader.extentsOffset..<end])
                let header = unsafe UnsafeRawBufferPointer(rebasing: buffer[slot..<JournalHeader.extentsOffset])
                return unsafe Checksum.crc32c(header, seed: Checksum.crc32c(extents))
            }
            bytes.store(checksum, at: 56)
        }
        Fuzzing.seal(&bytes, from: 0, length: JournalHeader.size)
    }
}
