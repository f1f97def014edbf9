import Allocation
import HNSW
import MappedStorage
import SystemPackage

extension StoreWriter {
    /// Makes codes where that is due: there are enough vectors, or other ones than those that the codes were made for.
    /// Codes that rows of late cast doubt on are measured first. A store that cannot have new ones now, for want of
    /// space, goes on without or with those it has, and tries again later. Throws when nothing may be written any more.
    /// `rests`: a checkpoint, which may be the last change for long.
    func refreshCodes(rests: Bool = false) throws(StoreError) {
        let count = contents.graph.count
        contents.graph.releaseFormerCodes()
        guard codeKind != .none, count >= contents.leastCodedCount, count >= codesRetryCount else { return }
        if let codes, !codes.isOutdated(count: count) {
            guard codes.isDoubtful || codes.isMeasuredLongAgo(rests: rests) else { return }
            do throws(OutOfMemory) {
                if try codes.review(threads: options.threads) { return use(codes) }
            } catch {
                // Nobody knows what they lose now: searches go by the vectors until there is memory to look.
                contents.suspendCodes()
                codesRetryCount = count + count / 4 + 1
                return
            }
            contents.suspendCodes()
        }
        do throws(CheckpointFailure) {
            use(try madeCodes(codeKind))
        } catch {
            codesRetryCount = count + count / 4 + 1
            if error.isFinal { throw fail(error) }
        }
    }

    private func madeCodes(
        _ kind: VectorStore.Quantization, _ cancellation: CancellationCheck? = nil
    ) throws(CheckpointFailure) -> StoreCodes {
        if let disk { try unrepeatable { () throws(StorageError) in try disk.checkIsInPlace() } }
        let count = contents.graph.count
        return try CodeMaking(
            kind, contents, count: count, threads: options.threads, at: disk?.codePlace, cancellation: cancellation
        ).run()
    }

    /// Takes note of how many rows of a batch have their nearest put out of their order by the codes. Where there are
    /// many, searches go by vectors from now on, until `refreshCodes` has measured what is lost.
    func noteDoubted(_ rows: Int) {
        guard let codes else { return }
        codes.note(doubted: rows)
        if codes.isDoubtful && contents.graph.codes != nil { contents.suspendCodes() }
    }

    /// Lets searches and insertions go by `codes`.
    private func use(_ codes: StoreCodes?) {
        self.codes = codes
        contents.use(codes)
    }

    /// Remembers that nothing may be written any more; returns what to throw.
    private func fail(_ problem: CheckpointFailure) -> StoreError {
        if let disk { _ = fail(StorageError(disk.path, "quantize the vectors", problem.error.systemError ?? .ioError)) }
        failure = problem.error
        return problem.error
    }

    /// Gives the store other codes, or makes those that it has again; durable when it returns. `publish` is called with
    /// what the store has from then on, before anybody else can change it.
    func setCodes(_ kind: VectorStore.Quantization, publish: () -> Void) throws(StoreError) {
        try alone { () throws(StoreError) in
            try checkUsable()
            // The file will belong to the header's state and to this one at once.
            if disk?.hasChanges == true { try checkpointAlone(refreshesCodes: false) }
            let graph = contents.graph
            var made: StoreCodes?
            if kind != .none && graph.count >= contents.leastCodedCount {
                do throws(CheckpointFailure) {
                    made = try madeCodes(kind, CancellationCheck())
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
            if kind == .none { try? disk?.directory[StoreName.codes].unlink() }
            codeKind = kind
            codesRetryCount = 0
            use(made)
            publish()
        }
    }
}
