import FileFormat
import HNSW
import MappedStorage
public import SystemPackage

/// The names in a store's directory.
enum StoreName {
    static let levelZero = "level0", upper = "upper", labels = "labels", lock = "lock"
}

extension VectorStore {
    /// Opens the store at `path`. Reads headers and upper layers only; vectors and links are mapped.
    ///
    /// Throws `notFound`, `notAStore`, `corrupt` or `incompatible` when there is no sound store of a known version, `locked`
    /// when somebody else has it open in a way that excludes this one, `missingDistance` when its metric is a custom one that is
    /// not registered. A missing or damaged `upper` or `labels` is no error: they are made again from the rest, `upper` when
    /// the store is opened (and by a writer in its file), `labels` in memory when a label is first looked up.
    public static func open(at path: FilePath, options: OpenOptions = .init()) throws(StoreError) -> VectorStore {
        try open(at: path, options: options, calls: .system)
    }

    static func open(
        at path: FilePath, options: OpenOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        try checkDirectory(path)
        let fileLock = try lock(path, options.access, calls)
        let file: LevelZeroFile
        do {
            file = try LevelZeroFile.open(
                path.appending(StoreName.levelZero), writable: options.access == .readWrite, calls: calls)
        } catch {
            throw StoreError(error)
        }
        let superblock = file.superblock
        guard let header = file.header else { preconditionFailure("an opened file has a header") }
        let upper = UpperFile.read(
            path.appending(StoreName.upper), header: header, connectivity: superblock.connectivity, calls: calls)
        let contents: StoreContents
        do {
            contents = try StoreContents(
                superblock: superblock, memory: file.memory, segments: file.segments, header: header, upper: upper)
        } catch {
            throw StoreError(error.code, error.message, path: path)
        }
        if upper == nil && header.slotCount > 0 {
            contents.graph.rebuildUpperLayers(threads: teamSize(options.threads, rows: header.slotCount))
            if options.access == .readWrite { try? writeUpper(path, contents.graph.upper, header, calls) }
        }
        let plan = memoryPlan(file.segments, budget: options.memoryBudget ?? MemoryBudget.system)
        for segment in file.segments {
            // What is not in the page cache is read by the row even if all of it would fit: read in large pages, or with
            // the kernel's usual look ahead, the first answers would wait for hundreds of megabytes.
            let isCached = plan == .resident && file.memory.isCached(segment)
            file.memory.advise(isCached ? .resident : .random, segment)
        }
        let labelFile = LabelIndexFile(
            path.appending(StoreName.labels), layout: header.layout, generation: header.graphGeneration, calls: calls)
        return VectorStore(
            path: path, access: options.access, calls: calls, contents: contents, file: file, fileLock: fileLock,
            header: header, searchWidth: max(1, header.searchWidth), plan: plan,
            labels: labelFile.map { .file($0) } ?? .unknown)
    }

    /// Says what is wrong with a path that is no store's.
    private static func checkDirectory(_ path: FilePath) throws(StoreError) {
        switch Directory.kind(of: path) {
        case .missing:
            throw StoreError(
                .notFound, "there is no store here; make one with VectorStore.build or cairn build", path: path)
        case .other:
            throw StoreError(.notAStore, "this is a file; a cairn store is a directory", path: path)
        case .directory:
            guard Directory.kind(of: path.appending(StoreName.levelZero)) == .other else {
                throw StoreError(
                    .notAStore, "this directory is not a cairn store: it has no file 'level0'", path: path)
            }
        }
    }

    private static func lock(
        _ path: FilePath, _ access: OpenOptions.Access, _ calls: SystemCalls
    ) throws(StoreError) -> FileLock? {
        let name = path.appending(StoreName.lock)
        do {
            if access == .readWrite { return try FileLock(name, .exclusive, calls: calls) }
            return try FileLock(name, .shared, calls: calls)
        } catch {
            if error.errno == .wouldBlock {
                let writer = FileLock.lastWriter(name).map { ", last written by process \($0)" } ?? ""
                let advice =
                    access == .readWrite
                    ? "it is open elsewhere\(writer); a store has one writer and no readers beside it: close the others first"
                    : "a writer has it open\(writer); readers share a store with readers only: close the writer first"
                throw StoreError(.locked, advice, path: path, systemError: nil)
            }
            // Nobody can be writing where nobody can write: a store on a read-only medium needs no lock.
            if access == .readOnly && error.errno == .noSuchFileOrDirectory {
                guard (try? File(name, .openOrCreate, calls: calls)) != nil else { return nil }
                return try translating { () throws(StorageError) in try FileLock(name, .shared, calls: calls) }
            }
            throw StoreError(error)
        }
    }

    static func memoryPlan(_ segments: [Geometry.Segment], budget: Int) -> MemoryPlan {
        let end = segments.last?.end ?? 0
        return end <= budget / 10 * 9 ? .resident : .paged
    }

    /// Replaces the file `upper`.
    static func writeUpper(
        _ path: FilePath, _ upper: UpperLayers, _ header: HeaderSlot, _ calls: SystemCalls
    ) throws(StoreError) {
        let name = path.appending(StoreName.upper), temporary = path.appending(StoreName.upper + ".new")
        do throws(StorageError) {
            try? calls.unlink(temporary)
            try UpperFile.write(
                upper, to: temporary, layout: header.layout, generation: header.graphGeneration, calls: calls)
            do throws(Errno) {
                try calls.rename(temporary, name)
            } catch {
                throw StorageError(name, "replace the file", error)
            }
        } catch {
            try? calls.unlink(temporary)
            throw StoreError(error)
        }
    }
}
