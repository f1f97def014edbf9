import HNSW
import Threading

/// A file or a directory, whatever its names are.
package struct Inode: Hashable, Sendable {
    package let number: Int

    /// The directory that is recorded.
    package static let root = Inode(number: 0)
}

/// A name in a directory.
package struct Entry: Hashable, Sendable {
    package let directory: Inode
    package let name: String
}

/// One change of what is on the disk, or a mark of the workload.
package enum Event: Sendable {
    case createFile(Inode, Entry)
    case makeDirectory(Inode, Entry)
    case write(Inode, offset: Int, bytes: [UInt8])
    /// The file is at least `end` bytes long.
    case allocate(Inode, end: Int)
    /// Returned without an error; of a file or a directory.
    case synchronize(Inode)
    /// Returned an error: what was to be synced may be lost even when a later one succeeds.
    case synchronizeFailed(Inode)
    case rename(Inode, from: Entry, to: Entry, replacing: Inode?)
    case unlink(Inode, Entry)
    case removeDirectory(Inode, Entry)
    /// Whatever the workload wants to know about a position: "operation k was acknowledged as durable".
    case mark(Int)
}

/// What a workload did to a directory, in order, from a durable state on. A position `p` of a trace is the moment after
/// its first `p` events.
package final class Trace: Sendable {
    package let base: DiskState
    private let recorded = Guarded<[Event]>([])

    package init(base: DiskState = DiskState()) { self.base = base }

    package var events: [Event] { recorded.withLock { $0 } }

    /// The number of events, which is also the last position.
    package var count: Int { recorded.withLock { $0.count } }

    /// Notes `value` at this position.
    package func mark(_ value: Int) { append(.mark(value)) }

    func append(_ event: Event) { recorded.withLock { $0.append(event) } }
}

/// Directories and what is in them: the tree of names.
struct NameTree: Sendable {
    /// By number of the inode; nil for files.
    private var entries: [[String: Inode]?]

    /// The tree of `state`. Inodes are numbered in a fixed order, so that two trees of one state agree; `images` has
    /// the files' contents by the number of the inode.
    init(_ state: DiskState, images: inout [FileImage?]) {
        entries = [[:]]
        images = [nil]
        for path in state.directories {
            insert(path)
            entries.append([:])
            images.append(nil)
        }
        for file in state.files {
            insert(file.path)
            entries.append(nil)
            images.append(file.image)
        }
    }

    init(_ state: DiskState) {
        var images: [FileImage?] = []
        self.init(state, images: &images)
    }

    private mutating func insert(_ path: String) {
        let names = path.split(separator: "/").map(String.init)
        guard let entry = entry(names) else { preconditionFailure("\(path): its directory does not come before it") }
        self[entry] = Inode(number: entries.count)
    }

    /// How many inodes there are.
    var inodeCount: Int { entries.count }

    /// A new inode, without a name.
    mutating func addInode(isDirectory: Bool) -> Inode {
        entries.append(isDirectory ? [:] : nil)
        return Inode(number: entries.count - 1)
    }

    func isDirectory(_ inode: Inode) -> Bool { entries[inode.number] != nil }

    /// What has the name; nil when nothing has.
    subscript(entry: Entry) -> Inode? {
        get { entries[entry.directory.number]?[entry.name] }
        set { entries[entry.directory.number]?[entry.name] = newValue }
    }

    /// Where the last of `names` belongs; nil when the others are not directories.
    func entry(_ names: [String]) -> Entry? {
        guard let last = names.last else { return nil }
        var directory = Inode.root
        for name in names.dropLast() {
            guard let next = self[Entry(directory: directory, name: name)], isDirectory(next) else { return nil }
            directory = next
        }
        return Entry(directory: directory, name: last)
    }

    /// Relative paths of all that can be reached, in a fixed order, parents first.
    func listing() -> Listing {
        var listing = Listing()
        list(.root, prefix: "", into: &listing)
        return listing
    }

    private func list(_ directory: Inode, prefix: String, into listing: inout Listing) {
        for (name, inode) in (entries[directory.number] ?? [:]).sorted(by: { $0.key < $1.key }) {
            if isDirectory(inode) {
                listing.directories.append(prefix + name)
                list(inode, prefix: prefix + name + "/", into: &listing)
            } else {
                listing.files.append((prefix + name, inode))
            }
        }
    }

    struct Listing: Sendable {
        var directories: [String] = []
        var files: [(path: String, inode: Inode)] = []
    }
}
