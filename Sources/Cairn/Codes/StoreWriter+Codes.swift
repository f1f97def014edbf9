import HNSW
import MappedStorage
import SystemPackage

extension StoreWriter {
    /// Trains codes where that is due. A store that cannot have them now, for want of space, goes on without or with those it
    /// has, and tries again later. Throws when nothing may be written any more.
    func refreshCodes() throws(StoreError) {
        let count = contents.graph.count
        contents.graph.releaseFormerCodes()
        guard let kind = codeKind.kind, StoreCodes.isDue(codes, count: count), count >= codesRetryCount else { return }
        do throws(CheckpointFailure) {
            use(try StoreCodes.make(kind, contents, count: count, at: disk?.codePlace))
        } catch {
            codesRetryCount = count + count / 4 + 1
            if error.isFinal { throw fail(error) }
        }
    }

    /// Lets searches and insertions go by `codes`.
    private func use(_ codes: StoreCodes?) {
        self.codes = codes
        contents.graph.setCodes(codes?.column)
    }

    /// Remembers that nothing may be written any more; returns what to throw.
    private func fail(_ problem: CheckpointFailure) -> StoreError {
        if let disk { _ = fail(StorageError(disk.path, "make codes", problem.error.systemError ?? .ioError)) }
        failure = problem.error
        return problem.error
    }

    /// Gives the store other codes, or makes those that it has anew; durable when it returns. `publish` is called with what the
    /// store has from then on, before anybody else can change it.
    func setCodes(_ kind: Codes, publish: () -> Void) throws(StoreError) {
        try alone { () throws(StoreError) in
            try checkUsable()
            // The file will belong to the header's state and to this one at once.
            if disk?.hasChanges == true { try checkpointAlone(refreshesCodes: false) }
            let graph = contents.graph
            var made: StoreCodes?
            if let kind = kind.kind, graph.count >= Codes.leastCount {
                do throws(CheckpointFailure) {
                    made = try StoreCodes.make(kind, contents, count: graph.count, at: disk?.codePlace)
                } catch {
                    throw error.isFinal ? fail(error) : error.error
                }
            }
            if let disk, kind != codeKind {
                do throws(StorageError) {
                    try disk.setCodes(kind)
                } catch {
                    throw fail(error)
                }
            }
            if let disk, kind == .none { try? disk.calls.unlink(disk.path.appending(StoreName.codes)) }
            codeKind = kind
            codesRetryCount = 0
            use(made)
            publish()
        }
    }
}
