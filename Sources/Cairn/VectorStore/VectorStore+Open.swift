import FileFormat
import HNSW
import MappedStorage
public import SystemPackage

extension VectorStore {
    /// Opens a store for reading.
    ///
    /// Any number of handles may read a store at a time, as long as none has it open for writing. Opening reads headers
    /// and the upper layers. Vectors and links are mapped, and are read when a search needs them.
    ///
    /// If the derived file `upper` is missing or damaged, it is made again when the store is opened. If `labels` is, it
    /// is made again in memory when a label is first looked up. Opening for writing also writes `upper` to its file.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    /// - Returns: The store, open for reading.
    /// - Throws: ``StoreError``: `notFound`, `notAStore`, `corrupt` or `incompatible` if there is no sound store of a
    ///   known version; `locked` if another handle has it open for writing; `missingDistance` if its metric is a custom
    ///   one that is not registered; `full` or `io` if the system or the disk fails.
    /// - Complexity: O(upper layers), about 5 bytes for each vector, and the changes that a crash left in the log: at
    ///   most about a second for each 64 MiB.
    public static func open(at path: FilePath, options: OpenOptions = .init()) throws(StoreError) -> VectorStore {
        try open(at: path, options: options, calls: .system)
    }

    /// Opens a store for searches and changes.
    ///
    /// No other handle may have the store open until this one is closed, not even for reading.
    ///
    /// If the derived file `upper` is missing or damaged, it is made again when the store is opened, and written to its
    /// file. If `labels` is, it is made again in memory when a label is first looked up, and the next checkpoint writes
    /// it.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - options: The durability of changes, the limits of log and memory, the threads to use, and what to do about a
    ///     damaged log.
    /// - Returns: The store, open for writing.
    /// - Throws: ``StoreError``: `locked` if another handle has it open for reading or writing; `notFound`,
    ///   `notAStore`, `corrupt` or `incompatible` if there is no sound store of a known version; `missingDistance` if
    ///   its metric is a custom one that is not registered; `full` or `io` if the system or the disk fails.
    /// - Complexity: O(upper layers), about 5 bytes for each vector, and the changes that a crash left in the log: at
    ///   most about a second for each 64 MiB.
    public static func openForWriting(
        at path: FilePath, options: OpenOptions = .init()
    ) throws(StoreError) -> VectorStore {
        var options = options
        options.access = .readWrite
        return try open(at: path, options: options, calls: .system)
    }

    /// Opens a store with the access that the options say. See ``open(at:options:)``.
    static func open(
        at path: FilePath, options: OpenOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        let directory = try directory(path, calls)
        let storeLock = try lock(directory, options.access)
        do {
            return try StoreOpening(directory, options).open(storeLock)
        } catch {
            throw error.path == nil ? error.at(path) : error
        }
    }

    /// The directory of the store at `path`, to which all names belong from here on. Says what is wrong with a path
    /// that is no store's.
    private static func directory(_ path: FilePath, _ calls: SystemCalls) throws(StoreError) -> Directory {
        let directory: Directory
        let levelZero: FileStatus?
        do throws(StorageError) {
            directory = try Directory(path, like: StoreName.levelZero, calls: calls)
            levelZero = try directory[StoreName.levelZero].status()
        } catch {
            switch error.errno {
            case .noSuchFileOrDirectory:
                throw StoreError(
                    .notFound, "there is no store here",
                    remedy: "make one with VectorStore.create or VectorStore.build",
                    path: path)
            case .notDirectory:
                throw StoreError(.notAStore, "this is a file; a cairn store is a directory", path: path)
            case .permissionDenied:
                throw StoreError(
                    .io, "this user may not look in here",
                    remedy: "run it as the owner, or have the permissions changed",
                    path: path, systemError: error.errno)
            default: throw StoreError(error)
            }
        }
        guard let levelZero, levelZero.kind != .directory else {
            throw StoreError(.notAStore, "this directory is not a cairn store: it has no file 'level0'", path: path)
        }
        return directory
    }

    private static func lock(
        _ directory: Directory, _ access: OpenOptions.Access
    ) throws(StoreError) -> StoreLock {
        let entry = directory[StoreName.lock]
        do {
            let lock = try StoreLock(entry, access == .readWrite ? .exclusive : .shared)
            if access == .readWrite { lock.sign() }
            return lock
        } catch {
            guard error.errno == .wouldBlock else { throw StoreError(error) }
            let writer = StoreLock.lastWriter(entry).map { ", last written by process \($0)" } ?? ""
            throw access == .readWrite
                ? StoreError(
                    .locked,
                    "it is open elsewhere\(writer)",
                    remedy: "a store has either one writer or any number of readers: close the others first",
                    path: directory.path)
                : StoreError(
                    .locked, "a writer has it open\(writer)",
                    remedy: "readers share a store with readers only: close the writer first", path: directory.path)
        }
    }

    /// The plan for a store whose data file has these segments. `quantizedBytes`: what its quantized vectors and link
    /// lists take in memory; nil for a store without quantization.
    static func memoryPlan(_ segments: [Geometry.Segment], budget: Int, quantizedBytes: Int? = nil) -> MemoryPlan {
        let end = segments.last?.end ?? 0
        if end + (quantizedBytes ?? 0) / 2 <= budget / 10 * 9 { return .resident }
        // The rest is for what searches read and for what they keep.
        if let quantizedBytes, quantizedBytes <= budget / 10 * 8 { return .quantizedResident }
        return .paged
    }
}
