import Cairn
import SystemPackage
import TestSupport

/// A repair: it refuses a damaged store, and what it mends has the vectors that it had.
struct RepairUse {
    private let root: FilePath
    private let isMended: Bool
    private let note: (String) -> Void

    init(_ root: FilePath, isMended: Bool, _ note: @escaping (String) -> Void) {
        (self.root, self.isMended, self.note) = (root, isMended, note)
    }

    func run(_ path: FilePath) throws {
        guard let store = try attempt({ () throws(StoreError) in try VectorStore.open(at: path) }) else { return }
        let labels = try attempt { () throws(StoreError) in try store.allLabels().sorted() }
        let untouched = try Untouched(store)
        try store.close()
        let files = try StoreFiles(path)
        note("repair")
        do throws(StoreError) {
            let report = try VectorStore.repair(at: path, threads: 2)
            guard report.remainingLabels.isEmpty else { return }
        } catch {
            guard !error.message.isEmpty else { throw Violation("an error without a message: \(error.code)") }
            // Of what was made to look sound a repair finds out on the way.
            let after = try StoreFiles(path)
            guard error.code != .corrupt || isMended || after.files == files.files else {
                throw Violation("a repair that refuses the store has changed it: \(error)")
            }
            return
        }
        note("open what was repaired")
        let repaired: VectorStore, report: VectorStore.VerifyReport, found: [Label]
        do throws(StoreError) {
            repaired = try VectorStore.open(at: path)
            report = try repaired.verify()
            found = try repaired.allLabels().sorted()
        } catch {
            throw Violation("what was repaired does not open: \(error)")
        }
        defer { try? repaired.close() }
        try untouched.check(repaired)
        guard report.isSound else { throw Violation("what was repaired is damaged: \(report.problems[0])") }
        guard found == labels else { throw Violation("what was repaired has other labels") }
    }
}
