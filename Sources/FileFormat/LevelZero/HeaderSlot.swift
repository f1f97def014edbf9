/// The state of a store as of its last checkpoint. Two slots, at offsets 0 and 4096 of `level0`, are written in turn;
/// each is complete in one 512-byte sector, and the valid one of the higher generation is the store's state.
package struct HeaderSlot: Sendable, Hashable {
    package static let magic = Array("CAIRNHDR".utf8)
    package static let offsets = [0, 4096]
    package static let size = 512
    /// The entry point of a store without live or marked vectors.
    package static let noEntryPoint = UInt32.max

    /// One more with every header written; its `headerSlot` says into which slot.
    package var generation: Generation
    package var layout: Identifier
    /// The generation that last changed slots or links: the one that derived files must carry.
    package var graphGeneration: Generation
    /// Slots in use, whatever their state: every id in a link list is below it.
    package var slotCount: Int
    package var segmentCount: Int
    package var entryPoint: UInt32
    /// The entry point's level; -1 when there is none.
    package var maximumLevel: Int
    /// ef: the search width used when a search names none.
    package var searchWidth: Int
    package var liveCount: Int
    package var markedCount: Int
    /// Slots erased or superseded, waiting to be used again.
    package var freeCount: Int
    /// The state of the generator that draws levels (see FORMAT.md, "Levels").
    package var levelState: UInt32
    /// The number of the log file that continues this state; 0 when there is none, because nothing was changed since
    /// the store was built.
    package var logSequence: LogNumber
    /// The salt of that log file; zeros when there is none.
    package var logSalt: Identifier
    /// The number of the last log frame that this state includes. Frames are counted on across log files.
    package var lastFrame: FrameNumber
    /// The number of the last batch that this state includes.
    package var lastBatch: BatchNumber
    /// What codes the store keeps: 0 none, else `CodeFileHeader.kind`.
    package var codes: UInt8
    /// The number of the caller's that the last batch with one was given; 0 before that.
    package var position: UInt64

    package init(
        generation: Generation, layout: Identifier, graphGeneration: Generation, slotCount: Int, segmentCount: Int,
        entryPoint: UInt32, maximumLevel: Int, searchWidth: Int, liveCount: Int, markedCount: Int, freeCount: Int,
        levelState: UInt32, logSequence: LogNumber = 0, logSalt: Identifier = .zeros, lastFrame: FrameNumber = 0,
        lastBatch: BatchNumber = 0, codes: UInt8 = 0, position: UInt64 = 0
    ) {
        self.generation = generation
        self.layout = layout
        self.graphGeneration = graphGeneration
        self.slotCount = slotCount
        self.segmentCount = segmentCount
        self.entryPoint = entryPoint
        self.maximumLevel = maximumLevel
        self.searchWidth = searchWidth
        self.liveCount = liveCount
        self.markedCount = markedCount
        self.freeCount = freeCount
        self.levelState = levelState
        self.logSequence = logSequence
        self.logSalt = logSalt
        self.lastFrame = lastFrame
        self.lastBatch = lastBatch
        self.codes = codes
        self.position = position
    }
}

extension HeaderSlot {
    private enum Offset {
        static let magic = 0, generation = 8, layout = 16, slotCount = 32, segmentCount = 40, entryPoint = 44
        static let maximumLevel = 48, searchWidth = 52, liveCount = 56, markedCount = 64, freeCount = 72
        static let levelState = 80, graphGeneration = 88, logSequence = 96, logSalt = 104, lastFrame = 120
        static let lastBatch = 128, codes = 136, position = 144, checksum = 508
    }

    /// The 512 bytes of the slot.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Self.magic, at: Offset.magic)
        bytes.store(generation.rawValue, at: Offset.generation)
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(UInt64(slotCount), at: Offset.slotCount)
        bytes.store(UInt32(segmentCount), at: Offset.segmentCount)
        bytes.store(entryPoint, at: Offset.entryPoint)
        bytes.store(UInt32(bitPattern: Int32(maximumLevel)), at: Offset.maximumLevel)
        bytes.store(UInt32(searchWidth), at: Offset.searchWidth)
        bytes.store(UInt64(liveCount), at: Offset.liveCount)
        bytes.store(UInt64(markedCount), at: Offset.markedCount)
        bytes.store(UInt64(freeCount), at: Offset.freeCount)
        bytes.store(levelState, at: Offset.levelState)
        bytes.store(graphGeneration.rawValue, at: Offset.graphGeneration)
        bytes.store(logSequence.rawValue, at: Offset.logSequence)
        bytes.store(logSalt.bytes, at: Offset.logSalt)
        bytes.store(lastFrame.rawValue, at: Offset.lastFrame)
        bytes.store(lastBatch.rawValue, at: Offset.lastBatch)
        bytes[Offset.codes] = codes
        bytes.store(position, at: Offset.position)
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    /// Reads one slot, checking it against the superblock.
    package init(decoding bytes: [UInt8], superblock: Superblock) throws(FormatError) {
        precondition(bytes.count == Self.size)
        guard Array(bytes[..<8]) == Self.magic,
            bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum)
        else { throw FormatError(.corrupt, "the header slot's magic or checksum does not match") }
        let slots: UInt64 = bytes.integer(at: Offset.slotCount)
        let live: UInt64 = bytes.integer(at: Offset.liveCount)
        let marked: UInt64 = bytes.integer(at: Offset.markedCount)
        let free: UInt64 = bytes.integer(at: Offset.freeCount)
        let limit = UInt64(Geometry.maximumSlots)
        guard slots <= limit, live <= limit, marked <= limit, free <= limit, live + marked + free == slots else {
            throw FormatError(.corrupt, "the header's counts do not add up")
        }
        self.init(
            generation: Generation(rawValue: bytes.integer(at: Offset.generation)),
            layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.slotCount])),
            graphGeneration: Generation(rawValue: bytes.integer(at: Offset.graphGeneration)),
            slotCount: Int(slots),
            segmentCount: Int(bytes.integer(at: Offset.segmentCount, as: UInt32.self)),
            entryPoint: bytes.integer(at: Offset.entryPoint),
            maximumLevel: Int(Int32(bitPattern: bytes.integer(at: Offset.maximumLevel))),
            searchWidth: Int(bytes.integer(at: Offset.searchWidth, as: UInt32.self)),
            liveCount: Int(live), markedCount: Int(marked), freeCount: Int(free),
            levelState: bytes.integer(at: Offset.levelState),
            logSequence: LogNumber(rawValue: bytes.integer(at: Offset.logSequence)),
            logSalt: Identifier(bytes: Array(bytes[Offset.logSalt..<Offset.lastFrame])),
            lastFrame: FrameNumber(rawValue: bytes.integer(at: Offset.lastFrame)),
            lastBatch: BatchNumber(rawValue: bytes.integer(at: Offset.lastBatch)), codes: bytes[Offset.codes],
            position: bytes.integer(at: Offset.position))
        guard layout == superblock.layout else {
            throw FormatError(.corrupt, "the header belongs to another layout than the superblock")
        }
        let geometry = superblock.geometry
        guard segmentCount <= geometry.maximumSegments, slotCount <= geometry.capacity(segments: segmentCount) else {
            throw FormatError(
                .corrupt, "the header counts more slots (\(slotCount)) than its \(segmentCount) segments hold")
        }
        guard (1...UInt64(Int64.max)).contains(generation.rawValue), (1...generation).contains(graphGeneration),
            Superblock.widthRange.contains(searchWidth), (1...2_147_483_646).contains(levelState)
        else { throw FormatError(.corrupt, "the header's generations, search width or level state are out of range") }
        let number = UInt64(Int64.max)
        guard logSequence.rawValue <= number, lastFrame.rawValue <= number, lastBatch.rawValue <= number,
            logSequence > 0 || logSalt == .zeros
        else {
            throw FormatError(.corrupt, "the header's place in the log is out of range")
        }
        let isEmpty = liveCount + markedCount == 0
        guard (entryPoint == Self.noEntryPoint) == isEmpty, isEmpty || entryPoint < slotCount,
            isEmpty ? maximumLevel == -1 : (0...Geometry.maximumLevel).contains(maximumLevel)
        else { throw FormatError(.corrupt, "the header's entry point or level is out of range") }
    }
}
