/// The payload of the frame that ends a batch: what the store's header says, as of after the batch.
package struct LogCommit: Sendable, Hashable {
    package static let size = 96

    /// One more with every batch.
    package var batch: BatchNumber
    /// The number of the last frame that was known to be durable when this one was written. A log that ends at or
    /// before it lost what was promised to be kept.
    package var durableFrame: FrameNumber
    /// Frames of the batch, this one included. Whoever seals the batch fills it in.
    package var frameCount: Int
    package var entryPoint: UInt32
    package var maximumLevel: Int
    package var searchWidth: Int
    package var slotCount: Int
    package var liveCount: Int
    package var markedCount: Int
    package var freeCount: Int
    package var levelState: UInt32
    /// A number of the caller's, kept with the batch.
    package var position: UInt64

    package init(
        batch: BatchNumber, durableFrame: FrameNumber, frameCount: Int = 1, entryPoint: UInt32, maximumLevel: Int,
        searchWidth: Int, slotCount: Int, liveCount: Int, markedCount: Int, freeCount: Int, levelState: UInt32,
        position: UInt64 = 0
    ) {
        self.batch = batch
        self.durableFrame = durableFrame
        self.frameCount = frameCount
        self.entryPoint = entryPoint
        self.maximumLevel = maximumLevel
        self.searchWidth = searchWidth
        self.slotCount = slotCount
        self.liveCount = liveCount
        self.markedCount = markedCount
        self.freeCount = freeCount
        self.levelState = levelState
        self.position = position
    }

    private enum Offset {
        static let batch = 0, durableFrame = 8, frameCount = 16, entryPoint = 20, maximumLevel = 24, searchWidth = 28
        static let slotCount = 32, liveCount = 40, markedCount = 48, freeCount = 56, levelState = 64, position = 72
    }

    /// Of a payload, the number of the last durable frame: all that the search for lost frames looks at.
    package static func durableFrame(in payload: UnsafeRawBufferPointer) -> FrameNumber {
        unsafe FrameNumber(rawValue: payload.littleEndian(at: Offset.durableFrame))
    }

    /// The 96 bytes of the payload.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(batch.rawValue, at: Offset.batch)
        bytes.store(durableFrame.rawValue, at: Offset.durableFrame)
        bytes.store(UInt32(frameCount), at: Offset.frameCount)
        bytes.store(entryPoint, at: Offset.entryPoint)
        bytes.store(UInt32(bitPattern: Int32(maximumLevel)), at: Offset.maximumLevel)
        bytes.store(UInt32(searchWidth), at: Offset.searchWidth)
        bytes.store(UInt64(slotCount), at: Offset.slotCount)
        bytes.store(UInt64(liveCount), at: Offset.liveCount)
        bytes.store(UInt64(markedCount), at: Offset.markedCount)
        bytes.store(UInt64(freeCount), at: Offset.freeCount)
        bytes.store(levelState, at: Offset.levelState)
        bytes.store(position, at: Offset.position)
        return bytes
    }

    /// Reads the payload of frame `number`, checking every field. Throws `.corrupt`.
    package init(decoding bytes: [UInt8], number: FrameNumber) throws(FormatError) {
        guard bytes.count == Self.size else { throw FormatError(.corrupt, "the commit is not of a commit's length") }
        let slots: UInt64 = bytes.integer(at: Offset.slotCount)
        let live: UInt64 = bytes.integer(at: Offset.liveCount)
        let marked: UInt64 = bytes.integer(at: Offset.markedCount)
        let free: UInt64 = bytes.integer(at: Offset.freeCount)
        let limit = UInt64(Geometry.maximumSlots)
        guard slots <= limit, live <= limit, marked <= limit, free <= limit, live + marked + free == slots else {
            throw FormatError(.corrupt, "the commit's counts do not add up")
        }
        self.init(
            batch: BatchNumber(rawValue: bytes.integer(at: Offset.batch)),
            durableFrame: FrameNumber(rawValue: bytes.integer(at: Offset.durableFrame)),
            frameCount: Int(bytes.integer(at: Offset.frameCount, as: UInt32.self)),
            entryPoint: bytes.integer(at: Offset.entryPoint),
            maximumLevel: Int(Int32(bitPattern: bytes.integer(at: Offset.maximumLevel))),
            searchWidth: Int(bytes.integer(at: Offset.searchWidth, as: UInt32.self)),
            slotCount: Int(slots), liveCount: Int(live), markedCount: Int(marked), freeCount: Int(free),
            levelState: bytes.integer(at: Offset.levelState), position: bytes.integer(at: Offset.position))
        guard (1...UInt64(Int64.max)).contains(batch.rawValue), durableFrame < number, frameCount >= 1 else {
            throw FormatError(.corrupt, "the commit's batch or frame numbers are out of range")
        }
        guard Superblock.widthRange.contains(searchWidth), (1...2_147_483_646).contains(levelState) else {
            throw FormatError(.corrupt, "the commit's search width or level state is out of range")
        }
        let isEmpty = liveCount + markedCount == 0
        guard (entryPoint == HeaderSlot.noEntryPoint) == isEmpty, isEmpty || entryPoint < slotCount,
            isEmpty ? maximumLevel == -1 : (0...Geometry.maximumLevel).contains(maximumLevel)
        else { throw FormatError(.corrupt, "the commit's entry point or level is out of range") }
    }
}
