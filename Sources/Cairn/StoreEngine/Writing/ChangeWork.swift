import HNSW

/// The work of changes or searches, as counts that a machine's speed does not enter.
package struct ChangeWork: Sendable, Hashable {
    package var distances: Int
    package var listsRead: Int
    package var listsWritten: Int

    package static func - (after: ChangeWork, before: ChangeWork) -> ChangeWork {
        ChangeWork(
            distances: after.distances - before.distances, listsRead: after.listsRead - before.listsRead,
            listsWritten: after.listsWritten - before.listsWritten)
    }
}

extension VectorStore {
    /// What changes have cost since this handle was opened for writing.
    package var changeWork: ChangeWork {
        get throws(StoreError) {
            let writer = try writing()
            return try writer.alone { () throws(StoreError) in writer.work }
        }
    }

    /// What searches have cost since this handle was opened, while none is under way.
    package var searchWork: ChangeWork {
        get throws(StoreError) {
            try reading { session in
                let work = session.graph.readers.work, scratch = session.scratch
                return ChangeWork(
                    distances: work.distances + scratch.distanceCount, listsRead: work.listsRead + scratch.hopCount,
                    listsWritten: 0)
            }
        }
    }
}
