import Allocation
import HNSW
import MappedStorage
public import SystemPackage

extension VectorStore {
    /// Links what searches cannot reach or do not find, and makes derived files again that are missing or damaged.
    ///
    /// An index of hnswlib may leave vectors out of reach, and an import keeps its graph. Each such vector gets a slot and links of
    /// its own, as an update with the same vector would; its bytes, its label and its mark stay. Then searches look for each vector
    /// by itself, at the store's own width, and those that are missed are linked again too. Changes are batches of the log: after a
    /// crash the store is sound, and another repair goes on.
    ///
    /// `threads`: how many search and link; nil for one for each processor that the process may use. `progress` is called on the calling thread with how many
    /// vectors of how many have been searched for; it may begin again.
    ///
    /// Throws `corrupt` for a store with other damage, which a repair does not mend: then nothing is changed. Takes a search for each
    /// vector, and an insertion for each that was missed.
    public static func repair(
        at path: FilePath, options: OpenOptions = .init(), threads: Int? = nil,
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> RepairReport {
        var report = RepairReport()
        let before = try verify(at: path, depth: .graph, options: options)
        guard before.damage.isEmpty else {
            throw StoreError(
                .corrupt,
                "\(before.damage[0]): a repair does not mend that, and has changed nothing. Take a copy from before; or 'cairn convert' "
                    + "the store to a new one, and erase or update there the vectors that 'cairn verify --save-labels' names",
                path: path)
        }
        report.unreachable = before.unreachable ?? 0
        var options = options
        options.access = .readWrite
        let store = try open(at: path, options: options), directory = store.directory
        do throws(StoreError) {
            if before.hasWrongCodes { try store.setCodes(store.configuration.codes) }
            try store.relink(&report, threads, progress)
            try store.checkpoint()
        } catch {
            try? store.close()
            throw error
        }
        try store.close()
        // There may have been no room for one, and codes may have been given up.
        let found = before.missingFiles.filter { name in
            directory.map { (try? File($0[name], .read)) != nil } ?? false
        }
        report.files = found.map(\.string)
        return report
    }

    /// Rounds of searching and linking. What a round links may take a place from what was found before.
    private static let repairRounds = 4
    private static let relinkedAtOnce = 256

    private func relink(
        _ report: inout RepairReport, _ threads: Int?, _ progress: ((_ done: Int, _ total: Int) -> Void)?
    ) throws(StoreError) {
        var relinked: Set<Label> = []
        for round in 0...Self.repairRounds {
            let unreachable = try unreachableLabels()
            var missed: [Label] = []
            // Whom links do not lead to no search finds.
            if unreachable.isEmpty || round == Self.repairRounds {
                missed = try Findability(store: self, threads: threads, progress: progress).missed()
                if report.missed == 0 { report.missed = missed.count }
            }
            // Twice in arrays, and in two sets.
            let bytes = 80 * (unreachable.count + missed.count)
            try takingMemory(for: path, ProcessMemory.expect(bytes))
            let labels = Set(unreachable + missed).sorted()
            report.remainingLabels = labels
            if labels.isEmpty || round == Self.repairRounds { break }
            for first in stride(from: 0, to: labels.count, by: Self.relinkedAtOnce) {
                let some = labels[first..<min(first + Self.relinkedAtOnce, labels.count)]
                try writing().write(some.map { .relink($0) }, .none, threads: threads)
            }
            relinked.formUnion(labels)
        }
        report.relinkedLabels = relinked.sorted()
    }

    private func unreachableLabels() throws(StoreError) -> [Label] {
        try readingQuiet { (contents, view) throws(StoreError) in
            var check = GraphCheck(contents.graph, view) { _ in }
            try takingMemory(for: path) { () throws(OutOfMemory) in
                try check.run()
                try ProcessMemory.expect(8 * check.unreachable.count)
            }
            return check.unreachable.map { contents.graph.slots.label($0) }
        }
    }
}
