import FileFormat
import HNSW
package import MappedStorage
public import SystemPackage

/// The names in a store's directory.
enum StoreName {
    static let levelZero = "level0", upper = "upper", labels = "labels", lock = "lock", log = "log", journal = "journal"
    static let codes = "codes"
    /// An `upper` that was written anew, until a header knows of it.
    static let newUpper = "upper.new"
    /// Codes that were trained anew, until they are whole.
    static let newCodes = "codes.new"
    /// Only in the directory of a build, until that has its name.
    static let unfinished = "unfinished"
    /// What a build makes. The lock goes last: as long as it is there, nobody else takes the directory.
    static let built = [levelZero, upper, labels, codes, newCodes, unfinished, lock]
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

    package static func open(
        at path: FilePath, options: OpenOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        try checkDirectory(path)
        let fileLock = try lock(path, options.access, calls)
        do {
            return try StoreOpening(path, options, calls).open(fileLock)
        } catch {
            throw error.path == nil
                ? StoreError(error.code, error.message, path: path, systemError: error.systemError) : error
        }
    }

    /// Says what is wrong with a path that is no store's.
    private static func checkDirectory(_ path: FilePath) throws(StoreError) {
        switch Directory.kind(of: path) {
        case .missing:
            try checkPermission(path, path)
            throw StoreError(
                .notFound, "there is no store here; make one with VectorStore.create or VectorStore.build", path: path)
        case .other:
            throw StoreError(.notAStore, "this is a file; a cairn store is a directory", path: path)
        case .directory:
            let levelZero = path.appending(StoreName.levelZero)
            guard Directory.kind(of: levelZero) == .other else {
                try checkPermission(levelZero, path)
                throw StoreError(
                    .notAStore, "this directory is not a cairn store: it has no file 'level0'", path: path)
            }
        }
    }

    /// Throws if it is for want of permission that nothing is seen at `name`.
    private static func checkPermission(_ name: FilePath, _ store: FilePath) throws(StoreError) {
        do throws(StorageError) {
            _ = try File(name, .read)
        } catch {
            guard error.errno == .permissionDenied else { return }
            throw StoreError(
                .io, "this user may not look in here; run it as the owner, or have the permissions changed",
                path: store, systemError: error.errno)
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
}
