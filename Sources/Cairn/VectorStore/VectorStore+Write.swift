import Allocation
import HNSW

extension VectorStore {
    /// Adds vectors, which stand one after the other in `vectors`, under `labels`; all of them or, when it throws, none. The
    /// graph that results is the same whatever `threads` (nil for the store's) is.
    ///
    /// Throws `dimensionMismatch`, `invalidVector` or `duplicateLabel` with the number of the first row that cannot be
    /// added, `full` when there is no room for it, `readOnly`, `closed`, and `failed` after an earlier write that failed.
    /// Durable as ``OpenOptions/durability`` says when it returns. Waits for other changes, never for searches.
    ///
    /// About one search of width `constructionWidth` a vector: O(log count) each.
    public func add(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingMarked: false) }
        }
    }

    /// The same for an array.
    public func add(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingMarked: false) }
        }
    }

    /// Adds vectors, each in the place of one that is marked as deleted, as long as there are such: those are erased.
    /// Otherwise as ``add(_:labels:threads:)-([Float],_,_)``.
    public func add(_ vectors: [Float], labels: [Label], replacingMarked: Bool, threads: Int? = nil) throws(StoreError)
    {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingMarked: replacingMarked) }
        }
    }

    /// Gives labels that the store has other vectors. A search finds the old vector of a label or the new one, never both
    /// or neither. Throws `unknownLabel` for a label that is not in the store; otherwise as `add`.
    public func update(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .update($0, row: $1) }
        }
    }

    /// Adds vectors or, where the store has the label, marked or not, puts them in the place of the old ones. Otherwise as
    /// `add`; of a label that stands twice in the input the last vector counts.
    public func upsert(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .upsert($0, row: $1) }
        }
    }

    /// Marks vectors as deleted, so that searches no longer find them: all of them or, when it throws, none. Can be undone;
    /// takes no work in the graph. Throws `unknownLabel` for a label that is not in the store or marked already.
    public func mark(_ labels: [Label]) throws(StoreError) {
        try writing().write(operations(labels) { .mark($0) }, .none, threads: nil)
    }

    /// Undoes `mark`. Throws `unknownLabel` for a label that is not in the store or not marked.
    public func unmark(_ labels: [Label]) throws(StoreError) {
        try writing().write(operations(labels) { .unmark($0) }, .none, threads: nil)
    }

    /// Deletes vectors, marked or not, for good: all of them or, when it throws, none. They are taken out of the graph, whose
    /// other nodes stay reachable; their space is used again after the next checkpoint. Throws `unknownLabel` for a label that
    /// is not in the store. About as much work as an insertion each, whatever the store's size.
    public func erase(_ labels: [Label]) throws(StoreError) {
        try writing().write(operations(labels) { .erase($0) }, .none, threads: nil)
    }

    /// Makes the changes of a batch: all of them or, when it throws, none; visible to searches at once and together.
    /// Throws what the single changes throw.
    public func write(_ batch: WriteBatch, threads: Int? = nil) throws(StoreError) {
        let writer = try writing()
        let dimensions = writer.contents.encoding.dimensions
        try takingMemory(for: path, ProcessMemory.expect(batch.vectors.count * dimensions * 4))
        var elements: [Float] = []
        elements.reserveCapacity(batch.vectors.count * dimensions)
        for (row, vector) in batch.vectors.enumerated() {
            guard vector.count == dimensions else {
                throw StoreError(
                    .dimensionMismatch,
                    "vector \(row) of the batch has \(vector.count) dimensions, the store's have \(dimensions)",
                    path: path)
            }
            elements.append(contentsOf: vector)
        }
        try unsafe withElements(elements) { (pointer) throws(StoreError) in
            let rows = try unsafe VectorRows(
                pointer, rows: batch.vectors.count, encoding: writer.contents.encoding, path: path)
            for operation in batch.operations {
                if let (label, row) = operation.labelAndRow { try rows.check(row, label: label, path: path) }
            }
            try writer.write(batch.operations, rows, threads: threads)
        }
    }

    /// Brings everything that is in the log into the files, so that opening has nothing to do and freed space can be used
    /// again. Made by itself when the log or the memory of changes grows long (``OpenOptions/logBytes``), and by `close`. The
    /// work is that of the changes since the last one. Searches go on; changes wait.
    ///
    /// Derived files that are missing or damaged are made again, even where nothing has changed. The first checkpoint after
    /// opening reads `labels` for that, about 6 bytes a vector.
    public func checkpoint() throws(StoreError) {
        try writing().checkpoint()
    }

    /// Everything acknowledged so far survives a power cut when this returns, whatever the durability.
    public func synchronize() throws(StoreError) {
        try writing().synchronize()
    }

    private func change(
        _ vectors: UnsafeBufferPointer<Float>, _ labels: [Label], _ threads: Int?,
        _ operation: (Label, Int) -> WriteBatch.Operation
    ) throws(StoreError) {
        let writer = try writing()
        let rows = try unsafe VectorRows(
            vectors, rows: labels.count, encoding: writer.contents.encoding, path: path)
        for (row, label) in labels.enumerated() { try rows.check(row, label: label, path: path) }
        var row = -1
        let operations = try operations(labels) { label in
            row += 1
            return operation(label, row)
        }
        try writer.write(operations, rows, threads: threads)
    }

    private func operations(
        _ labels: [Label], _ make: (Label) -> WriteBatch.Operation
    ) throws(StoreError) -> [WriteBatch.Operation] {
        try takingMemory(for: path, ProcessMemory.expect(labels.count * MemoryLayout<WriteBatch.Operation>.stride))
        return labels.map { make($0) }
    }
}

extension WriteBatch.Operation {
    /// The label and the number of the vector of an operation that stores one.
    var labelAndRow: (Label, Int)? {
        switch self {
        case .add(let label, let row, _), .update(let label, let row), .upsert(let label, let row): (label, row)
        case .mark, .unmark, .erase, .relink: nil
        }
    }
}
