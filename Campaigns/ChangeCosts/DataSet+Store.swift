import Cairn
import DataSets
import SystemPackage

extension DataSet {
    /// A store of the first `count` rows, made in one go, opened for writing.
    func store(_ count: Int, at path: FilePath, counter: WriteCounter, threads: Int) throws -> VectorStore {
        try VectorStore.build(
            at: path, configuration: .init(dimensions: dimensions, metric: .l2), vectors: rows(0..<count),
            options: .init(threads: threads))
        return try VectorStore.open(
            at: path, options: .init(access: .readWrite, threads: threads), calls: counter.calls)
    }
}
