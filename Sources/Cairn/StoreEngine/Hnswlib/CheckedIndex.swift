import Allocation
import HNSW
package import HnswlibFile
import SystemPackage
import Threading

/// An index that was read as a whole and is sound, and what is known from that: what an import is made of, and what a
/// conversion is planned by. 9 bytes an element for levels and labels, and 5 to 11 for the index of labels.
package struct CheckedIndex {
    package let index: HnswlibIndex
    package let survey: HnswlibSurvey
    let labels: SlotsByLabel
    /// The slots that are left without a label, as `SlotsByLabel.addAll` says, ascending.
    package let superseded: [UInt32]

    /// Throws what is wrong with the file. `progress`: bytes done and their total.
    package init(_ index: HnswlibIndex, progress: ((_ done: Int, _ total: Int) -> Void)?) throws(StoreError) {
        self.index = index
        let ahead = Self.readAhead(of: index), count = index.header.count, size = index.header.elementBytes
        let cancellation = CancellationCheck()
        let survey = try translating(hnswlib: { () throws(HnswlibFileError) in
            try index.validate { (done, total) throws(HnswlibFileError) in
                if cancellation.isCancelled {
                    throw HnswlibFileError(index.path, "the check was cancelled", errno: .canceled)
                }
                // The elements come last.
                ahead.advance(to: max(0, done - (total - count * size)) / size)
                progress?(done, total)
            }
        })
        self.survey = survey
        labels = try takingMemory(for: index.path, SlotsByLabel(survey.labels))
        do throws(StoreError) {
            superseded = try labels.addAll { survey.isMarked(Int($0)) }
        } catch {
            throw error.at(index.path)
        }
    }

    /// Reads elements ahead of who goes through them.
    static func readAhead(of index: HnswlibIndex) -> ReadAhead {
        let step = max(1, (4 << 20) / index.header.elementBytes)
        // Of a file that does not fit into memory nothing stays there anyway, and making room costs time.
        let release: @Sendable (Range<Int>) -> Void = { index.releaseElements($0) }
        return ReadAhead(
            count: index.header.count, step: step, distance: 4 * step, expect: { index.expectElements($0) },
            release: index.fileBytes > MemoryBudget.system ? release : nil)
    }
}
