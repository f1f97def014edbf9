import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// A store that is being made: a directory beside the final one, which takes its name when all of it is on the disk.
final class StoreDraft {
    private let path: FilePath
    private let directory: Directory
    private let calls: SystemCalls
    private var lock: FileLock?

    /// Rows that are read and checked at a time, about.
    private static let chunkBytes = 4 << 20

    /// Creates the directory `path` + ".building". One that a dead process left is removed; one that a living process is
    /// filling is an error.
    init(for path: FilePath, calls: SystemCalls) throws(StoreError) {
        self.path = path
        self.calls = calls
        var name = path
        name.removeLastComponent()
        name.append((path.lastComponent?.string ?? "store") + ".building")
        directory = Directory(name, calls: calls)
        let lockPath = name.appending(StoreName.lock)
        if Directory.kind(of: name) == .directory {
            guard (try? FileLock(lockPath, .exclusive, calls: calls)) != nil else {
                throw StoreError(.locked, "another process is building this store", path: name)
            }
            directory.removeWithFiles()
        }
        do {
            try directory.create()
            lock = try FileLock(lockPath, .exclusive, calls: calls)
        } catch {
            directory.removeWithFiles()
            if error.errno == .noSuchFileOrDirectory {
                throw StoreError(.notFound, "the directory to make the store in does not exist", path: path.parent)
            }
            throw StoreError(error)
        }
    }

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
        let contents = try StoreContents(superblock: superblock, memory: file.memory, segments: [])
        try insert(source, labels, into: contents, file, options)
        let graph = contents.graph
        let header = HeaderSlot(
            generation: 1, layout: superblock.layout, graphGeneration: 1, slotCount: graph.count,
            segmentCount: contents.segments.count,
            entryPoint: graph.count == 0 ? HeaderSlot.noEntryPoint : graph.entryPoint,
            maximumLevel: graph.maximumLevel, searchWidth: configuration.searchWidth, liveCount: graph.count,
            markedCount: 0, freeCount: 0, levelState: graph.levels.state)
        try translating { () throws(StorageError) in
            try UpperFile.write(
                graph.upper, to: directory.path.appending(StoreName.upper), layout: header.layout,
                generation: header.graphGeneration, calls: calls)
            _ = try LabelIndexFile.write(
                directory.path.appending(StoreName.labels), columns: contents.columns, slotCount: graph.count,
                layout: header.layout, generation: header.graphGeneration, calls: calls)
            try file.writePageTables(contents.segments, slotCount: graph.count, generation: header.generation)
            try file.file.synchronize()
            try file.write(header)
        }
    }

    private func insert(
        _ source: RowSource, _ labels: [Label]?, into contents: StoreContents, _ file: LevelZeroFile,
        _ options: VectorStore.BuildOptions
    ) throws(StoreError) {
        let encoding = contents.encoding, dimensions = encoding.dimensions
        let chunk = max(1, Self.chunkBytes / (dimensions * 4))
        let elements = Memory<Float>(chunk * dimensions), scratch = Memory<Float>(dimensions)
        let insertion = Insertion(into: contents.graph, threads: options.threads ?? MemoryBudget.processors)
        for first in stride(from: 0, to: source.count, by: chunk) {
            let range = first..<min(first + chunk, source.count)
            let buffer = unsafe UnsafeMutableBufferPointer(
                start: elements.buffer.base, count: range.count * dimensions)
            try unsafe source.read(range, buffer)
            let rows = try unsafe VectorRows(
                UnsafeBufferPointer(buffer), rows: range.count, encoding: encoding, path: source.path)
            try contents.grow(to: range.upperBound, path: path) { (segment) throws(StorageError) in
                try file.append(segment)
            }
            for (index, row) in range.enumerated() {
                let label = labels?[row] ?? Label(row)
                try rows.check(index, label: label, offset: first, path: source.path)
                unsafe contents.writeRow(UInt32(row), rows[index], label: label, scratch: scratch.buffer)
            }
            insertion.append(range.count, moreToCome: range.upperBound < source.count)
            options.progress?(contents.graph.count, source.count)
        }
    }

    /// Makes the directory's names durable and gives it its final name.
    func publish() throws(StoreError) {
        try translating { () throws(StorageError) in
            try directory.synchronize()
            try directory.publish(as: path)
        }
        lock = nil
    }

    /// Removes all traces.
    func discard() {
        directory.removeWithFiles()
        lock = nil
    }
}
