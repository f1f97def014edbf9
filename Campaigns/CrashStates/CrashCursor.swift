/// Goes forward through a trace and says what the disk may hold after a crash at each position.
package struct CrashCursor: Sendable {
    private let events: [Event]
    /// So many events have happened; what was not synced by then is uncertain, the last event included.
    package private(set) var position = 0
    /// The last mark before the position; nil when there is none.
    package private(set) var lastMark: Int?
    private var names: NameHistory
    /// By number of the inode; nil for directories.
    private var files: [FileHistory?]

    /// At the beginning of what `trace` holds by now.
    package init(_ trace: Trace) {
        events = trace.events
        var images: [FileImage?] = []
        names = NameHistory(NameTree(trace.base, images: &images))
        files = images.map { $0.map(FileHistory.init) }
    }

    /// The last position.
    package var end: Int { events.count }

    /// Moves to a later position.
    package mutating func advance(to position: Int) {
        precondition(position >= self.position && position <= end, "a cursor goes forward to the end")
        while self.position < position {
            take(events[self.position])
            self.position += 1
        }
    }

    private mutating func take(_ event: Event) {
        switch event {
        case .createFile(let inode, let entry):
            names.add(inode, isDirectory: false)
            files.append(FileHistory(FileImage()))
            names.make(NameHistory.Change(inode, removed: nil, added: entry))
        case .makeDirectory(let inode, let entry):
            names.add(inode, isDirectory: true)
            files.append(nil)
            names.make(NameHistory.Change(inode, removed: nil, added: entry))
        case .write(let inode, let offset, let bytes): files[inode.number]?.write(bytes, at: offset)
        case .allocate(let inode, let end): files[inode.number]?.grow(to: end)
        case .synchronize(let inode):
            if names.isDirectory(inode) { names.synchronize(inode) }
            files[inode.number]?.synchronize()
        case .synchronizeFailed(let inode):
            if names.isDirectory(inode) { names.synchronizeFailed(inode) }
            files[inode.number]?.synchronizeFailed()
        case .rename(let inode, let from, let to, let replaced):
            names.make(NameHistory.Change(inode, removed: from, added: to, replaced: replaced))
        case .unlink(let inode, let entry), .removeDirectory(let inode, let entry):
            names.make(NameHistory.Change(inode, removed: entry, added: nil))
        case .mark(let value): lastMark = value
        }
    }

    /// Whether the next event makes something certain or known, so that the states here include most of those of the positions
    /// just before.
    package var endsEpoch: Bool {
        guard position < events.count else { return true }
        return switch events[position] {
        case .synchronize, .synchronizeFailed, .mark: true
        default: false
        }
    }

    /// How many changes are uncertain here; 0: there is one state only.
    package var uncertainCount: Int {
        files.reduce(names.pending.count) { $0 + ($1?.pending.count ?? 0) }
    }

    /// What the disk may hold after a power cut here, in a mode of the generator's choice.
    package func state(using generator: inout CrashGenerator) -> DiskState {
        let mode = CrashMode.powerCut(using: &generator)
        return state(mode, damage: generator.oneIn(2), using: &generator)
    }

    /// What the disk may hold after a crash here. `damage`: sectors that a write covers may also hold zeros or garbage.
    package func state(_ mode: CrashMode, damage: Bool = false, using generator: inout CrashGenerator) -> DiskState {
        let chosen = chosenChange(mode, using: &generator)
        let nameRule = rule(mode, chosen: chosen?.inode == nil ? chosen?.index : nil, &generator)
        let listing = names.listing(nameRule, using: &generator)
        let contents = listing.files.map { (path, inode) in
            guard let file = files[inode.number] else { preconditionFailure("\(path) has no bytes") }
            let rule = rule(mode, chosen: chosen?.inode == inode ? chosen?.index : nil, &generator)
            return DiskState.File(path: path, image: file.image(rule, damage: damage, using: &generator))
        }
        return DiskState(directories: listing.directories, files: contents)
    }

    /// An uncertain change: of a file or, without an inode, of the names; numbered within those.
    private typealias Choice = (inode: Inode?, index: Int)

    /// The change that a mode about one change is about; nil for other modes, and when nothing is uncertain.
    private func chosenChange(_ mode: CrashMode, using generator: inout CrashGenerator) -> Choice? {
        switch mode {
        case .oneLost, .oneKept: break
        default: return nil
        }
        // The one in flight is chosen often.
        if generator.oneIn(3), let latest = latestChange { return latest }
        let count = uncertainCount
        guard count > 0 else { return nil }
        var index = generator.below(count)
        if index < names.pending.count { return (nil, index) }
        index -= names.pending.count
        for (number, file) in files.enumerated() {
            let pending = file?.pending.count ?? 0
            if index < pending { return (Inode(number: number), index) }
            index -= pending
        }
        return nil
    }

    /// The change that the last event made, if it is uncertain.
    private var latestChange: Choice? {
        switch position == 0 ? nil : events[position - 1] {
        case .write(let inode, _, _), .allocate(let inode, _):
            let count = files[inode.number]?.pending.count ?? 0
            return count == 0 ? nil : (inode, count - 1)
        case .createFile, .makeDirectory, .rename, .unlink, .removeDirectory: return (nil, names.pending.count - 1)
        case nil, .synchronize, .synchronizeFailed, .mark: return nil
        }
    }

    /// The rule for the changes of one file, or of the names; `chosen`: the chosen one, if it is among them.
    private func rule(_ mode: CrashMode, chosen: Int?, _ generator: inout CrashGenerator) -> Survival {
        switch mode {
        case .processKill: return .all
        case .unsyncedLost: return .none
        case .oneLost: return chosen.map(Survival.allBut) ?? .all
        case .oneKept: return chosen.map(Survival.only) ?? .none
        case .random(let keep): return .random(Probability(keep))
        case .perFile:
            switch generator.below(3) {
            case 0: return .all
            case 1: return .none
            default: return .random(Probability(0.5))
            }
        }
    }
}
