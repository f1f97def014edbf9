import FileFormat
import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A store that is being made: in a directory next to its own, which takes its name when all of it is on the disk; or
/// in an empty directory that has the name already, such as a volume that is mounted there, where `level0` takes its
/// name last.
final class StoreDraft {
    let path: FilePath
    /// Where the files go.
    let directory: Directory
    /// The directory's own name until it gets the store's; nil for one that had the name before.
    private let entry: Directory.Entry?
    /// Held from the first moment to the last; whoever has it owns the directory.
    private var lock: StoreLock?

    /// Where `level0` is until the store is published.
    var levelZero: Directory.Entry { directory[entry == nil ? StoreName.newLevelZero : StoreName.levelZero] }

    /// Takes a directory for this build alone: `path` itself if it is empty, else `path` + ".building". What a dead
    /// process left in it is removed; one that a living process is filling is an error.
    init(for path: FilePath, calls: SystemCalls) throws(StoreError) {
        self.path = path
        (directory, entry, lock) = try UnfinishedFiles.together { () throws(StoreError) in
            let place = DraftPlace(path, calls)
            let taken = Directory.kind(of: path) == .directory ? try place.takeInPlace() : try place.takeBeside()
            do throws(StorageError) {
                // Is here before anything else, and goes when the store has its name: a finished `level0`
                // without it is somebody's store.
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
            let draft = entry ?? directory[StoreName.newLevelZero]
            let name = entry == nil ? StoreName.levelZero : path.lastComponent ?? StoreName.levelZero
            try UnfinishedFiles.publishing(directory.path, as: path) { () throws(StorageError) in
                try draft.rename(to: name, "give the finished store its name")
            }
            try draft.directory.synchronize()
        }
        try? directory[StoreName.unfinished].unlink()
        release()
    }

    /// Removes all traces: of the directory, or of the store if that has its name and only making it durable failed.
    func discard() {
        guard lock != nil else { return }
        UnfinishedFiles.remove(directory.path)
        var name = entry
        if let parent = entry?.directory, let last = path.lastComponent,
            (try? parent[last].leads(to: directory.descriptor)) == true
        {
            name = parent[last]
        }
        DraftPlace.Taken(directory: directory, entry: name, lock: lock).remove()
        release()
    }

    private func release() {
        UnfinishedFiles.remove(directory.path)
        lock = nil
    }
}
