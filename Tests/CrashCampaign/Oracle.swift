import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// What a store must be after a crash: in one of the states that the crash may have left, sound to its last list; and usable.
struct Oracle {
    private let history: History
    /// What may be there: from what was acknowledged as durable to what had been begun.
    private let batches: ClosedRange<Int>
    private let widths: ClosedRange<Int>
    /// Whether there may be no store: it was still being made.
    private let mayBeMissing: Bool
    private let dimensions: Int

    /// For a crash after `mark` of a workload that had this history.
    init(_ history: History, _ mark: Mark, dimensions: Int) {
        self.history = history
        let first = max(mark.durable, 0)
        batches = first...max(first, min(mark.begun, history.contents.count - 1))
        // A width that never came to be written is in the mark and not in the history.
        widths = mark.widthDurable...max(mark.widthDurable, min(mark.widthBegun, history.widths.count - 1))
        mayBeMissing = mark.durable < 0
        self.dimensions = dimensions
    }

    /// What is wrong with the store in `root`; nil if nothing is.
    func problem(_ root: FilePath, checksReader: Bool) -> String? {
        let path = root.appending(Workload.storeName)
        do {
            if checksReader {
                let store = try VectorStore.open(at: path, options: .init(threads: 1))
                if let problem = try problem(store) { return "opened for reading: " + problem }
                try store.close()
            }
            let store = try VectorStore.open(at: path, options: .init(access: .readWrite, threads: 1))
            if let problem = try problem(store) { return problem }
            let count = try store.count
            try store.add([Float](repeating: 7, count: dimensions), labels: [.max])
            try store.close()
            let again = try VectorStore.open(at: path, options: .init(threads: 1))
            let later = try again.verify(depth: checksReader ? .graph : .header)
            if let problem = later.problems.first { return "after one more vector: " + problem }
            guard try again.count == count + 1, try again.contains(.max) else { return "one more vector was not kept" }
            return nil
        } catch {
            return allows(error) ? nil : "\(error)"
        }
    }

    /// Whether a store may be found to be missing.
    func allows(_ error: any Error) -> Bool {
        guard mayBeMissing, let error = error as? StoreError else { return false }
        return error.code == .notFound || error.code == .notAStore
    }

    private func problem(_ store: VectorStore) throws -> String? {
        let report = try store.verify()
        if let problem = report.problems.first { return problem }
        guard let content = report.content, history.contents[batches].contains(content) else {
            let place = history.contents.firstIndex { $0 == report.content }
            return "the state is \(place.map { "that of batch \($0)" } ?? "of no batch"), and may be that of batches "
                + "\(batches.lowerBound) to \(batches.upperBound)"
        }
        let width = try store.configuration.searchWidth
        guard history.widths.isEmpty || history.widths[widths].contains(width) else {
            return "the search width is \(width), and may be \(history.widths[widths])"
        }
        return nil
    }
}
