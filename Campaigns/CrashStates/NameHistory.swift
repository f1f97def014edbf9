/// The names at a position of a trace: those that are certain to be on the disk, and what may have been done to them.
struct NameHistory: Sendable {
    private(set) var durable: NameTree
    private(set) var latest: NameTree
    private(set) var pending: [Change] = []
    private var durableListing: NameTree.Listing
    private var latestListing: NameTree.Listing

    /// An entry that goes away, one that comes, or both at once.
    struct Change: Sendable {
        let inode: Inode
        let removed: Entry?
        let added: Entry?
        /// What had the added name before.
        let replaced: Inode?
        /// Whether the directories of the two entries have been synced since.
        var isRemovalSynced: Bool
        var isAdditionSynced: Bool
        /// A sync of it failed; no later one makes it certain.
        var isDoomed = false
        /// A later sync made it durable while a change of the same name before it is doomed.
        var isCertain = false

        init(_ inode: Inode, removed: Entry?, added: Entry?, replaced: Inode? = nil) {
            self.inode = inode
            self.removed = removed
            self.added = added
            self.replaced = replaced
            isRemovalSynced = removed == nil
            isAdditionSynced = added == nil
        }

        var entries: [Entry] { [removed, added].compactMap(\.self) }

        /// Makes the change, if it finds in `tree` what it found when it was made: so changes of one name keep their
        /// order, and one whose condition was lost is lost too. A certain one needs no condition.
        func apply(to tree: inout NameTree) {
            if isCertain {
                if let removed { tree[removed] = nil }
                if let added { tree[added] = inode }
                return
            }
            if let removed, tree[removed] != inode { return }
            if let added, tree[added] != replaced { return }
            if let removed { tree[removed] = nil }
            if let added { tree[added] = inode }
        }
    }

    init(_ tree: NameTree) {
        durable = tree
        latest = tree
        durableListing = tree.listing()
        latestListing = durableListing
    }

    /// Takes up an inode that gets its name next. Its number must be the next.
    mutating func add(_ inode: Inode, isDirectory: Bool) {
        let first = latest.addInode(isDirectory: isDirectory), second = durable.addInode(isDirectory: isDirectory)
        precondition(first == inode && second == inode, "the trace is not of this base")
    }

    mutating func make(_ change: Change) {
        change.apply(to: &latest)
        latestListing = latest.listing()
        pending.append(change)
    }

    func isDirectory(_ inode: Inode) -> Bool { latest.isDirectory(inode) }

    mutating func synchronizeFailed(_ directory: Inode) {
        for index in pending.indices
        where !pending[index].isCertain && pending[index].entries.contains(where: { $0.directory == directory }) {
            pending[index].isDoomed = true
        }
    }

    /// Makes durable what was done in `directory`. A rename between two directories needs both synced, unless a later
    /// change of one of its names is durable.
    mutating func synchronize(_ directory: Inode) {
        var isDurable = [Bool](repeating: false, count: pending.count)
        var needed: Set<Entry> = []
        for index in pending.indices.reversed() {
            if pending[index].removed?.directory == directory { pending[index].isRemovalSynced = true }
            if pending[index].added?.directory == directory { pending[index].isAdditionSynced = true }
            let change = pending[index]
            isDurable[index] =
                change.isRemovalSynced && change.isAdditionSynced || change.entries.contains(where: needed.contains)
            if isDurable[index] { needed.formUnion(change.entries) }
        }
        var rest: [Change] = [], doomed: Set<Entry> = [], blocked: Set<Entry> = []
        for (var change, isDurable) in zip(pending, isDurable) {
            if change.isDoomed {
                doomed.formUnion(change.entries)
                rest.append(change)
            } else if !isDurable || change.entries.contains(where: blocked.contains) {
                blocked.formUnion(change.entries)
                rest.append(change)
            } else if change.isCertain || change.entries.contains(where: doomed.contains) {
                // Whatever became of the doomed one before it, this one stands.
                change.isCertain = true
                doomed.formUnion(change.entries)
                rest.append(change)
            } else {
                change.apply(to: &durable)
            }
        }
        pending = rest
        var least = durable
        for change in pending where change.isCertain { change.apply(to: &least) }
        durableListing = least.listing()
    }

    /// The names that the disk may have when `rule` decides which changes reached it.
    func listing(_ rule: Survival, using generator: inout CrashGenerator) -> NameTree.Listing {
        if case .all = rule { return latestListing }
        if pending.isEmpty { return latestListing }
        if case .none = rule { return durableListing }
        var tree = durable
        for (index, change) in pending.enumerated() where change.isCertain || rule.keeps(index, using: &generator) {
            change.apply(to: &tree)
        }
        return tree.listing()
    }
}
