import Allocation
import HNSW
import MappedStorage
public import SystemPackage

extension VectorStore {
    /// Repairs a store: links vectors that searches miss, and makes missing or damaged derived files again.
    ///
    /// An index of hnswlib may have vectors that cannot be reached, and an import keeps its graph. Each such vector
    /// gets a new slot with new links, as by an update with the same vector. Its bytes, its label and its deletion mark
    /// stay.
    ///
    /// So does a vector that has a link twice, or a link to itself.
    ///
    /// Then a search looks for each vector, with the store's own ef. Vectors that it misses are linked again, too.
    ///
    /// The changes are batches in the log. After a crash the store is sound, and another repair goes on. If the store
    /// has damage that a repair does not mend, nothing is changed.
    ///
    /// - Parameters:
    ///   - path: The directory of the store. No other handle may have it open.
    ///   - options: The durability of changes, and the limits of log and memory.
    ///   - threads: The number of threads that search and link; nil for one for each processor that the process may
    ///     use.
    ///   - progress: A function that is called on the calling thread with the number of vectors searched for so far and
    ///     the total. The count may begin again.
    /// - Returns: The numbers and labels of the vectors that were linked, and the files that were made.
    /// - Throws: ``StoreError``: `corrupt` if the store has other damage; and the errors of
    ///   ``openForWriting(at:options:)`` and ``write(_:threads:)``.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: A search for each vector, and an insertion for each vector that was missed.
    public static func repair(
        at path: FilePath, options: OpenOptions = .init(), threads: Int? = nil,
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> RepairReport {
        var report = RepairReport()
        let before = try verify(at: path, depth: .graph, options: options)
        guard before.damage.isEmpty else {
            throw StoreError(
                .corrupt,
                "\(before.damage[0]): a repair does not mend that, and has changed nothing",
                remedy: "take a copy from before; or 'cairn convert' "
                    + "the store to a new one, and erase or update there the vectors that 'cairn verify --save-labels' names",
                path: path)
        }
        report.unreachableCount = before.unreachableCount ?? 0
        var options = options
        options.access = .readWrite
        let store = try open(at: path, options: options), directory = store.directory
        do throws(StoreError) {
            // Opening has redone a pending journal, and shows what that brought back.
            let opened = try store.verify(depth: .checksums)
            if before.hasWrongCodes || opened.hasWrongCodes {
                try store.setQuantization(store.configuration.quantization)
            }
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
            let (unreachable, repeating) = try labelsWithWrongLinks()
            if round == 0 { report.repeatedLinkCount = repeating.count }
            var missed: [Label] = []
            // Whom links do not lead to no search finds.
            if unreachable.isEmpty || round == Self.repairRounds {
                missed = try Findability(store: self, threads: threads, progress: progress).missed()
                if report.missedCount == 0 { report.missedCount = missed.count }
            }
            // Twice in arrays, and in two sets.
            let bytes = 80 * (unreachable.count + repeating.count + missed.count)
            try takingMemory(for: path, ProcessMemory.expect(bytes))
            let labels = Set(unreachable + repeating + missed).sorted()
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

    /// The labels of vectors that no links lead to, and of those that have a link twice or to themselves.
    private func labelsWithWrongLinks() throws(StoreError) -> (unreachable: [Label], repeating: [Label]) {
        try readingQuiet { (session) throws(StoreError) in
            let cancellation = CancellationCheck()
            var check = GraphCheck(session.graph, session.view) { _ in }
            try takingMemory(for: path) { () throws(OutOfMemory) in
                var done = 0
                try check.run { slots in
                    done += slots
                    return done % 4096 != 0 || !cancellation.isCancelled
                }
                try ProcessMemory.expect(8 * (check.unreachable.count + check.repeating.count))
            }
            try cancellation.check()
            let slots = session.graph.slots
            return (check.unreachable.map { slots.label($0) }, check.repeating.map { slots.label($0) })
        }
    }
}
