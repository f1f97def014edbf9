import Cairn
import MappedStorage
import SystemPackage

/// A store next to a file, which is there for as long as that is being made of it. It is removed with this object, and
/// when the program is interrupted: the directory that was built, and nothing else that may have its name by then.
final class TemporaryStore {
    let path: FilePath

    /// Builds it under a name that nobody knows before, by `build`, which throws if something is there.
    init(nextTo file: FilePath, build: (FilePath) throws -> Void) throws {
        path = file.removingLastComponent()
            .appending(".\(file.shortName).\(String(UInt64.random(in: 0 ... .max), radix: 16)).graph.cairn")
        UnfinishedFiles.expectTemporary(path)
        try build(path)
    }

    deinit { UnfinishedFiles.discard(path) }
}
