import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// Filling a new store by inserting vectors.
extension StoreDraft {
    /// Rows that are read and checked at a time: this many bytes of them, but not more than progress should wait for.
    private static let chunkBytes = 4 << 20, chunkRows = 8192

    /// Inserts every row of `source` and writes all files.
    func fill(
        _ configuration: VectorStore.Configuration, _ source: VectorStore.RowSource, labels: [Label]?,
        options: VectorStore.BuildOptions
    ) throws(StoreError) {
        let superblock = configuration.superblock
        func insertAll(guidedByCodes: Bool) throws(StoreError) -> Filled {
            try self.insertAll(
                of: source, labels, superblock, configuration.quantization, options, guidedByCodes: guidedByCodes)
        }
        var filled: Filled? = try insertAll(guidedByCodes: true)
        if filled?.codesRejected == true {
            // Rare: the sample was not what all of the rows are. Room for one is enough.
            filled = nil
            try? levelZero.unlink()
            filled = try insertAll(guidedByCodes: false)
        }
        guard let filled else { preconditionFailure("a build has a file") }
        let (contents, file, codes) = (filled.contents, filled.file, filled.codes)
        let graph = contents.graph
        let header = HeaderSlot(
            generation: 1, layout: superblock.layout, graphGeneration: 1, slotCount: graph.count,
            segmentCount: contents.segments.count,
            entryPoint: graph.count == 0 ? HeaderSlot.noEntryPoint : graph.entryPoint,
            maximumLevel: graph.maximumLevel, searchWidth: configuration.ef, liveCount: graph.count,
            markedCount: 0, freeCount: 0, levelState: graph.levels.state, codes: configuration.quantization.stored)
        try translating { () throws(StorageError) in
            _ = try UpperFile.write(
                graph.upper, to: directory[StoreName.upper], layout: header.layout, generation: header.graphGeneration)
            _ = try LabelIndexFile.write(
                directory[StoreName.labels], slots: graph.slots, slotCount: graph.count, layout: header.layout,
                generation: header.graphGeneration)
            try codes?.save(directory[StoreName.codes], header)
            try file.writePageTables(contents.segments, slotCount: graph.count, generation: header.generation)
            try file.file.synchronize()
            // Both slots, so that damage to one of them costs nothing.
            try file.write(header)
            var second = header
            second.generation = second.generation.next
            try file.write(second)
        }
    }

    /// A new file with every row of `source`, whose graph is built by codes or by the vectors.
    private struct Filled {
        let contents: StoreContents
        let file: LevelZeroFile
        let codes: StoreCodes?
        /// The codes that the graph was built by lose too much.
        let codesRejected: Bool
    }

    private func insertAll(
        of source: VectorStore.RowSource, _ labels: [Label]?, _ superblock: Superblock,
        _ codes: VectorStore.Quantization,
        _ options: VectorStore.BuildOptions, guidedByCodes: Bool
    ) throws(StoreError) -> Filled {
        let file: LevelZeroFile
        do {
            file = try LevelZeroFile.create(levelZero, superblock: superblock, slots: max(source.count, 1))
        } catch {
            throw StoreError(error)
        }
        let contents = try StoreContents(
            path, superblock: superblock, memory: file.memory, segments: [], writesInPlace: true,
            leastCodedCount: options.leastCodedCount)
        let building = try BuildCodes(codes, source, contents, guidesInsertion: guidedByCodes)
        try insert(source, labels, into: contents, file, building, options)
        let (made, rejected) = try building.finish(threads: options.threads)
        return Filled(contents: contents, file: file, codes: made, codesRejected: rejected)
    }

    private func insert(
        _ source: VectorStore.RowSource, _ labels: [Label]?, into contents: StoreContents, _ file: LevelZeroFile,
        _ building: BuildCodes, _ options: VectorStore.BuildOptions
    ) throws(StoreError) {
        let encoding = contents.encoding, dimensions = encoding.dimensions
        let chunk = max(1, min(Self.chunkRows, Self.chunkBytes / (dimensions * 4)))
        let (elements, scratch) = try takingMemory(
            for: path, (Memory<Float>(chunk * dimensions), Memory<Float>(dimensions)))
        let insertion = Insertion(
            into: contents.graph, threads: VectorStore.teamSize(options.threads, rows: source.count))
        let segments = contents.geometry.layout(segments: contents.geometry.segments(forSlots: source.count))
        let isResident =
            VectorStore.memoryPlan(segments, budget: options.memoryBudget ?? MemoryBudget.system) == .resident
        let cancellation = CancellationCheck()
        for first in stride(from: 0, to: source.count, by: chunk) {
            let range = first..<min(first + chunk, source.count)
            let buffer = unsafe UnsafeMutableBufferPointer(
                start: elements.buffer.base, count: range.count * dimensions)
            try unsafe source.read(range, buffer)
            let rows = try unsafe VectorRows(
                UnsafeBufferPointer(buffer), rows: range.count, encoding: encoding, path: source.path)
            try contents.grow(to: range.upperBound, path: path) { (segment) throws(StorageError) in
                try file.append(segment, isResident: isResident, .shared)
            }
            for (index, row) in range.enumerated() {
                let label = labels?[row] ?? Label(row)
                try rows.check(index, label: label, offset: first, path: source.path)
                unsafe contents.writeRow(UInt32(row), rows[index], label: label, scratch: scratch.buffer)
            }
            try building.write(range)
            let isDone = try takingMemory(for: path) { () throws(OutOfMemory) in
                try insertion.append(range.count, moreToCome: range.upperBound < source.count) {
                    cancellation.isCancelled
                }
            }
            guard isDone else { throw .cancelled }
            building.note(doubted: insertion.takeDoubted(), of: range.count)
            options.progress?(contents.graph.count, source.count)
        }
    }
}
