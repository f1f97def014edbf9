import Cairn
import MappedStorage
import SystemPackage

/// A name that something is to be written under.
struct Destination {
    let path: FilePath
    /// Whether a file that is there may be replaced.
    let mayReplace: Bool

    /// Throws if something is there that must stay, or nothing can be made there.
    func check(isStore: Bool = false) throws {
        guard Directory.kind(of: path.parent) == .directory else {
            throw Failure(code: "notFound", "there is no such directory to write to", path: path.parent)
        }
        guard Directory.kind(of: path.parent.appending("level0")) != .other else {
            throw Failure(path.parent, "this is a store, in which nothing else is written: choose another directory")
        }
        let kind = Directory.kind(of: path), isLink = Directory.isSymbolicLink(path)
        guard kind != .missing || isLink else { return }
        // An empty directory will do for a store.
        if isStore && VectorStore.canCreate(at: path) { return }
        let message: String
        if kind == .directory || isStore {
            message =
                "something is here already, and no store or folder is replaced: remove it or choose another name"
        } else if isLink {
            message = "this is a symbolic link, which is not replaced: name the file itself"
        } else if !Directory.isRegularFile(path) {
            message = "this is not a regular file, which is not replaced: name another one"
        } else if !mayReplace {
            message = "this file is there already: choose another name, or replace it with --force"
        } else {
            return
        }
        throw Failure(code: StoreError.Code.alreadyExists.description, message, path: path)
    }

    /// The same for a file of results, which must not replace what the command reads (`inputs`) nor another one that it
    /// writes (`others`).
    func check(inputs: [FilePath], others: [FilePath] = []) throws {
        try check()
        if let input = inputs.first(where: { Directory.areSame($0, path) }) {
            throw Failure(path, "it would replace \(input), which the command reads: name another file")
        }
        if others.contains(where: { $0 == path || Directory.areSame($0, path) }) {
            throw Failure(path, "two kinds of results would be the same file: name another one")
        }
    }
}
