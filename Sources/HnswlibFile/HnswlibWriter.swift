import Allocation
package import MappedStorage
package import SystemPackage

/// Writes an index file as hnswlib does: the header, then all elements in slot order, then the lists above level 0 in
/// slot order. Throws where that is not what the header promises: where it comes from, it may have changed meanwhile.
/// One thread at a time; let go of before `finish`, it leaves nothing.
@safe
package final class HnswlibWriter {
    private let draft: DraftFile
    private let header: HnswlibHeader
    /// Bytes of elements and slots of lists so far.
    private var elementBytes = 0
    private var slots = 0
    private var highest = -1
    private var entryLevel = -1
    /// Where the next bytes go in the file, without those in `buffer`.
    private var end: Int
    /// Records that are not written yet.
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0

    /// Begins a file, which gets its name when it is finished. What is at `path` must be nothing or a regular file.
    package convenience init(
        _ path: FilePath, header: HnswlibHeader, calls: SystemCalls = .system
    ) throws(HnswlibFileError) {
        do throws(StorageError) {
            try self.init(DraftFile(path, calls: calls), header: header)
        } catch {
            throw HnswlibFileError(error)
        }
    }

    /// Begins to write into `draft`, which is still empty.
    package init(_ draft: DraftFile, header: HnswlibHeader) throws(StorageError) {
        self.draft = draft
        self.header = header
        let largest = 4 + HnswlibHeader.highestLevel * header.upperListBytes
        try claiming(draft.path, ProcessMemory.expect(max(1 << 18, largest)))
        unsafe buffer = .allocate(byteCount: max(1 << 18, largest), alignment: 64)
        end = HnswlibHeader.size
        try draft.write(header.encoded(), at: 0)
    }

    deinit { unsafe buffer.deallocate() }

    /// The bytes written so far, what is buffered included.
    package var byteCount: Int { end + filled }

    /// Appends elements of level 0 as they are in the file. Each call is a write, so append many at once.
    package func appendElements(_ bytes: UnsafeRawBufferPointer) throws(HnswlibFileError) {
        precondition(slots == 0, "elements come before lists")
        elementBytes += bytes.count
        try check(elementBytes <= header.count * header.elementBytes, "more elements than the header says")
        try unsafe write(bytes)
    }

    /// Appends the lists of a slot above level 0, `words` as in the file: for each level from 1 on a count and M ids.
    /// Slots ascend; those left out have no lists.
    package func appendUpperNode(
        _ slot: UInt32, level: Int, words: UnsafeBufferPointer<UInt32>
    ) throws(HnswlibFileError) {
        precondition(words.count == level * (header.connectivity + 1), "a count and M ids for each level")
        try check(
            Int(slot) >= slots && Int(slot) < header.count,
            "lists of element \(slot), which come too late or are of none")
        try check(
            (1...HnswlibHeader.highestLevel).contains(level) && level <= header.maximumLevel,
            "an element of level \(level), above the highest that the header says")
        try fill(to: Int(slot))
        let size = 4 * words.count
        if unsafe buffer.count - filled < 4 + size { try flush() }
        let record = unsafe UnsafeMutableRawPointer(buffer.baseAddress!) + filled
        unsafe record.storeBytes(of: UInt32(size).littleEndian, as: UInt32.self)
        unsafe (record + 4).copyMemory(from: words.baseAddress!, byteCount: size)
        filled += 4 + size
        slots += 1
        highest = max(highest, level)
        if slot == header.entryPoint { entryLevel = level }
    }

    /// Completes the file, makes it durable and gives it its name. Returns its size in bytes.
    @discardableResult
    package func finish() throws(HnswlibFileError) -> Int {
        try check(elementBytes == header.count * header.elementBytes, "fewer elements than the header says")
        try fill(to: header.count)
        try flush()
        if header.count > 0 {
            try check(max(highest, 0) == header.maximumLevel, "no element of the highest level that the header says")
            try check(max(entryLevel, 0) == header.maximumLevel, "an entry point that is not of the highest level")
        }
        do {
            try draft.publish()
        } catch {
            throw HnswlibFileError(error)
        }
        return end
    }

    private func check(_ isGood: Bool, _ message: String) throws(HnswlibFileError) {
        guard !isGood else { return }
        throw HnswlibFileError(
            draft.path, "it would get \(message): what it is made of changed meanwhile, or is damaged")
    }

    /// The slots before `slot` have no lists.
    private func fill(to slot: Int) throws(HnswlibFileError) {
        while slots < slot {
            if unsafe buffer.count - filled < 4 { try flush() }
            let bytes = unsafe min((buffer.count - filled) / 4, slot - slots) * 4
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + bytes)])
                .initializeMemory(as: UInt8.self, repeating: 0)
            filled += bytes
            slots += bytes / 4
        }
    }

    private func flush() throws(HnswlibFileError) {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<filled])
        filled = 0
        try unsafe write(bytes)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(HnswlibFileError) {
        do {
            try unsafe draft.write(bytes, at: end)
        } catch {
            throw HnswlibFileError(error)
        }
        end += bytes.count
    }
}
