import Allocation
import MappedStorage
import SystemPackage
package import Threading

extension HnswlibIndex {
    /// Reads the elements of `slots`, as they are in the file, one after the other, into a buffer of just that size.
    /// Throws if one has links that it cannot have, wherever `validate` may have been.
    package func readElements(
        _ slots: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
    ) throws(HnswlibFileError) {
        precondition(slots.lowerBound >= 0 && slots.upperBound <= header.count, "the slots must be the file's")
        precondition(buffer.count == slots.count * header.elementBytes, "the buffer has room for just these elements")
        guard let base = buffer.baseAddress, !slots.isEmpty else { return }
        try unsafe elements.read(into: buffer, at: slots.lowerBound * header.elementBytes)
        try unsafe check(UnsafeRawPointer(base), slots)
    }

    /// Reads elements ahead of who goes through all of them, in order, and says how far it is.
    package func readAhead() -> ReadAhead {
        let step = max(1, (4 << 20) / header.elementBytes)
        // Of a file that does not fit into memory nothing stays there anyway, and making room costs time.
        let release: @Sendable (Range<Int>) -> Void = { self.releaseElements($0) }
        return ReadAhead(
            count: header.count, step: step, distance: 4 * step, expect: { self.expectElements($0) },
            release: fileBytes > MemoryBudget.system ? release : nil)
    }

    /// Has the kernel read the elements of `slots` from the disk, for who will read them soon. From any thread.
    private func expectElements(_ slots: Range<Int>) {
        let size = header.elementBytes
        elements.file.expectReading(from: elements.start + slots.lowerBound * size, length: slots.count * size)
    }

    /// Lets the kernel use the memory in which it keeps the elements of `slots`, for who will not read them again soon.
    private func releaseElements(_ slots: Range<Int>) {
        let size = header.elementBytes
        elements.file.releaseCache(from: elements.start + slots.lowerBound * size, length: slots.count * size)
    }

    /// Reads the lengths that the vectors of `slots` had before they were normalised. Returns false when the file has
    /// none. They mean nothing unless the metric is the cosine: Chroma writes what its memory happened to hold.
    package func readLengths(
        _ slots: Range<Int>, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(HnswlibFileError) -> Bool {
        precondition(slots.lowerBound >= 0 && slots.upperBound <= header.count, "the slots must be the file's")
        precondition(buffer.count == slots.count, "the buffer has room for just these lengths")
        guard let lengths else { return false }
        try unsafe lengths.read(into: UnsafeMutableRawBufferPointer(buffer), at: 4 * slots.lowerBound)
        return true
    }

    /// Calls `body` for each slot whose level is above 0, in order, with its level and the words of its lists as in the
    /// file: for each level from 1 on a count and M ids. Reads all of the link area, and throws where it is not as it
    /// must be, except that it does not know the levels of the elements that links lead to.
    package func forEachUpperNode(
        _ body: (_ slot: UInt32, _ level: Int, _ words: UnsafeBufferPointer<UInt32>) throws(HnswlibFileError) -> Void
    ) throws(HnswlibFileError) {
        try unsafe forEachCheckedNode { (slot, level, words, _) throws(HnswlibFileError) in
            try unsafe body(slot, level, words)
        }
    }

    /// The same with where in the link area the words are.
    func forEachCheckedNode(
        progress: (_ bytes: Int) throws(HnswlibFileError) -> Void = { _ in }, _ body: UpperRecords.Body
    ) throws(HnswlibFileError) {
        let (connectivity, count, highest) = (header.connectivity, UInt32(header.count), header.maximumLevel)
        try unsafe lists.forEach(progress: progress) { (slot, level, words, offset) throws(HnswlibFileError) in
            guard level <= highest else {
                throw lists.part.error(
                    "at byte offset \(lists.part.start + offset - 4) element \(slot) has level \(level), but the "
                        + "header says that the highest is \(highest): it is damaged", at: offset - 4)
            }
            for list in 0..<level {
                let first = list * (connectivity + 1)
                // Half a word, as on level 0, and as hnswlib reads it.
                let links = unsafe Int(words[first] & 0xFFFF)
                guard links <= connectivity else {
                    throw lists.part.error(
                        "at byte offset \(lists.part.start + offset + 4 * first) element \(slot) has \(links) links on "
                            + "level \(list + 1), the most is \(connectivity): it is damaged", at: offset + 4 * first)
                }
                for index in 0..<links {
                    let place = first + 1 + index
                    guard unsafe words[place] < count else {
                        let id = unsafe words[place]
                        throw lists.part.error(
                            "at byte offset \(lists.part.start + offset + 4 * place) element \(slot) has a link to "
                                + "element \(id), but there are \(count): it is damaged", at: offset + 4 * place)
                    }
                }
            }
            try unsafe body(slot, level, words, offset)
        }
    }

    /// Throws what is wrong with elements in memory.
    func check(_ bytes: UnsafeRawPointer, _ slots: Range<Int>) throws(HnswlibFileError) {
        let check = ElementCheck(header)
        let bad = unsafe check.firstBad(bytes, slots.count)
        guard bad == slots.count else {
            throw unsafe check.error(
                bytes + bad * header.elementBytes, slot: slots.lowerBound + bad, in: elements)
        }
    }
}
