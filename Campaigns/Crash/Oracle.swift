import Cairn
import CrashStates
import MappedStorage
import SystemPackage

/// What a store must be after a crash: in one of the states that the crash may have left, sound to its last list; and usable.
struct Oracle {
    private let history: History
    /// What may be there: from what was acknowledged as durable to what had been begun.
    private let batches: ClosedRange<Int>
    private let settings: ClosedRange<Int>
    /// Whether there may be no store: it was still being made.
    private let mayBeMissing: Bool
    private let dimensions: Int

    /// For a crash after `mark` of a workload that had this history.
    init(_ history: History, _ mark: Mark, dimensions: Int) {
        self.history = history
        let first = max(mark.durable, 0)
        batches = first...max(first, min(mark.begun, history.contents.count - 1))
        // A setting that never came to be written is in the mark and not in the history.
        settings = mark.settingDurable...max(mark.settingDurable, min(mark.settingBegun, history.settings.count - 1))
        mayBeMissing = mark.durable < 0
        self.dimensions = dimensions
    }

    /// What is wrong with the store in `root`; nil if nothing is.
    func problem(_ root: FilePath, checksReader: Bool) -> String? {
        let path = root.appending(Workload.storeName)
        do {
            if checksReader {
                let store = try VectorStore.open(at: path, options: Workload.options)
                if let problem = try problem(store) { return "opened for reading: " + problem }
                try store.close()
            }
            let store = try VectorStore.openForWriting(at: path, options: Workload.options)
            if let problem = try problem(store) { return problem }
            if try lacksCodes(store) { return "a writer does without codes" }
            let count = try store.count, hadCodes = try store.info.quantizationBytes > 0
            try store.add([Float](repeating: 7, count: dimensions), labels: [.max])
            try store.close()
            let again = try VectorStore.open(at: path, options: Workload.options)
            // The vector that makes a store large enough gets codes with the next one.
            if try hadCodes && lacksCodes(again) { return "the codes are gone after one more vector" }
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
        guard let content = report.contentChecksum, history.contents[batches].contains(content) else {
            let place = history.contents.firstIndex { $0 == report.contentChecksum }
            return "the state is \(place.map { "that of batch \($0)" } ?? "of no batch"), and may be that of batches "
                + "\(batches.lowerBound) to \(batches.upperBound)"
        }
        let setting = try History.Setting(store)
        guard history.settings.isEmpty || history.settings[settings].contains(setting) else {
            return "the setting is \(setting), and may be one of \(history.settings[settings])"
        }
        return nil
    }

    /// Whether the store is to go by codes and neither does nor has measured that none would do: a writer makes those that a crash
    /// left unusable.
    private func lacksCodes(_ store: VectorStore) throws -> Bool {
        let info = try store.info
        let isDecided =
            info.quantization.map { $0.requested == info.configuration.quantization && !$0.attempts.isEmpty } ?? false
        return info.configuration.quantization != .none
            && info.count + info.deletedCount + info.freeSlotCount >= Workload.leastCodedCount
            && info.quantizationBytes == 0 && !isDecided
    }
}
