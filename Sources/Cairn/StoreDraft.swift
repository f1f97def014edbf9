import FileFormat
import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A store that is being made: a directory beside the final one, which takes its name when all of it is on the disk.
final class StoreDraft {
    let path: FilePath
    let directory: Directory
    let calls: SystemCalls
    /// Held from the first moment to the last; whoever has it owns the directory.
    private var lock: File?

    /// Takes the directory `path` + ".building" for this build alone. What a dead process left in it is removed; one that a
    /// living process is filling is an error.
    init(for path: FilePath, calls: SystemCalls) throws(StoreError) {
        self.path = path
        self.calls = calls
        directory = Directory(path.appending(suffix: ".building"), calls: calls)
        try UnfinishedFiles.together { () throws(StoreError) in try take() }
    }

    /// Makes the directory, or takes that of a dead process, and locks it.
    private func take() throws(StoreError) {
        let name = directory.path
        var isForeign = false
        do throws(StorageError) {
            // Each further attempt means that another builder has just left.
            for _ in 0..<100 where lock == nil && !isForeign {
                let isNew = try createDirectory()
                if isNew || isOurs { lock = try takeLock(isNew: isNew) } else { isForeign = true }
                if lock != nil && isFinished {
                    isForeign = true
                    release()
                }
            }
        } catch {
            if error.errno == .noSuchFileOrDirectory {
                throw StoreError(.notFound, "the directory to make the store in does not exist", path: path.parent)
            }
            if error.errno != .wouldBlock { throw StoreError(error) }
        }
        guard !isForeign else {
            throw StoreError(
                .alreadyExists,
                "building \(path) needs this name, and what stands here is not an unfinished build; move it away",
                path: name)
        }
        guard lock != nil else { throw StoreError(.locked, "another process is building this store", path: name) }
        do throws(StorageError) {
            // Stands here before anything else does, and goes when the store has its name: a finished `level0` without it is
            // somebody's store.
            _ = try File(directory.path.appending(StoreName.unfinished), .openOrCreate, calls: calls)
        } catch {
            remove(directory)
            release()
            throw StoreError(error)
        }
        UnfinishedFiles.insert(directory: directory.path, names: StoreName.built)
        removeFiles(of: directory)
    }

    /// Whether the directory holds a build's files and no others. One that has just vanished counts as ours.
    private var isOurs: Bool {
        guard !Directory.isSymbolicLink(directory.path) else { return false }
        do throws(StorageError) {
            return try directory.names().allSatisfy(StoreName.built.contains)
        } catch {
            return error.errno == .noSuchFileOrDirectory
        }
    }

    /// Whether the directory is a store, and not what a dead build left.
    private var isFinished: Bool {
        guard Directory.kind(of: directory.path.appending(StoreName.unfinished)) == .missing else { return false }
        let levelZero = directory.path.appending(StoreName.levelZero)
        return (try? LevelZeroFile.open(levelZero, writable: false, calls: .system)) != nil
    }

    /// False if the directory is there already.
    private func createDirectory() throws(StorageError) -> Bool {
        do {
            try directory.create()
            return true
        } catch {
            guard error.errno == .fileExists, Directory.kind(of: directory.path) != .other else { throw error }
            return false
        }
    }

    /// Locks the directory's lock file; nil if that was removed, or is another one, by the time it is locked.
    private func takeLock(isNew: Bool) throws(StorageError) -> File? {
        let name = directory.path.appending(StoreName.lock)
        let file: File
        do {
            file = try File(name, .openOrCreate, calls: calls)
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            if isNew { try? calls.removeDirectory(directory.path) }
            throw error
        }
        do throws(Errno) {
            try calls.lock(file.descriptor, LOCK_EX | LOCK_NB)
        } catch {
            if isNew && error != .wouldBlock { remove(directory) }
            throw StorageError(name, "lock the directory", error)
        }
        return Self.isFile(file, at: name) ? file : nil
    }

    private static func isFile(_ file: File, at path: FilePath) -> Bool {
        var ours = stat(), theirs = stat()
        guard unsafe fstat(file.descriptor, &ours) == 0,
            unsafe path.withPlatformString({ unsafe stat($0, &theirs) }) == 0
        else { return false }
        return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino
    }

    /// Makes the directory's names durable and gives it its final name.
    func publish() throws(StoreError) {
        try translating { () throws(StorageError) in
            try directory.synchronize()
            try directory.publish(as: path)
        }
        try? calls.unlink(path.appending(StoreName.unfinished))
        release()
    }

    /// Removes all traces: of the directory, or of the store if that has its name and only making it durable failed.
    func discard() {
        guard let lock else { return }
        let isNamed = Self.isFile(lock, at: path.appending(StoreName.lock))
        remove(isNamed ? Directory(path, calls: calls) : directory)
        release()
    }

    /// Unlocks before closing: a child process that is being started may have the descriptor too, until it runs its program.
    private func release() {
        UnfinishedFiles.remove(directory.path)
        if let lock { try? calls.lock(lock.descriptor, LOCK_UN) }
        lock = nil
    }

    /// The lock file goes last: as long as it is there, nobody else takes the directory.
    private func remove(_ directory: Directory) {
        removeFiles(of: directory)
        try? calls.unlink(directory.path.appending(StoreName.unfinished))
        try? calls.unlink(directory.path.appending(StoreName.lock))
        try? calls.removeDirectory(directory.path)
    }

    private func removeFiles(of directory: Directory) {
        for name in (try? directory.names()) ?? [] where name != StoreName.lock && name != StoreName.unfinished {
            try? calls.unlink(directory.path.appending(name))
        }
    }
}
