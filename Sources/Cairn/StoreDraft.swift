import FileFormat
import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A store that is being made: in a directory next to its own, which takes its name when all of it is on the disk.
final class StoreDraft {
    let path: FilePath
    /// Where the files go.
    let directory: Directory
    /// The directory's own name until it gets the store's.
    private let entry: Directory.Entry
    /// Held from the first moment to the last; whoever has it owns the directory.
    private var lock: StoreLock?

    var levelZero: Directory.Entry { directory[StoreName.levelZero] }

    /// Takes the directory `path` + ".building" for this build alone. What a dead process left in it is removed; one that a
    /// living process is filling is an error.
    init(for path: FilePath, calls: SystemCalls) throws(StoreError) {
        self.path = path
        (directory, entry, lock) = try UnfinishedFiles.together { () throws(StoreError) in
            let taken = try DraftPlace(path, calls).takeBeside()
            do throws(StorageError) {
                // Stands here before anything else does, and goes when the store has its name: a finished `level0` without it
                // is somebody's store.
                _ = try File(taken.directory[StoreName.unfinished], .openOrCreate)
            } catch {
                taken.remove()
                throw StoreError(error)
            }
            taken.watch()
            taken.removeFiles()
            return (taken.directory, taken.entry, taken.lock)
        }
    }

    /// Makes all names durable, and what is in the directory a store.
    func publish() throws(StoreError) {
        try translating { () throws(StorageError) in
            try directory.synchronize()
            let name = path.lastComponent ?? entry.name
            try UnfinishedFiles.publishing(directory.path, as: path) { () throws(StorageError) in
                try entry.rename(to: name, "give the finished store its name")
            }
            try entry.directory.synchronize()
        }
        try? directory[StoreName.unfinished].unlink()
        release()
    }

    /// Removes all traces: of the directory, or of the store if that has its name and only making it durable failed.
    func discard() {
        guard lock != nil else { return }
        UnfinishedFiles.remove(directory.path)
        var name = entry
        if let last = path.lastComponent, (try? entry.directory[last].leads(to: directory.descriptor)) == true {
            name = entry.directory[last]
        }
        DraftPlace.Taken(directory: directory, entry: name, lock: lock).remove()
        release()
    }

    private func release() {
        UnfinishedFiles.remove(directory.path)
        lock = nil
    }
}
