import Cairn
import HnswlibFile

/// An index that was read as a whole and is sound, and what is known from that.
struct CheckedIndex {
    let index: HnswlibIndex
    let survey: HnswlibSurvey
    /// Slots whose label belongs to another one, ascending.
    let superseded: [UInt32]
    /// Slots that are marked deleted, but for those among `superseded`.
    let deletedCount: Int

    /// Throws what is wrong with the file. `progress`: bytes done and their total.
    init(_ index: HnswlibIndex, progress: @escaping ConversionPlan.Progress) throws {
        let survey = try index.validate { done, total in progress(done, total) }
        superseded = try RepeatedLabels.superseded(survey.labels) { survey.isMarked($0) }
        deletedCount = survey.markedCount - superseded.count { survey.isMarked(Int($0)) }
        self.index = index
        self.survey = survey
    }

    /// The vectors that are found.
    var count: Int { index.header.count - superseded.count - deletedCount }

    /// The labels of the vectors that are found, in slot order.
    var labels: [Label] { slots.map { survey.labels[Int($0)] } }

    /// Where the vectors are that are found, ascending.
    var slots: [UInt32] {
        let superseded = Set(superseded)
        return (0..<UInt32(index.header.count)).filter { !survey.isMarked(Int($0)) && !superseded.contains($0) }
    }

    var warnings: [String] { Cautions.ofRepeatedLabels(superseded.count) }
}
