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
        _ configuration: VectorStore.Configuration, _ source: RowSource, labels: [Label]?,
        options: VectorStore.BuildOptions
    ) throws(StoreError) {
        let superblock = configuration.superblock
        let file: LevelZeroFile
        do {
            file = try LevelZeroFile.create(
                directory.path.appending(StoreName.levelZero), superblock: superblock, slots: max(source.count, 1),
                calls: calls)
        } catch {
            throw StoreError(error)
        }
        let contents = try StoreContents(superblock: superblock, memory: file.memory, segments: [], writesInPlace: true)
        let codes = try insert(source, labels, into: contents, file, configuration.codes, options)
        let graph = contents.graph
        let header = HeaderSlot(
            generation: 1, layout: superblock.layout, graphGeneration: 1, slotCount: graph.count,
            segmentCount: contents.segments.count,
            entryPoint: graph.count == 0 ? HeaderSlot.noEntryPoint : graph.entryPoint,
            maximumLevel: graph.maximumLevel, searchWidth: configuration.searchWidth, liveCount: graph.count,
            markedCount: 0, freeCount: 0, levelState: graph.levels.state, codes: configuration.codes.stored)
        try translating { () throws(StorageError) in
            _ = try UpperFile.write(
                graph.upper, to: directory.path.appending(StoreName.upper), layout: header.layout,
                generation: header.graphGeneration, calls: calls)
            _ = try LabelIndexFile.write(
                directory.path.appending(StoreName.labels), slots: graph.slots, slotCount: graph.count,
                layout: header.layout, generation: header.graphGeneration, calls: calls)
            try codes?.save(directory.path.appending(StoreName.codes), header, calls: calls)
            try file.writePageTables(contents.segments, slotCount: graph.count, generation: header.generation)
            try file.file.synchronize()
            // Both slots, so that damage to one of them costs nothing.
            try file.write(header)
            var second = header
            second.generation += 1
            try file.write(second)
        }
    }

    private func insert(
        _ source: RowSource, _ labels: [Label]?, into contents: StoreContents, _ file: LevelZeroFile, _ kind: Codes,
        _ options: VectorStore.BuildOptions
    ) throws(StoreError) -> StoreCodes? {
        let encoding = contents.encoding, dimensions = encoding.dimensions
        let chunk = max(1, min(Self.chunkRows, Self.chunkBytes / (dimensions * 4)))
        let elements = Memory<Float>(chunk * dimensions), scratch = Memory<Float>(dimensions)
        let insertion = Insertion(
            into: contents.graph, threads: VectorStore.teamSize(options.threads, rows: source.count))
        let segments = contents.geometry.layout(segments: contents.geometry.segments(forSlots: source.count))
        let isResident =
            VectorStore.memoryPlan(segments, budget: options.memoryBudget ?? MemoryBudget.system) == .resident
        var codes: StoreCodes?
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
            codes = try encode(range, of: contents, kind, codes)
            insertion.append(range.count, moreToCome: range.upperBound < source.count)
            options.progress?(contents.graph.count, source.count)
        }
        // The last training may have seen a quarter of the rows.
        if let last = codes, last.model.trainedCount < source.count, source.count < 4 * StoreCodes.settledCount {
            codes = try make(kind, contents, source.count)
        }
        return codes
    }

    /// Encodes rows that are in place, or trains codes on all that are.
    private func encode(
        _ rows: Range<Int>, of contents: StoreContents, _ kind: Codes, _ codes: StoreCodes?
    ) throws(StoreError) -> StoreCodes? {
        guard kind != .none else { return nil }
        if StoreCodes.isDue(codes, count: rows.upperBound) { return try make(kind, contents, rows.upperBound) }
        try translating { () throws(StorageError) in try codes?.write(rows.map { UInt32($0) }) }
        return codes
    }

    private func make(_ kind: Codes, _ contents: StoreContents, _ count: Int) throws(StoreError) -> StoreCodes? {
        guard let kind = kind.kind else { return nil }
        do throws(CheckpointFailure) {
            let codes = try StoreCodes.make(kind, contents, count: count, at: nil)
            contents.graph.setCodes(codes.column)
            return codes
        } catch {
            throw error.error
        }
    }
}
