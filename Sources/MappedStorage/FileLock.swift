package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A lock on a store, held through an open `lock` file: one writer, or any number of readers. The kernel drops it when
/// the process ends, however it ends. Two opens in one process count as two holders.
package final class FileLock: Sendable {
    private let file: File
    private let process = getpid()

    /// Who may hold the lock at the same time.
    package enum Kind: Sendable { case shared, exclusive }

    /// Takes the lock or says at once that it is held. A writer leaves its process id in the file, for the message.
    package init(_ path: FilePath, _ kind: Kind, calls: SystemCalls = .system) throws(StorageError) {
        let file = try File(path, kind == .exclusive ? .openOrCreate : .read, calls: calls)
        do {
            try calls.lock(file.descriptor, (kind == .exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)
        } catch {
            throw StorageError(path, "lock the store", error)
        }
        if kind == .exclusive {
            let text = Array("\(getpid())\n".utf8) + [UInt8](repeating: 0x20, count: 12)
            try? file.write(Array(text.prefix(12)), at: 0)
        }
        self.file = file
    }

    // Unlocked by hand: a child process that was being started meanwhile has a copy of the descriptor until it runs its
    // program, and closing ours alone would leave the store locked for that long.
    // A process that was forked off meanwhile shares the lock and must leave it to its parent.
    deinit { if getpid() == process { try? file.calls.lock(file.descriptor, LOCK_UN) } }

    /// The process that last held the lock for writing, if the file says so.
    package static func lastWriter(_ path: FilePath) -> Int? {
        guard let file = try? File(path, .read), let bytes = try? file.read(count: 12, at: 0) else { return nil }
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
