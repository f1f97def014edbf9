import Allocation
package import MappedStorage
package import SystemPackage

extension HnswlibIndex {
    /// Writes the index as a file of hnswlib's, with another capacity if one is given, and returns its size: order,
    /// links with what is left behind them, flags and levels stay, what Chroma adds does not. Throws when the index is
    /// not any more what `survey` found. `progress` is told how many of how many elements are done.
    package func copy(
        to path: FilePath, capacity: UInt64? = nil, _ survey: HnswlibSurvey, calls: SystemCalls = .system,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(HnswlibFileError) -> Int {
        var header = header
        header.capacity = capacity ?? header.capacity
        let writer = try HnswlibWriter(path, header: header, calls: calls)
        let size = header.elementBytes, atOnce = max(1, min(header.count, (4 << 20) / size))
        try claimingMemory(for: path, ProcessMemory.expect(atOnce * size))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: atOnce * size, alignment: 64)
        defer { unsafe buffer.deallocate() }
        for first in stride(from: 0, to: header.count, by: atOnce) {
            let slots = first..<min(header.count, first + atOnce)
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<(slots.count * size)])
            try unsafe readElements(slots, into: piece, as: survey)
            try unsafe writer.appendElements(UnsafeRawBufferPointer(piece))
            progress(slots.upperBound, header.count)
        }
        var nodes = 0
        try unsafe forEachUpperNode { (slot, level, words) throws(HnswlibFileError) in
            guard survey.level(Int(slot)) == level else { throw changed() }
            nodes += 1
            try unsafe writer.appendUpperNode(slot, level: level, words: words)
        }
        guard nodes == survey.nodeCount else { throw changed() }
        return try writer.finish()
    }

    /// Reads elements as `readElements` does, and throws if their labels and deletion marks are not any more what
    /// `survey` found.
    package func readElements(
        _ slots: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, as survey: HnswlibSurvey
    ) throws(HnswlibFileError) {
        try unsafe readElements(slots, into: buffer)
        let (size, labelOffset) = (header.elementBytes, header.labelOffset)
        for (index, slot) in slots.enumerated() {
            let element = unsafe UnsafeRawPointer(buffer.baseAddress!) + index * size
            let label = unsafe UInt64(
                littleEndian: element.loadUnaligned(fromByteOffset: labelOffset, as: UInt64.self))
            let isMarked = unsafe element.load(fromByteOffset: 2, as: UInt8.self) & 1 == 1
            guard label == survey.labels[slot], isMarked == survey.isMarked(slot) else { throw changed() }
        }
    }

    private func changed() -> HnswlibFileError {
        HnswlibFileError(path, "it changed while it was read: try again when nobody writes it")
    }
}
