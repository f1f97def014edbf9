import Allocation
import SystemPackage
import Threading

/// What there is in an index, known when all of it has been read.
package struct HnswlibSurvey: Sendable {
    /// The level of each slot, and its deletion mark in the highest bit.
    var levels: [UInt8]
    /// The label of each slot; one may come again.
    package internal(set) var labels: [UInt64] = []
    /// Elements with a level above 0.
    package var nodeCount = 0
    /// Lists above level 0: the sum of all levels.
    package var listCount = 0
    /// Elements that are marked deleted.
    package var markedCount = 0
    /// Lists, of any level, that have a link twice or a link to their own element. hnswlib writes them where it updates
    /// one element while it adds another, and its searches do not notice.
    package var repeatingCount = 0

    /// The level of a slot.
    package func level(_ slot: Int) -> Int { Int(levels[slot] & 0x7f) }

    /// Whether a slot is marked deleted.
    package func isMarked(_ slot: Int) -> Bool { levels[slot] & 0x80 != 0 }
}

extension HnswlibIndex {
    /// Reads everything once, and the lists above level 0 twice, in order and in pieces, and throws what is wrong and
    /// at which offset. Afterwards all that is in the file is known to be in range, for as long as nobody changes it.
    /// `progress` is told how many of how many bytes are done. Memory: nine bytes an element, and a piece.
    package func validate(progress: ((_ done: Int, _ total: Int) throws(HnswlibFileError) -> Void)? = nil)
        throws(HnswlibFileError)
        -> HnswlibSurvey
    {
        try claimingMemory(for: path, ProcessMemory.expect(9 * header.count))
        var survey = HnswlibSurvey(levels: [UInt8](repeating: 0, count: header.count))
        let total = elements.count + lists.part.count
        // The elements come last: they come from the disk while the lists are looked at.
        let ahead = readAhead()
        var done = 0
        try surveyLists(&survey) { (bytes) throws(HnswlibFileError) in
            done += bytes
            try progress?(done, total)
        }
        survey.repeatingCount = try checkLevels(survey.levels)
        try checkElements(&survey) { (bytes) throws(HnswlibFileError) in
            done += bytes
            ahead.advance(to: max(0, done - lists.part.count) / header.elementBytes)
            try progress?(done, total)
        }
        return survey
    }

    /// Finds the levels, and that the header has the highest of them, and the level of its entry point.
    private func surveyLists(_ survey: inout HnswlibSurvey, progress: (Int) throws(HnswlibFileError) -> Void)
        throws(HnswlibFileError)
    {
        var nodes = 0, count = 0, highest = header.count > 0 ? 0 : -1, levels: [UInt8] = []
        swap(&levels, &survey.levels)
        try unsafe forEachCheckedNode(progress: progress) { (slot, level, _, _) throws(HnswlibFileError) in
            levels[Int(slot)] = UInt8(level)
            nodes += 1
            count += level
            highest = max(highest, level)
        }
        guard highest == header.maximumLevel else {
            throw headerError(
                48, "the highest level is \(header.maximumLevel), but no element is above level \(highest)")
        }
        guard header.count == 0 || Int(levels[Int(header.entryPoint)]) == highest else {
            throw headerError(
                52,
                "entry point \(header.entryPoint) has level \(levels[Int(header.entryPoint)]), not the highest, "
                    + "\(highest)")
        }
        swap(&levels, &survey.levels)
        (survey.nodeCount, survey.listCount) = (nodes, count)
    }

    /// A list of a level may lead only to elements that have lists of this level. Returns how many lists repeat a link.
    private func checkLevels(_ levels: [UInt8]) throws(HnswlibFileError) -> Int {
        let connectivity = header.connectivity
        guard header.maximumLevel > 0 else { return 0 }
        var repeating = 0
        try unsafe forEachCheckedNode { (slot, level, words, offset) throws(HnswlibFileError) in
            for list in 0..<level {
                let first = list * (connectivity + 1)
                for place in unsafe (first + 1)..<(first + 1 + Int(words[first] & 0xFFFF)) {
                    let id = unsafe Int(words[place])
                    guard Int(levels[id]) > list else {
                        throw lists.part.error(
                            "at byte offset \(lists.part.start + offset + 4 * place) element \(slot) has a link on level "
                                + "\(list + 1) to element \(id), which has level \(levels[id]): it is damaged",
                            at: offset + 4 * place)
                    }
                }
                if unsafe Self.repeats(UnsafeRawPointer(words.baseAddress! + first), own: slot) { repeating += 1 }
            }
        }
        return repeating
    }

    /// Whether a list (a count, of which half a word counts, then ids) has a link twice, or one to its own element.
    private static func repeats(_ list: UnsafeRawPointer, own: UInt32) -> Bool {
        let count = unsafe Int(list.loadUnaligned(as: UInt32.self) & 0xFFFF)
        guard count <= 64 else {
            var seen: Set<UInt32> = [own]
            return (0..<count).contains { place in
                let id = unsafe list.loadUnaligned(fromByteOffset: 4 + 4 * place, as: UInt32.self)
                return !seen.insert(id).inserted
            }
        }
        var differs = true
        for last in 0..<count {
            let id = unsafe list.loadUnaligned(fromByteOffset: 4 &+ 4 &* last, as: UInt32.self)
            differs = differs && id != own
            // Without a branch in the loop.
            for place in 0..<last {
                let other = unsafe list.loadUnaligned(fromByteOffset: 4 &+ 4 &* place, as: UInt32.self)
                differs = (id != other) && differs
            }
        }
        return !differs
    }

    /// Reads all elements, checks them and notes labels and deletion marks.
    private func checkElements(
        _ survey: inout HnswlibSurvey, progress: (Int) throws(HnswlibFileError) -> Void
    ) throws(HnswlibFileError) {
        guard header.count > 0 else { return }
        let size = header.elementBytes, atOnce = max(1, Self.pieceBytes / size)
        let bufferBytes = min(atOnce, header.count) * size
        try claimingMemory(for: path, ProcessMemory.expect(bufferBytes))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 64)
        defer { unsafe buffer.deallocate() }
        survey.labels = [UInt64](repeating: 0, count: header.count)
        var slot = 0
        while slot < header.count {
            let slots = slot..<min(header.count, slot + atOnce)
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<(slots.count * size)])
            try unsafe elements.read(into: piece, at: slot * size)
            try unsafe check(UnsafeRawPointer(piece.baseAddress!), slots)
            unsafe note(UnsafeRawPointer(piece.baseAddress!), slots, &survey)
            slot = slots.upperBound
            try progress(piece.count)
        }
    }

    /// Enters the labels and deletion marks of elements in memory.
    private func note(_ elements: UnsafeRawPointer, _ slots: Range<Int>, _ survey: inout HnswlibSurvey) {
        let (size, labelOffset) = (header.elementBytes, header.labelOffset)
        var marked = 0, repeating = 0
        unsafe survey.labels.withUnsafeMutableBufferPointer { labels in
            unsafe survey.levels.withUnsafeMutableBufferPointer { levels in
                for slot in slots {
                    let element = unsafe elements + (slot &- slots.lowerBound) &* size
                    unsafe labels[slot] = UInt64(
                        littleEndian: element.loadUnaligned(fromByteOffset: labelOffset, as: UInt64.self))
                    let mark = unsafe element.load(fromByteOffset: 2, as: UInt8.self) & 1
                    unsafe levels[slot] |= mark << 7
                    marked &+= Int(mark)
                    if unsafe Self.repeats(element, own: UInt32(truncatingIfNeeded: slot)) { repeating &+= 1 }
                }
            }
        }
        survey.markedCount += marked
        survey.repeatingCount += repeating
    }

    private static var pieceBytes: Int { 1 << 20 }

    /// An error about a field of the header.
    private func headerError(_ field: Int, _ message: String) -> HnswlibFileError {
        let isFolder = layout == .chromaFolder
        let offset = isFolder ? field + 4 : field
        return HnswlibFileError(
            isFolder ? path.appending("header.bin") : path,
            "byte offset \(offset) of its header: \(message): it is damaged", offset: offset)
    }
}
