import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// What a store must be after a crash: a state that was acknowledged, or begun, and no older than what was acknowledged as
/// durable; sound to its last list; and usable.
struct Oracle {
    let workload: Workload
    let mark: Workload.Mark
    private let configuration: VectorStore.Configuration

    init(_ workload: Workload, _ mark: Workload.Mark, _ configuration: VectorStore.Configuration) {
        self.workload = workload
        self.mark = mark
        self.configuration = configuration
    }

    /// What is wrong with the store in `root`; nil if nothing is.
    func problem(_ root: FilePath, checksReader: Bool) -> String? {
        let path = root.appending(Workload.storeName)
        do {
            if checksReader {
                let store = try VectorStore.open(at: path, options: .init(threads: 1))
                let report = try store.verify()
                if let problem = problem(report) { return "opened for reading: " + problem }
                try store.close()
            }
            let store = try VectorStore.open(at: path, options: .init(access: .readWrite, threads: 1))
            let report = try store.verify()
            if let problem = problem(report) { return problem }
            let count = try store.count
            try store.add([Float](repeating: 7, count: configuration.dimensions), labels: [.max])
            try store.close()
            let again = try VectorStore.open(at: path, options: .init(threads: 1))
            let later = try again.verify(depth: checksReader ? .graph : .header)
            if let problem = later.problems.first { return "after one more vector: " + problem }
            guard try again.count == count + 1, try again.contains(.max) else { return "one more vector was not kept" }
            return nil
        } catch {
            if mark.durable < 0 && (error.code == .notFound || error.code == .notAStore) { return nil }
            return "\(error)"
        }
    }

    private func problem(_ report: VerifyReport) -> String? {
        if let problem = report.problems.first { return problem }
        let lower = max(mark.durable, 0), upper = min(mark.begun, workload.states.count - 1)
        guard let content = report.content, (lower...upper).contains(where: { workload.states[$0] == content }) else {
            let place = workload.states.firstIndex { $0 == report.content }
            return "the state is \(place.map { "that of batch \($0)" } ?? "of no batch"), batches \(lower) to \(upper) "
                + "were acknowledged as durable or begun"
        }
        return nil
    }
}
