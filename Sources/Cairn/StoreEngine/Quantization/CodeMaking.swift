import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// Makes the codes of a store: those that are asked for if searches by them lose no more than is promised, else more
/// precise ones, else none. A measurement by searches of the store's own rows decides.
struct CodeMaking {
    private let requested: VectorStore.Quantization
    private let contents: StoreContents
    private let count: Int
    private let place: Place?
    private let measurement: LossMeasurement
    /// nil where making the codes is not what was asked for, so that nothing may stop it.
    private let cancellation: CancellationCheck?

    /// Where a file of codes is made: the store's directory, and the state that the file is to belong to.
    struct Place {
        let directory: Directory
        let header: HeaderSlot
    }

    /// For vectors in the first `count` slots, whose rows are in place and linked. `requested`: not `none`. `place`:
    /// nil for codes in memory. `cancellation`: what may stop it; nil if making codes is not what was asked for.
    init(
        _ requested: VectorStore.Quantization, _ contents: StoreContents, count: Int, threads: Int?, at place: Place?,
        cancellation: CancellationCheck?
    ) {
        self.cancellation = cancellation
        self.requested = requested
        self.contents = contents
        self.count = count
        self.place = place
        measurement = StoreCodes.measurement(contents, threads: threads)
    }

    /// What is tried, one after the other: what is asked for, and what is more precise as long as its rows are shorter
    /// than the vectors'.
    static func kinds(_ requested: VectorStore.Quantization, _ contents: StoreContents) -> [CodeModel.Kind] {
        guard let first = requested.kind else { return [] }
        let finer: [CodeModel.Kind] = first == .scalar4 ? [.scalar8, .half] : [.half]
        let vectorBytes = contents.geometry.stride(of: .vectors)
        return [first]
            + finer.filter { CodeModel.rowBytes($0, dimensions: contents.encoding.dimensions) < vectorBytes }
    }

    /// Walks that have to look further than by this are better made by longer codes.
    private static let mostDepth = 64

    /// Where the grid of codes reaches no more of the vectors than this leaves, they are not worth their memory.
    private static let mostBeyond = 0.1

    /// Trains and encodes until codes keep the promise. They are in memory, or in the file at `place`, which is whole
    /// and durable under its name when this returns; until then the former one stays. `built`: codes of all the rows
    /// that exist already.
    ///
    /// O(count) for each kind that is tried: it reads each vector once. A failure is final when nobody knows which of
    /// the two files has the name.
    func run(built: CodeRows? = nil) throws(CheckpointFailure) -> StoreCodes {
        var attempts: [CodeFileHeader.Attempt] = []
        func codes(_ rows: CodeRows?, _ file: File?, _ measurement: CodeFileHeader.Measurement?) -> StoreCodes {
            StoreCodes(
                requested, contents, rows: rows, file: file, trainedCount: count, attempts: attempts,
                measurement: measurement)
        }
        let sample = try repeatable { () throws(StorageError) in
            try claiming("codes", CodeSample(contents, count: count))
        }
        for kind in Self.kinds(requested, contents) {
            if cancellation?.isCancelled == true { throw CheckpointFailure(error: .cancelled, isFinal: false) }
            let (rows, file) = try repeatable { () throws(StorageError) in
                if let built, built.model.kind == kind { return (built, File?.none) }
                let isProduct = contents.superblock.metric != .l2
                let model = try claiming("codes", sample.train(kind, isProduct: isProduct, count: count))
                return try encode(model)
            }
            let loss = try repeatable { () throws(StorageError) in
                do throws(OutOfMemory) {
                    return try settle(rows)
                } catch {
                    if file != nil { removeNewFile() }
                    throw StorageError("codes", error)
                }
            }
            if loss.beyond > Self.mostBeyond {
                attempts.append(CodeFileHeader.Attempt(kind: kind.rawValue, width: 0, lost: Float(loss.beyond)))
                continue
            }
            if loss.keepsPromise {
                let made = codes(rows, file, CodeFileHeader.Measurement(loss, count: count))
                try publish(made, file)
                return made
            }
            attempts.append(
                CodeFileHeader.Attempt(
                    kind: kind.rawValue, width: loss.bound?.width ?? 0, lost: Float(loss.bound?.lost ?? 0)))
        }
        let file = try repeatable { () throws(StorageError) in try newFile() }
        let none = codes(nil, file, nil)
        try publish(none, file)
        return none
    }

    /// Measures, and has walks look further as long as that makes up for what is lost: a few more candidates cost less
    /// than longer codes. Returns what is lost in the end.
    private func settle(_ rows: CodeRows) throws(OutOfMemory) -> SearchLoss {
        let depth = rows.model.depth
        // A candidate more makes up for the little that half precision loses on the data that need it, and a few more
        // for that many vectors of few components have one code.
        let isLossy = rows.model.error > 0
        let least = isLossy && rows.model.dimensions <= 16 ? 16 : rows.model.kind == .half ? 4 : 0
        let fitting = min(max(depth, least), Self.mostDepth)
        if fitting != depth { rows.deepen(to: fitting) }
        var loss = try measurement.cautiousLoss(of: rows.column)
        while !loss.keepsPromise, let worst = loss.worst, worst.lost < 0.05, rows.model.depth < Self.mostDepth {
            rows.deepen(to: min(max(4, 2 * rows.model.depth), Self.mostDepth))
            loss = try measurement.cautiousLoss(of: rows.column)
        }
        return loss.keepsPromise ? try measurement.loss(of: rows.column) : loss
    }

    private func encode(_ model: CodeModel) throws(StorageError) -> (CodeRows, File?) {
        guard let file = try newFile() else {
            let rows = try CodeRows(model, contents)
            try rows.writeAll(count) { cancellation?.isCancelled == true }
            return (rows, nil)
        }
        do throws(StorageError) {
            let memory = try CodeMemory(
                file, rowsOffset: CodeFileHeader.rowsOffset(dimensions: model.dimensions), rowBytes: model.rowBytes,
                count: 0, slots: contents.memory.reservedSlots, isWritable: true)
            let rows = try claiming(file.path, CodeRows(model, contents, memory, file))
            try rows.writeAll(count) { cancellation?.isCancelled == true }
            return (rows, file)
        } catch {
            removeNewFile()
            throw error
        }
    }

    // MARK: The file

    private func newFile() throws(StorageError) -> File? {
        guard let place else { return nil }
        removeNewFile()
        let file = try File(place.directory[StoreName.newCodes], .create)
        do throws(StorageError) {
            try file.allocate(from: 0, to: CodeFileHeader.rowsOffset(dimensions: contents.encoding.dimensions))
        } catch {
            removeNewFile()
            throw error
        }
        return file
    }

    private func removeNewFile() {
        try? place?.directory[StoreName.newCodes].unlink()
    }

    /// Gives the file its name.
    private func publish(_ codes: StoreCodes, _ file: File?) throws(CheckpointFailure) {
        guard let place, let file else { return }
        do {
            try repeatable { () throws(StorageError) in
                try codes.writePrologue(place.header, to: file)
                try file.synchronize()
                try place.directory[StoreName.newCodes].rename(to: StoreName.codes, "replace the file")
            }
        } catch {
            removeNewFile()
            throw error
        }
        // A directory that could not be synced may have either file once the power is back, and what is written from
        // now on would go to one of them.
        try unrepeatable { () throws(StorageError) in
            try place.directory.synchronize()
        }
    }

    /// Runs a step that leaves the store as it was when it fails, for whatever reason.
    private func repeatable<Result>(
        _ body: () throws(StorageError) -> Result
    ) throws(CheckpointFailure) -> Result {
        do {
            return try body()
        } catch {
            throw CheckpointFailure(error: StoreError(error), isFinal: false)
        }
    }
}
