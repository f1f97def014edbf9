import Synchronization
package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What this process is making under names of its own and has not finished, so that a program that is interrupted can remove
/// it. Nothing gets in that this process did not make, and directories are emptied by their descriptors: whatever stands at
/// their names by then, nobody else's files are touched.
package enum UnfinishedFiles {
    /// A directory, open, and the names that may be in it. A file has neither.
    private struct Entry {
        var descriptor: Int32 = -1
        var names: [String] = []
    }

    private struct State {
        var entries: [FilePath: Entry] = [:]
        /// Final names of directories that are to be removed when they were used.
        var temporary: Set<FilePath> = []
        var publishing = 0
        var isSealed = false
        var hasPublished = false
    }

    private static let state = Mutex(State())

    /// A file that this process has just created.
    package static func insert(file path: FilePath) { state.withLock { $0.entries[path] = Entry() } }

    /// A directory that belongs to this process alone, and the names in it that are this process's, in the order in which they
    /// are to be removed.
    package static func insert(directory path: FilePath, names: [String]) {
        let descriptor = unsafe path.withPlatformString {
            unsafe open($0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard descriptor >= 0 else { return }
        let old = state.withLock { $0.entries.updateValue(Entry(descriptor: descriptor, names: names), forKey: path) }
        close(old)
    }

    /// It is gone, or somebody else's by now.
    package static func remove(_ path: FilePath) { close(state.withLock { $0.entries.removeValue(forKey: path) }) }

    /// The directory that gets this name is not finished by that: it is removed by `discard`, or when the program is interrupted.
    package static func expectTemporary(_ path: FilePath) { state.withLock { _ = $0.temporary.insert(path) } }

    /// Removes such a directory, if one that is known here got the name.
    package static func discard(_ path: FilePath) {
        let entry = state.withLock { state in
            state.temporary.remove(path)
            return state.entries.removeValue(forKey: path)
        }
        guard let entry else { return }
        removeFromDisk(path, entry)
        close(entry)
    }

    /// Runs `body`, which gives what stands at `path` the name `destination`. Does not return when the program is being ended.
    package static func publishing<E>(
        _ path: FilePath, as destination: FilePath, _ body: () throws(E) -> Void
    ) throws(E) {
        try together { () throws(E) in
            try body()
            let finished = state.withLock { state -> Entry? in
                let entry = state.entries.removeValue(forKey: path)
                guard state.temporary.contains(destination), entry != nil else {
                    state.hasPublished = true
                    return entry
                }
                state.entries[destination] = entry
                return nil
            }
            close(finished)
        }
    }

    /// Runs `body`, in which something is made and gets in here, or several names are given: an interruption comes before or after
    /// all of it. It should not take long.
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

    /// Removes everything, and lets nothing be finished any more: for a program that is about to end. Returns whether something
    /// was finished before.
    package static func removeAll() -> Bool {
        state.withLock { $0.isSealed = true }
        while state.withLock({ $0.publishing > 0 }) { usleep(100) }
        let (entries, hasPublished) = state.withLock { ($0.entries, $0.hasPublished) }
        for (path, entry) in entries { removeFromDisk(path, entry) }
        return hasPublished
    }

    private static func removeFromDisk(_ path: FilePath, _ entry: Entry) {
        guard entry.descriptor >= 0 else {
            _ = unsafe path.withPlatformString { unsafe unlink($0) }
            return
        }
        // Another thread may just be creating one of the files.
        for _ in 0..<100 {
            for name in entry.names { _ = unsafe name.withPlatformString { unsafe unlinkat(entry.descriptor, $0, 0) } }
            if unsafe path.withPlatformString({ unsafe rmdir($0) }) == 0 || errno != ENOTEMPTY { return }
            usleep(1000)
        }
    }

    private static func close(_ entry: Entry?) {
        if let entry, entry.descriptor >= 0 { closeDescriptor(entry.descriptor) }
    }
}

// Under a name of its own, because `close` is the type's.
private func closeDescriptor(_ descriptor: Int32) {
    #if canImport(Glibc)
    _ = Glibc.close(descriptor)
    #elseif canImport(Darwin)
    _ = Darwin.close(descriptor)
    #endif
}
