import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// What a store is to be that is written row by row: everything but the rows.
struct StoreImage {
    var superblock: Superblock
    var searchWidth: Int
    /// What codes it is to have. They are made from the rows, when those are there.
    var codes = VectorStore.Quantization.none
    var levelState: UInt32
    var counts: StoreCounts
    /// The slots that are neither live nor marked, ascending.
    var freeSlots: [UInt32]
    /// nil for a store without live or marked slots.
    var entryPoint: UInt32?
    var maximumLevel: Int
    var upper: UpperLayers
    var labels: SlotsByLabel

    var slotCount: Int { counts.live + counts.marked + counts.free }
}

extension StoreDraft {
    /// Writes all files of the store. `rows` is called for ranges of slots in order, and writes the rows of each.
    /// `origin`: asked for when all are written.
    func write(
        _ image: StoreImage, origin: () -> HnswlibOrigin?,
        rows: (Range<Int>, LevelZeroStream) throws(StoreError) -> Void
    ) throws(StoreError) {
        let layout = image.superblock.layout
        let stream = try translating { () throws(StorageError) in
            try LevelZeroStream(
                levelZero, superblock: image.superblock, slotCount: image.slotCount, unusedSlots: image.freeSlots)
        }
        for first in stride(from: 0, to: image.slotCount, by: stream.rowsAtOnce) {
            try rows(first..<min(first + stream.rowsAtOnce, image.slotCount), stream)
        }
        try translating { () throws(StorageError) in
            _ = try UpperFile.write(
                image.upper, to: directory[StoreName.upper], layout: layout, generation: 1)
            try LabelIndexFile.write(
                directory[StoreName.labels], buckets: image.labels.buckets.buffer, count: image.labels.count,
                layout: layout, generation: 1)
            var superblock = image.superblock
            superblock.origin = origin()
            try stream.finish(
                superblock,
                HeaderSlot(
                    generation: 1, layout: layout, graphGeneration: 1, slotCount: image.slotCount,
                    segmentCount: stream.segmentCount, entryPoint: image.entryPoint ?? HeaderSlot.noEntryPoint,
                    maximumLevel: image.maximumLevel, searchWidth: image.searchWidth, liveCount: image.counts.live,
                    markedCount: image.counts.marked, freeCount: image.counts.free, levelState: image.levelState,
                    codes: image.codes.stored, position: image.counts.position))
        }
    }

    /// Makes the codes of a store whose other files are written.
    func makeCodes(_ codes: VectorStore.Quantization, _ upper: UpperLayers) throws(StoreError) {
        guard codes != .none else { return }
        let file: LevelZeroFile, header: HeaderSlot
        do throws(StoreFileError) {
            let prologue = try LevelZeroFile.readPrologue(levelZero, writable: false)
            header = prologue.header
            guard header.slotCount >= VectorStore.Quantization.leastCount else { return }
            file = try LevelZeroFile.map(
                prologue.file, prologue.superblock, header, slots: header.slotCount, .none)
        } catch {
            throw StoreError(error)
        }
        let contents = try StoreContents(
            superblock: file.superblock, memory: file.memory, segments: file.segments, header: header,
            upper: upper, writesInPlace: false)
        do throws(CheckpointFailure) {
            let place = CodeMaking.Place(directory: directory, header: header)
            _ = try CodeMaking(
                codes, contents, count: header.slotCount, threads: nil, at: place,
                cancellation: CancellationCheck()
            ).run()
        } catch {
            throw error.error
        }
    }
}
