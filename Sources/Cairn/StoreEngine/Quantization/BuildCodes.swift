import Allocation
import FileFormat
import HNSW
import MappedStorage

/// The codes that a build goes by: chosen for a sample of all the rows before the first is inserted, so that their
/// order does not matter, and decided on by a measurement when the graph is there.
struct BuildCodes {
    private let requested: VectorStore.Quantization
    private let contents: StoreContents
    /// nil: insertions go by the vectors, as they always do with raw inner products.
    private let rows: CodeRows?

    /// Reads the sample. `guidesInsertion`: false if the graph is to be built by the vectors, whatever the codes.
    init(
        _ requested: VectorStore.Quantization, _ source: VectorStore.RowSource, _ contents: StoreContents,
        guidesInsertion: Bool
    ) throws(StoreError) {
        self.requested = requested
        self.contents = contents
        let isRawProduct = contents.superblock.metric == .innerProduct
        guard requested != .none, source.count >= contents.leastCodedCount, guidesInsertion, !isRawProduct else {
            rows = nil
            return
        }
        let sample = try CodeSample(source, contents), isProduct = contents.superblock.metric != .l2
        let kinds = CodeMaking.kinds(requested, contents).filter { $0 != .half }
        let model = try takingMemory(for: nil) { () throws(OutOfMemory) -> CodeModel? in
            for kind in kinds {
                let model = try sample.train(kind, isProduct: isProduct, count: source.count)
                if model.guidesInsertion { return model }
            }
            return nil
        }
        rows = try translating { () throws(StorageError) in
            guard let model else { return nil }
            return try CodeRows(model, contents)
        }
        contents.graph.setCodes(rows?.column)
    }

    /// Encodes rows that are in place.
    func write(_ range: Range<Int>) throws(StoreError) {
        guard let rows else { return }
        try translating { () throws(StorageError) in _ = try rows.write(range.map { UInt32($0) }) }
    }

    /// Takes note of rows that had to be inserted by their vectors. Where that is a tenth, going by the codes first
    /// only takes time.
    func note(doubted: Int, of count: Int) {
        if doubted > max(64, count / 10) { contents.graph.setCodes(nil) }
    }

    /// Measures what codes lose, those that there are and more precise ones where it is too much. nil if there are to
    /// be none; `rejected`: the codes that the graph was built by lose too much, so it may not be as good as one by the
    /// vectors.
    func finish(threads: Int?) throws(StoreError) -> (codes: StoreCodes?, rejected: Bool) {
        guard requested != .none, contents.graph.count >= contents.leastCodedCount else { return (nil, false) }
        let making = CodeMaking(
            requested, contents, count: contents.graph.count, threads: threads, at: nil,
            cancellation: CancellationCheck())
        do throws(CheckpointFailure) {
            let codes = try making.run(built: rows), kind = rows?.model.kind.rawValue
            return (codes, codes.attempts.contains { $0.kind == kind })
        } catch {
            throw error.error
        }
    }
}
