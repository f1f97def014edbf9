import Allocation
import HNSW

extension VectorStore {
    /// Adds vectors under new labels: all of them or, if this throws, none.
    ///
    /// When this returns, searches find the vectors, and they survive the failures that ``OpenOptions/durability``
    /// names. The call waits for other changes, but not for searches. You may call this from any thread. The graph is
    /// the same for every number of threads.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: `dimensionMismatch`, `invalidVector` or `duplicateLabel` if a vector cannot be added;
    ///   ``StoreError/row`` is the number of the first one. `full` if there is no room; `io` if the disk fails;
    ///   `readOnly` if the handle was opened for reading; `closed` after ``close()``; `failed` after an earlier write
    ///   that failed; `forked` in a child of the process that opened the store.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(log n) for each vector in a store of n: about one search with efConstruction as its ef.
    public func add(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingDeleted: false) }
        }
    }

    /// Adds vectors, which may take the slots of vectors that are marked deleted: all of them or, if this throws, none.
    ///
    /// Each new vector takes the slot of a vector that is marked deleted, as long as there are such vectors. These are
    /// erased.
    ///
    /// When this returns, searches find the vectors, and they survive the failures that ``OpenOptions/durability``
    /// names. The call waits for other changes, but not for searches. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - replacingDeleted: Whether new vectors take the slots of vectors that are marked deleted.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)``.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(log n) for each vector in a store of n: about one search with efConstruction as its ef.
    public func add(_ vectors: [Float], labels: [Label], replacingDeleted: Bool, threads: Int? = nil) throws(StoreError)
    {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingDeleted: replacingDeleted) }
        }
    }

    /// Replaces the vectors of labels that are in the store: all of them or, if this throws, none.
    ///
    /// A search finds the old vector of a label or the new one, never both or neither. The changes survive the failures
    /// that ``OpenOptions/durability`` names. The call waits for other changes, but not for searches. You may call this
    /// from any thread.
    ///
    /// - Parameters:
    ///   - vectors: The components of the new vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: `unknownLabel` if a label is not in the store; ``StoreError/row`` is the number of the
    ///   first one. Otherwise the errors of ``add(_:labels:threads:)``.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(log n) for each vector in a store of n: about one search with efConstruction as its ef.
    public func update(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .update($0, row: $1) }
        }
    }

    /// Adds vectors, and replaces those whose labels are in the store: all of them or, if this throws, none.
    ///
    /// It also replaces vectors that are marked deleted. If a label occurs twice in the input, the last vector counts.
    /// A search finds the old vector of a label or the new one, never both or neither.
    ///
    /// The changes survive the failures that ``OpenOptions/durability`` names. The call waits for other changes, but
    /// not for searches. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)`` without `duplicateLabel`.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(log n) for each vector in a store of n: about one search with efConstruction as its ef.
    public func upsert(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .upsert($0, row: $1) }
        }
    }

    /// Deletes vectors in a way that you can undo: all of them or, if this throws, none.
    ///
    /// The vectors are marked deleted, and searches no longer find them. ``unmarkDeleted(_:)`` brings them back. The
    /// graph stays as it is. The changes survive the failures that ``OpenOptions/durability`` names. You may call this
    /// from any thread.
    ///
    /// - Parameter labels: The labels of the vectors.
    /// - Throws: ``StoreError``: `unknownLabel` if a label is not in the store or is marked deleted already;
    ///   ``StoreError/row`` is the number of the first one. `full`, `io`, `readOnly`, `closed`, `failed` or `forked` if
    ///   the store cannot be changed.
    /// - Complexity: O(labels).
    public func markDeleted(_ labels: [Label]) throws(StoreError) {
        try writing().write(operations(labels) { .mark($0) }, .none, threads: nil)
    }

    /// Brings back vectors that are marked deleted: all of them or, if this throws, none.
    ///
    /// Searches find the vectors again. The changes survive the failures that ``OpenOptions/durability`` names. You may
    /// call this from any thread.
    ///
    /// - Parameter labels: The labels of the vectors.
    /// - Throws: ``StoreError``: `unknownLabel` if a label is not in the store or is not marked deleted;
    ///   ``StoreError/row`` is the number of the first one. `full`, `io`, `readOnly`, `closed`, `failed` or `forked` if
    ///   the store cannot be changed.
    /// - Complexity: O(labels).
    public func unmarkDeleted(_ labels: [Label]) throws(StoreError) {
        try writing().write(operations(labels) { .unmark($0) }, .none, threads: nil)
    }

    /// Erases vectors permanently, marked deleted or not: all of them or, if this throws, none.
    ///
    /// The vectors are taken out of the graph, and all other vectors stay reachable. Their space is used again after
    /// the next checkpoint. The changes survive the failures that ``OpenOptions/durability`` names. You may call this
    /// from any thread.
    ///
    /// - Parameter labels: The labels of the vectors.
    /// - Throws: ``StoreError``: `unknownLabel` if a label is not in the store; ``StoreError/row`` is the number of the
    ///   first one. `full`, `io`, `readOnly`, `closed`, `failed` or `forked` if the store cannot be changed.
    /// - Complexity: About the work of an insertion for each label, whatever the size of the store.
    public func erase(_ labels: [Label]) throws(StoreError) {
        try writing().write(operations(labels) { .erase($0) }, .none, threads: nil)
    }

    /// Makes the changes of a batch: all of them or, if this throws, none.
    ///
    /// Searches see all of the changes at once. The changes survive the failures that ``OpenOptions/durability`` names.
    /// The call waits for other changes, but not for searches. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - batch: The changes, which are made in their order.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of the single changes: `dimensionMismatch`, `invalidVector`,
    ///   `duplicateLabel` or `unknownLabel` for a change that cannot be made; `full`, `io`, `readOnly`, `closed`,
    ///   `failed` or `forked` if the store cannot be changed.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: That of the single changes.
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
            try writer.write(batch.operations, rows, position: batch.position, threads: threads)
        }
    }

    /// Makes a checkpoint: writes all changes from the log into the other files of the store.
    ///
    /// After it, opening the store has nothing to do, and the space of erased and replaced vectors can be used again.
    /// The store makes checkpoints by itself, when the log (``OpenOptions/logBytes``) or the memory of changes
    /// (``OpenOptions/overlayBytes``) grows large, and in ``close()``.
    ///
    /// A checkpoint also makes derived files again that are missing or damaged, even if nothing has changed. The first
    /// checkpoint after opening reads `labels` for this, about 6 bytes for each vector.
    ///
    /// When this returns, all changes survive a power cut, whatever the durability. Searches go on meanwhile. Changes
    /// wait. You may call this from any thread.
    ///
    /// - Throws: ``StoreError``: `full` or `io` if the checkpoint fails, and the changes stay safe in the log;
    ///   `readOnly`, `closed`, `failed` or `forked` if the store cannot be changed.
    /// - Complexity: O(changes since the last checkpoint).
    public func checkpoint() throws(StoreError) {
        try writing().checkpoint()
    }

    /// Makes all changes durable, so that they survive a power cut, whatever the durability.
    ///
    /// It waits until the log is on the disk. You may call this from any thread.
    ///
    /// - Throws: ``StoreError``: `io` or `full` if the disk fails; `readOnly`, `closed`, `failed` or `forked` if the
    ///   store cannot be changed.
    public func synchronize() throws(StoreError) {
        try writing().synchronize()
    }

    func change(
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

extension VectorStore.WriteBatch.Operation {
    /// The label and the number of the vector of an operation that stores one.
    var labelAndRow: (Label, Int)? {
        switch self {
        case .add(let label, let row, _), .update(let label, let row), .upsert(let label, let row): (label, row)
        case .mark, .unmark, .erase, .relink: nil
        }
    }
}
