import Cairn
import MappedStorage
import SystemPackage

/// A name that something is to be written under.
struct Destination {
    let path: FilePath
    /// Whether a file that stands there may be replaced.
    let mayReplace: Bool

    /// Throws if something stands there that must stay, or nothing can be made there.
    func check(isStore: Bool = false) throws {
        guard Directory.kind(of: path.parent) == .directory else {
            throw Failure(code: "notFound", "there is no such directory to write to", path: path.parent)
        }
        let kind = Directory.kind(of: path), isLink = Directory.isSymbolicLink(path)
        guard kind != .missing || isLink else { return }
        let message: String
        if kind == .directory || isStore {
            message =
                "something stands here already, and no store or folder is replaced: remove it or choose another name"
        } else if isLink {
            message = "this is a symbolic link, which is not replaced: name the file itself"
        } else if !mayReplace {
            message = "this file is there already: choose another name, or replace it with --force"
        } else {
            return
        }
        throw Failure(code: StoreError.Code.alreadyExists.description, message, path: path)
    }
}
