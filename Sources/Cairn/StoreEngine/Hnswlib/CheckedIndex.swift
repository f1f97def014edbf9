import Allocation
import HnswlibFile
import SystemPackage

/// An index that was read as a whole and is sound, and what is known from that: what an import is made of. 9 bytes an
/// element for levels and labels, and 5 to 11 for the index of labels.
struct CheckedIndex {
    let survey: HnswlibSurvey
    let labels: SlotsByLabel
    /// The slots that are left without a label, as `SlotsByLabel.addAll` says, ascending.
    let superseded: [UInt32]

    /// Throws what is wrong with the file. `progress`: bytes done and their total.
    init(_ index: HnswlibIndex, progress: @escaping (_ done: Int, _ total: Int) -> Void) throws(StoreError) {
        let cancellation = CancellationCheck()
        let survey = try translating(hnswlib: { () throws(HnswlibFileError) in
            try index.validate { (done, total) throws(HnswlibFileError) in
                if cancellation.isCancelled {
                    throw HnswlibFileError(index.path, "the check was cancelled", errno: .canceled)
                }
                progress(done, total)
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
}
