import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What the files of a store are like, whoever runs the program that makes them: a service must be able to go on with
/// its store after its administrator has worked on it.
struct FileModel: Sendable {
    private let owner: UInt32
    private let group: UInt32
    /// nil: what the process gives.
    let mode: UInt16?
    /// Whether the owner could have put all of the store's files where they are, and nobody else but root.
    private let isOwnersDirectory: Bool

    /// The mode of a file of this name or, while there is none, just the owner of its directory.
    init(_ name: FilePath.Component, _ descriptor: Int32, _ directory: FileAttributes, _ calls: SystemCalls) {
        let status = try? calls.status(descriptor, FilePath(root: nil, [name]))
        let file = status?.kind == .file ? status?.attributes : nil
        owner = (file ?? directory).owner
        group = (file ?? directory).group
        mode = file.map { $0.mode & 0o666 }
        isOwnersDirectory = directory.owner == owner || directory.owner == 0
    }

    /// Who may read a file may look into a directory.
    var directoryMode: UInt16? { mode.map { $0 | ($0 & 0o444) >> 2 } }

    /// Gives a file or directory that was just made its owner and mode.
    func apply(
        to descriptor: Int32, _ status: FileStatus, _ calls: SystemCalls, _ path: FilePath
    ) throws(StorageError) {
        let found = status.attributes, isRoot = geteuid() == 0
        do throws(Errno) {
            if isRoot && found.owner != owner {
                try calls.setOwner(descriptor, owner, group)
            } else if found.group != group {
                // Where it can be had: it makes no difference to the owner.
                try? calls.setOwner(descriptor, .max, group)
            }
            let wanted = status.kind == .directory ? directoryMode : mode
            if let wanted, wanted != found.mode & 0o777 { try calls.setMode(descriptor, wanted | found.mode & 0o7000) }
        } catch {
            throw StorageError(path, "give this the owner and the permissions of the store; run it as its owner", error)
        }
    }

    /// Whether this process may write to a file of this owner. Root may write to every file; but where another user can
    /// put files into the directory, one of root's could have been moved there.
    func allowsWriting(_ status: FileStatus) -> Bool {
        geteuid() != 0 || status.attributes.owner == owner && isOwnersDirectory
    }

    /// Whether root made the file and died before it gave it to the owner. To remove such a one harms nobody: whoever
    /// could have moved it here could have removed it.
    func isAbandoned(_ status: FileStatus) -> Bool {
        status.kind == .file && status.size == 0 && status.links == 1 && status.attributes.owner == 0
            && !allowsWriting(status)
    }

    static func refusal(_ path: FilePath) -> StorageError {
        StorageError(
            path, "write to this as root: it belongs to another user than the store; give all of the store to one user",
            .notPermitted)
    }
}
