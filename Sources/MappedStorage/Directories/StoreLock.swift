import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A lock on a store: one writer, or any number of readers. The kernel drops it when the process ends, however it ends.
/// Two opens in one process count as two holders.
///
/// It is taken twice. That of the directory cannot be got around by removing a file, and a reader needs no file for it.
/// That of the file `lock` is seen by other machines, where the file system is a network's that locks files.
package final class StoreLock: Sendable {
    private let directory: Directory
    private let entry: Directory.Entry
    /// nil for a reader where there is no such file.
    private let file: File?
    private let process = getpid()

    /// Who may hold the lock at the same time.
    package enum Kind: Sendable { case shared, exclusive }

    /// Takes the lock of the directory that has `entry`, or says at once that it is held (`wouldBlock`). A writer makes
    /// the file if there is none.
    ///
    /// Where the file system locks no files, a reader goes without: nobody can be writing, for a writer does not.
    package init(_ entry: Directory.Entry, _ kind: Kind) throws(StorageError) {
        directory = entry.directory
        self.entry = entry
        try Self.lock(directory.descriptor, kind, mayGoWithout: true, directory.path, directory.calls)
        do throws(StorageError) {
            file = try Self.lockedFile(entry, kind)
        } catch {
            try? directory.calls.lock(directory.descriptor, LOCK_UN)
            throw error
        }
    }

    private static func lockedFile(_ entry: Directory.Entry, _ kind: Kind) throws(StorageError) -> File? {
        // Each further attempt means that somebody has just removed it: a lock of a file without a name keeps nobody
        // out.
        for _ in 0..<100 {
            let file: File
            do throws(StorageError) {
                file = try File(entry, kind == .exclusive ? .openOrCreate : .read)
            } catch {
                if kind == .shared && error.errno == .noSuchFileOrDirectory { return nil }
                throw error
            }
            try lock(file.descriptor, kind, mayGoWithout: kind == .shared, entry.path, file.calls)
            if try entry.leads(to: file.descriptor) { return file }
        }
        throw StorageError(entry.path, "lock the store: somebody removes this file again and again", .wouldBlock)
    }

    private static func lock(
        _ descriptor: Int32, _ kind: Kind, mayGoWithout: Bool, _ path: FilePath, _ calls: SystemCalls
    ) throws(StorageError) {
        do throws(Errno) {
            try calls.lock(descriptor, (kind == .exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)
        } catch {
            let isRefused = [.noLocks, .noFunction, .notSupported, .notSupportedOnSocket].contains(error)
            if isRefused && mayGoWithout { return }
            throw StorageError(
                path,
                isRefused
                    ? "lock the store: its file system has no locks (flock), so it can be read here and not changed"
                    : "lock the store", error)
        }
    }

    // Unlocked by hand: a child process that was being started meanwhile has copies of the descriptors until it runs
    // its program, and closing ours alone would leave the store locked for that long. A process that was forked off
    // meanwhile shares the lock and must leave it to its parent.
    deinit {
        guard getpid() == process else { return }
        if let file { try? file.calls.lock(file.descriptor, LOCK_UN) }
        try? directory.calls.lock(directory.descriptor, LOCK_UN)
    }

    /// Leaves the process id of a writer in the file, for messages.
    package func sign() {
        let text = Array("\(process)\n".utf8) + [UInt8](repeating: 0x20, count: 12)
        try? file?.write(Array(text.prefix(12)), at: 0)
    }

    /// Throws if the file was removed or replaced: then another machine, or a program that does not lock directories,
    /// may take the store to be free. (`staleNFSFileHandle`.)
    package func checkIsInPlace() throws(StorageError) {
        if let file { try entry.checkLeads(to: file.descriptor) }
    }

    /// The process that last held the lock for writing, if the file says so.
    package static func lastWriter(_ entry: Directory.Entry) -> Int? {
        guard let file = try? File(entry, .read), let bytes = try? file.read(count: 12, at: 0) else { return nil }
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
