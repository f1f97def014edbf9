import Cairn
import SystemPackage
import VectorFiles

/// Queries and the true neighbours of each: read once, for all stores that are measured by them, since they may come
/// through pipes.
struct RecallInput {
    /// Of the queries, for messages.
    let path: FilePath
    let queries: [[Float]]
    let truth: Truth
    let count: Int

    /// Reads both files. Throws unless there is a row of at least `count` labels for each query of so many dimensions.
    init(queries path: FilePath, dimensions: Int, truth truthPath: FilePath, count: Int) throws {
        self.path = path
        self.count = count
        let truthFile = try VectorFile(truth: truthPath)
        try Truth.checkOrder(queries: path, truth: truthFile)
        let file = try QueryFile(path, dimensions: dimensions)
        guard file.count > 0 else { throw Failure(path, "it has no queries to measure") }
        let elements = try file.read(limit: .max)
        queries = (0..<file.count).map { Array(elements[$0 * dimensions..<($0 + 1) * dimensions]) }
        truth = try Truth(truthFile, queries: queries.count, count: count)
    }

    /// What went wrong with the query of a row.
    func failure(_ error: StoreError, _ row: Int) -> Failure {
        guard error.code == .invalidVector else { return Failure(error) }
        return Failure(code: error.code.description, "row \(row): \(error.message)", path: path)
    }
}
