import Allocation
import FileFormat
import MappedStorage

/// The link area: a record for each slot, which is a 32-bit size and that many bytes of lists, all of one length, level
/// 1 first. Most are of level 0 and nothing but the size. Where a record begins is known when all before it have been
/// read.
struct UpperRecords: Sendable {
    let part: FilePart
    let slots: Int
    let connectivity: Int
    /// Whether the last list must end where the part does.
    let isExact: Bool

    /// The lists of one slot.
    typealias Body = (
        _ slot: UInt32, _ level: Int, _ words: UnsafeBufferPointer<UInt32>, _ offset: Int
    ) throws(HnswlibFileError) -> Void

    private var listBytes: Int { 4 + 4 * connectivity }

    /// Reads all of it once, in pieces, and calls `body` for each slot with lists, in order. `words` are as in the
    /// file, for each level a count and M ids, not checked yet; `offset` is where in the part they are. Sizes are
    /// checked.
    func forEach(progress: (_ bytes: Int) throws(HnswlibFileError) -> Void = { _ in }, _ body: Body)
        throws(HnswlibFileError)
    {
        let largest = 4 + HnswlibHeader.highestLevel * listBytes
        // A multiple of four, as all records are, so that words are aligned wherever a piece begins.
        let bufferBytes = roundUp(min(max(Self.pieceBytes, largest), part.count + 4), to: 64)
        try claimingMemory(for: part.file.path, ProcessMemory.expect(bufferBytes))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 64)
        defer { unsafe buffer.deallocate() }
        let bytes = buffer.baseAddress!
        // The piece in the buffer begins at `origin` of the part and has `filled` bytes, of which `position` are done
        // with.
        var origin = 0, filled = 0, position = 0, slot = 0
        while slot < slots {
            // The rest of the piece: nothing but whole records.
            while slot < slots, position + 4 <= filled {
                let size = unsafe bytes.load(fromByteOffset: position, as: UInt32.self)
                if size == 0 {
                    position += 4
                    slot += 1
                    continue
                }
                let level = try level(ofSize: size, slot: slot, at: origin + position)
                guard position + 4 + Int(size) <= filled else { break }
                let words = unsafe (bytes + position + 4).assumingMemoryBound(to: UInt32.self)
                try unsafe body(
                    UInt32(slot), level, UnsafeBufferPointer(start: words, count: Int(size) / 4), origin + position + 4)
                position += 4 + Int(size)
                slot += 1
            }
            guard slot < slots else { break }
            let left = filled - position
            guard origin + filled < part.count else { throw truncated(slot, at: origin + position) }
            unsafe bytes.copyMemory(from: bytes + position, byteCount: left)
            (origin, filled, position) = (origin + position, left, 0)
            let more = min(buffer.count - left, part.count - origin - left)
            try unsafe part.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[left..<(left + more)]), at: origin + left)
            filled += more
            try progress(more)
        }
        if isExact, origin + position < part.count {
            throw part.error(
                "it goes on after its last link list, from byte offset \(part.start + origin + position) to "
                    + "\(part.end): it is damaged, or something was appended to it", at: origin + position)
        }
    }

    /// Whether sizes and ends are as they must be, whatever the lists hold.
    func isWhole() throws(HnswlibFileError) -> Bool {
        do {
            try unsafe forEach { (_, _, _, _) throws(HnswlibFileError) in }
            return true
        } catch {
            guard error.errno == nil else { throw error }
            return false
        }
    }

    /// Small enough to stay in the second-level cache.
    static let pieceBytes = 1 << 18

    private func level(ofSize size: UInt32, slot: Int, at offset: Int) throws(HnswlibFileError) -> Int {
        let (level, rest) = Int(size).quotientAndRemainder(dividingBy: listBytes)
        guard rest == 0 else {
            throw part.error(
                "at byte offset \(part.start + offset) the link lists of element \(slot) have \(size) bytes, which is "
                    + "no multiple of the \(listBytes) of one list: it is damaged", at: offset)
        }
        guard level <= HnswlibHeader.highestLevel else {
            throw part.error(
                "at byte offset \(part.start + offset) element \(slot) has level \(level), the highest is "
                    + "\(HnswlibHeader.highestLevel): it is damaged", at: offset)
        }
        return level
    }

    private func truncated(_ slot: Int, at offset: Int) -> HnswlibFileError {
        part.error(
            "it ends at byte offset \(part.end), inside the link lists of element \(slot) of \(slots), which begin at "
                + "\(part.start + offset): it was cut off", at: part.count)
    }
}
