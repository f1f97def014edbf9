import Cairn
import DataSets
import SystemPackage

typealias Label = VectorStore.Label

extension DataSet {
    /// A store of the first `count` rows, made in one go, opened for writing.
    func store(_ count: Int, at path: FilePath, counter: WriteCounter, threads: Int) throws -> VectorStore {
        try VectorStore.build(
            at: path, configuration: .init(dimensions: dimensions, metric: .l2), vectors: rows(0..<count),
            options: .init(threads: threads))
        return try CampaignAccess.open(
            at: path, forWriting: true, options: .init(threads: threads), calls: counter.calls)
    }
}
