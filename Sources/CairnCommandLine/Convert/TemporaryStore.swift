import Cairn
import MappedStorage
import SystemPackage

/// A store beside a file, which is there for as long as that is being made of it. It is removed with this object.
final class TemporaryStore {
    let path: FilePath

    /// The name is the same each time, so that what a killed conversion has left is removed by the next one. Throws if
    /// somebody is using it.
    init(beside file: FilePath) throws {
        let path = file.removingLastComponent()
            .appending(".\(file.lastComponent?.string.prefix(200) ?? "index").graph.cairn")
        if Directory.kind(of: path) == .directory {
            try VectorStore.open(at: path, options: .init(access: .readWrite)).close()
            Self.remove(path)
        }
        // Last: what belongs to somebody else must not go with this object.
        self.path = path
    }

    deinit { Self.remove(path) }

    /// Removes a directory and what is in it, as far as that goes.
    private static func remove(_ path: FilePath) {
        let calls = SystemCalls.system
        for name in (try? Directory(path).names()) ?? [] {
            let inner = path.appending(name)
            let isDirectory = Directory.kind(of: inner) == .directory && !Directory.isSymbolicLink(inner)
            if isDirectory { remove(inner) } else { try? calls.unlink(inner) }
        }
        try? calls.removeDirectory(path)
    }
}
