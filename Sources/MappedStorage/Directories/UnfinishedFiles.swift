package import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What this process is making under names of its own and has not finished, so that a program that is interrupted can
/// remove it. Nothing gets in that this process did not make, and all is removed by the descriptors of directories:
/// whatever has their names by then, nobody else's files are touched.
package enum UnfinishedFiles {
    private struct Entry {
        /// The name of a file, or of the directory that goes when it is empty; nil for a directory that stays.
        var entry: Directory.Entry?
        /// A directory, and the names that may be in it.
        var contents: Directory?
        var names: [FilePath.Component] = []
    }

    private struct State {
        var entries: [FilePath: Entry] = [:]
        /// Final names of directories that are to be removed when they were used.
        var temporary: Set<FilePath> = []
        var publishing = 0
        var isSealed = false
        var hasPublished = false
    }

    private static let state = Guarded(State())

    /// A file that this process has just created.
    package static func insert(_ file: Directory.Entry) {
        state.withLock { $0.entries[file.path] = Entry(entry: file) }
    }

    /// A directory that belongs to this process alone, and the names in it that are this process's, in the order in
    /// which they are to be removed. `entry`: its own name; nil if the directory is to stay.
    package static func insert(_ directory: Directory, at entry: Directory.Entry?, names: [FilePath.Component]) {
        let unfinished = Entry(entry: entry, contents: directory, names: names)
        state.withLock { $0.entries[directory.path] = unfinished }
    }

    /// It is gone, or somebody else's by now.
    package static func remove(_ path: FilePath) { state.withLock { _ = $0.entries.removeValue(forKey: path) } }

    /// The directory that gets this name is not finished by that: it is removed by `discard`, or when the program is
    /// interrupted.
    package static func expectTemporary(_ path: FilePath) { state.withLock { _ = $0.temporary.insert(path) } }

    /// Removes such a directory, if one that is known here got the name.
    package static func discard(_ path: FilePath) {
        let entry = state.withLock { state in
            state.temporary.remove(path)
            return state.entries.removeValue(forKey: path)
        }
        if let entry { removeFromDisk(entry) }
    }

    /// Runs `body`, which gives what is at `path` the name `destination`. Does not return when the program is being
    /// ended.
    package static func publishing<E>(
        _ path: FilePath, as destination: FilePath, _ body: () throws(E) -> Void
    ) throws(E) {
        try together { () throws(E) in
            try body()
            state.withLock { state in
                let entry = state.entries.removeValue(forKey: path)
                guard state.temporary.contains(destination), var entry else {
                    state.hasPublished = true
                    return
                }
                if let name = destination.lastComponent { entry.entry = entry.entry?.directory[name] }
                state.entries[destination] = entry
            }
        }
    }

    /// Runs `body`, in which something is made and gets in here, or several names are given: an interruption comes
    /// before or after all of it. It should not take long.
    package static func together<Result, E>(_ body: () throws(E) -> Result) throws(E) -> Result {
        let mayBegin = state.withLock { state in
            // One within another goes on: the first one is waited for.
            guard !state.isSealed || state.publishing > 0 else { return false }
            state.publishing += 1
            return true
        }
        // Nothing may appear after it was said that nothing was written.
        while !mayBegin { pause() }
        defer { state.withLock { $0.publishing -= 1 } }
        return try body()
    }

    /// Removes everything, and lets nothing be finished any more: for a program that is about to end. Returns whether
    /// something was finished before.
    package static func removeAll() -> Bool {
        state.withLock { $0.isSealed = true }
        while state.withLock({ $0.publishing > 0 }) { usleep(100) }
        let (entries, hasPublished) = state.withLock { ($0.entries, $0.hasPublished) }
        for entry in entries.values { removeFromDisk(entry) }
        return hasPublished
    }

    private static func removeFromDisk(_ unfinished: Entry) {
        guard let contents = unfinished.contents else {
            try? unfinished.entry?.unlink()
            return
        }
        // Another thread may just be creating one of the files.
        for _ in 0..<100 {
            for name in unfinished.names { try? contents[name].unlink() }
            guard let entry = unfinished.entry else { return }
            do throws(StorageError) {
                return try entry.removeDirectory()
            } catch {
                guard error.errno == .directoryNotEmpty else { return }
            }
            usleep(1000)
        }
    }
}
