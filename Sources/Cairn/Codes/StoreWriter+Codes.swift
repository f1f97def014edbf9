import HNSW
import MappedStorage
import SystemPackage

extension StoreWriter {
    /// Trains codes where that is due. A store that cannot have them now, for want of space, goes on without or with those it
    /// has, and tries again later.
    func refreshCodes() {
        let count = contents.graph.count
        guard let kind = codeKind.kind, StoreCodes.isDue(codes, count: count), count >= codesRetryCount else { return }
        do throws(StorageError) {
            use(try StoreCodes.make(kind, contents, count: count, disk: disk))
        } catch {
            codesRetryCount = count + count / 4 + 1
        }
    }

    /// Lets searches and insertions go by `codes`.
    private func use(_ codes: StoreCodes?) {
        self.codes = codes
        contents.graph.setCodes(codes?.column)
    }

    /// Gives the store other codes, or makes those that it has anew; durable when it returns.
    func setCodes(_ kind: Codes) throws(StoreError) {
        try alone { () throws(StoreError) in
            try checkUsable()
            // The file will belong to the header's state and to this one at once.
            if disk?.hasChanges == true { try checkpointAlone() }
            let graph = contents.graph
            var made: StoreCodes?
            if let kind = kind.kind, graph.count >= Codes.leastCount {
                made = try translating { () throws(StorageError) in
                    try StoreCodes.make(kind, contents, count: graph.count, disk: disk)
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
        }
    }
}
