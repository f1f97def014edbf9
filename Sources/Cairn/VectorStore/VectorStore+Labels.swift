import Allocation
import FileFormat
import HNSW
import MappedStorage

extension VectorStore {
    /// Returns the vector of a label.
    ///
    /// The vector is as you gave it, to the precision of the store's scalar. In a cosine store it is also subject to
    /// the rounding of normalizing. You may call this from any thread; it takes no lock.
    ///
    /// - Parameter label: The label of the vector.
    /// - Returns: The vector; nil if the label is not in the store or is marked deleted.
    /// - Throws: ``StoreError``: `closed` after ``close()``; `full` if there is no memory.
    public func vector(for label: Label) throws(StoreError) -> [Float]? {
        try reading { (session) throws(StoreError) in
            try takingMemory(for: path, labels.slot(of: label, in: session.view)).map { session.contents.vector($0) }
        }
    }

    /// Returns the vectors of several labels, all of the same state of the store.
    ///
    /// Each vector is as ``vector(for:)`` returns it. You may call this from any thread; it takes no lock.
    ///
    /// - Parameter labels: The labels of the vectors.
    /// - Returns: A vector for each label, in the order of the labels; nil for a label that is not in the store or is
    ///   marked deleted.
    /// - Throws: ``StoreError``: `closed` after ``close()``; `full` if there is no memory for the vectors.
    /// - Complexity: O(labels), with a lookup and a read for each.
    public func vectors(for labels: [Label]) throws(StoreError) -> [[Float]?] {
        try reading { (session) throws(StoreError) in
            let contents = session.contents
            var found: [[Float]?] = []
            try takingMemory(
                for: path,
                ProcessMemory.expect(growing: labels.count, stride: 64 + 4 * contents.encoding.dimensions))
            found.reserveCapacity(labels.count)
            for label in labels {
                let slot = try takingMemory(for: path, session.labels.slot(of: label, in: session.view))
                found.append(slot.map { contents.vector($0) })
            }
            return found
        }
    }

    /// Calls a function with each label and its vector, in the order in which the store keeps them.
    ///
    /// All vectors are of the state that the store has when you call this. Vectors that are marked deleted are left
    /// out, and so may be one that another thread marks deleted and brings back meanwhile. Other threads may change the store.
    /// Space that they free is not used again before this returns, so a slow `body` lets the store grow.
    ///
    /// - Parameter body: The function to call. The vector that it gets is valid only during the call. It may search the
    ///   store. It must not change or close it: a change can wait for this to return.
    /// - Throws: The error that `body` throws, which ends the iteration; or ``StoreError``: `closed` after ``close()``,
    ///   or `full` if there is no memory.
    /// - Complexity: O(vectors). It reads the data file once, in order.
    public func forEachVector(_ body: (_ label: Label, _ vector: Span<Float>) throws -> Void) throws {
        let outcome = try reading { (session) throws(StoreError) -> Result<Void, any Error> in
            let contents = session.contents, view = session.view
            let slots = session.graph.slots, dimensions = contents.encoding.dimensions, count = view.count
            let vector = try takingMemory(for: path, Memory<Float>(dimensions))
            return Result {
                for first in stride(from: 0, to: count, by: Self.portion) {
                    let portion = first..<min(first + Self.portion, count)
                    contents.memory.expect(
                        portion.upperBound..<portion.upperBound + Self.portion, of: Self.columnsOfRows)
                    for slot in portion where slots.isVisible(UInt32(slot), at: view.sequence) {
                        unsafe contents.readVector(UInt32(slot), to: vector.buffer.base)
                        let row = unsafe UnsafeBufferPointer(start: vector.buffer.base, count: dimensions)
                        try unsafe body(slots.label(UInt32(slot)), Span(_unsafeElements: row))
                    }
                    contents.memory.release(portion, of: Self.columnsOfRows)
                }
            }
        }
        try outcome.get()
    }

    /// The number of slots that are read ahead, and let go of, at a time.
    private static var portion: Int { 4096 }

    /// Returns whether a label is in the store and not marked deleted.
    ///
    /// You may call this from any thread; it takes no lock.
    ///
    /// - Parameter label: The label to look for.
    /// - Returns: True if searches can find the label.
    /// - Throws: ``StoreError``: `closed` after ``close()``; `full` if there is no memory.
    public func contains(_ label: Label) throws(StoreError) -> Bool {
        try reading { (session) throws(StoreError) in
            try takingMemory(for: path, labels.slot(of: label, in: session.view)) != nil
        }
    }

    /// Returns all labels, in the order in which the store keeps the vectors.
    ///
    /// Labels that are marked deleted are left out. You may call this from any thread; it takes no lock.
    ///
    /// - Returns: The labels.
    /// - Throws: ``StoreError``: `closed` after ``close()``; `full` if there is no memory for the labels.
    /// - Complexity: O(vectors).
    public func allLabels() throws(StoreError) -> [Label] {
        try reading { (session) throws(StoreError) in
            let slots = session.graph.slots, view = session.view
            // As slots, then as labels.
            try takingMemory(for: path, ProcessMemory.expect(growing: counts.load().live, stride: 8))
            return (0..<UInt32(view.count)).filter { slots.isVisible($0, at: view.sequence) }.map { slots.label($0) }
        }
    }

    /// Returns the labels that are marked deleted, in the order in which the store keeps the vectors.
    ///
    /// ``unmarkDeleted(_:)`` brings them back. You may call this from any thread; it takes no lock.
    ///
    /// - Returns: The labels.
    /// - Throws: ``StoreError``: `closed` after ``close()``; `full` if there is no memory for the labels.
    /// - Complexity: O(vectors).
    public func deletedLabels() throws(StoreError) -> [Label] {
        try reading { (session) throws(StoreError) in
            let slots = session.graph.slots, view = session.view
            try takingMemory(for: path, ProcessMemory.expect(growing: counts.load().marked, stride: 32))
            let unseen = (0..<UInt32(view.count)).filter {
                !slots.isVisible($0, at: view.sequence) && slots.state($0).hasLabel
            }
            // A batch that is being made shows in states before it is published, but not in where labels lead.
            return unseen.map { (slot: $0, label: slots.label($0)) }
                .filter { labels.leads($0.label, toMarked: $0.slot) }.map(\.label)
        }
    }
}
