import CrashStates

/// What a workload did, one line an event: to find out how it came to a violation.
struct TraceListing {
    private let workload: Workload

    init(_ workload: Workload) { self.workload = workload }

    func print() {
        // Files by the names that they had last.
        var names: [Inode: String] = [.root: "."]
        for (index, event) in workload.trace.events.enumerated() {
            Swift.print(index + 1, line(event, &names))
        }
    }

    private func line(_ event: Event, _ names: inout [Inode: String]) -> String {
        func name(_ inode: Inode) -> String { names[inode] ?? "file \(inode.number)" }
        switch event {
        case .createFile(let inode, let entry):
            names[inode] = entry.name
            return "create \(entry.name)"
        case .makeDirectory(let inode, let entry):
            names[inode] = entry.name
            return "make directory \(entry.name)"
        case .write(let inode, let offset, let bytes): return "write \(name(inode)) \(bytes.count) bytes at \(offset)"
        case .allocate(let inode, let end): return "allocate \(name(inode)) to \(end)"
        case .synchronize(let inode): return "sync \(name(inode))"
        case .synchronizeFailed(let inode): return "sync \(name(inode)) FAILED"
        case .rename(let inode, let from, let to, _):
            names[inode] = to.name
            return "rename \(from.name) to \(to.name)"
        case .unlink(_, let entry): return "unlink \(entry.name)"
        case .removeDirectory(_, let entry): return "remove directory \(entry.name)"
        case .mark(let value):
            let mark = Mark(value)
            return "mark: batch \(mark.begun) begun, \(mark.durable) durable; setting \(mark.settingBegun), "
                + "\(mark.settingDurable) durable"
        }
    }
}
