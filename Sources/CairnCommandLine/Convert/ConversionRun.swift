import Cairn
import HnswlibFile
import MappedStorage
import SystemPackage
import VectorFiles

/// What a conversion did, or what a check of it found.
struct ConversionOutcome {
    var bytesWritten = 0
    /// Of an hnswlib index that was written: whether it is, byte for byte, the one that the data came from.
    var isByteIdentical: Bool?
    var warnings: [String] = []
    /// nil where the plan has them.
    var counts: ConversionCounts?
}

extension ConversionPlan {
    /// Done and total, in whatever is counted.
    typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

    /// What `run` and `check` count.
    var progressUnit: ProgressBar.Unit {
        if case .importIndex = work { .bytes } else { .rows }
    }

    /// Does it. When it throws, nothing is at `destination` that was not before, unless all that failed is the sync
    /// of its directory.
    func run(progress: @escaping Progress) throws -> ConversionOutcome {
        switch work {
        case .writeVectors(let rows, let format, let scalar, let labels):
            return try writeVectors(rows, format, scalar, labels, progress)
        case .writeIntegers(let file, let format, let scalar): return try writeIntegers(file, format, scalar, progress)
        case .build(let build):
            try build.run(at: destination, progress: progress)
            return ConversionOutcome(bytesWritten: try VectorStore.open(at: destination).info.fileBytes)
        case .buildIndex(let build, let options):
            let temporary = try TemporaryStore(nextTo: destination) { try build.run(at: $0, progress: progress) }
            var outcome = try export(VectorStore.open(at: temporary.path), options, progress)
            outcome.isByteIdentical = false
            return outcome
        case .copyIndex(let index, let survey, let maximumElements):
            let capacity = maximumElements.map { UInt64($0) } ?? index.header.capacity
            return ConversionOutcome(
                bytesWritten: try index.copy(to: destination, capacity: capacity, survey, progress: progress),
                isByteIdentical: index.layout == .hnswlib && capacity == index.header.capacity)
        case .importIndex(let index, let options, let metadata):
            return try importIndex(index, options, metadata, progress)
        case .exportStore(let store, let options): return try export(store, options, progress)
        case .copyStore(let metric):
            try VectorStore.copy(from: source, to: destination, metric: metric, progress: progress)
            return ConversionOutcome(bytesWritten: try VectorStore.open(at: destination).info.fileBytes)
        }
    }

    private func writeVectors(
        _ rows: any RowStream, _ format: VectorFileFormat, _ scalar: VectorFileScalar, _ labels: FilePath?,
        _ progress: Progress
    ) throws -> ConversionOutcome {
        let writer = try VectorFileWriter(
            destination, format: format, scalar: scalar, dimensions: rows.dimensions)
        let labelWriter = try labels.map { try LabelWriter($0) }
        try append(rows, to: writer, progress) { try unsafe labelWriter?.stream?.append($0.filledLabels) }
        try writer.complete()
        let outcome = ConversionOutcome(
            bytesWritten: writer.byteCount, warnings: (rows as? IndexRows)?.warnings ?? [])
        guard let labelWriter else {
            try writer.finish()
            return outcome
        }
        try labelWriter.complete()
        // Both or none.
        try UnfinishedFiles.together {
            try labelWriter.finish()
            do {
                try writer.finish()
            } catch {
                labelWriter.takeBack()
                throw error
            }
        }
        return outcome
    }

    private func writeIntegers(
        _ file: VectorFile, _ format: VectorFileFormat, _ scalar: VectorFileScalar, _ progress: Progress
    ) throws -> ConversionOutcome {
        let writer = try VectorFileWriter(destination, format: format, scalar: scalar, dimensions: file.dimensions)
        try append(file, to: writer, progress)
        try writer.finish()
        return ConversionOutcome(bytesWritten: writer.byteCount)
    }

    private func importIndex(
        _ index: HnswlibIndex, _ options: VectorStore.ImportOptions, _ metadata: ChromaMetadata?,
        _ progress: @escaping Progress
    ) throws -> ConversionOutcome {
        var options = options
        options.progress = progress
        let report = try VectorStore.importHnswlib(from: index.path, to: destination, options: options)
        let store = try VectorStore.open(at: destination)
        let ofMetadata = try metadata?.warnings(of: store.allLabels()) ?? []
        return ConversionOutcome(
            bytesWritten: try store.info.fileBytes, warnings: report.warnings + ofMetadata,
            counts: ConversionCounts(live: report.count, deleted: report.deletedCount))
    }

    /// Throws what would be thrown for an index or for the values of vectors, and writes nothing. What OUT holds
    /// whatever it is, is not read. Returns what only reading tells.
    func check(progress: @escaping Progress) throws -> ConversionOutcome {
        func trial(_ format: VectorFileFormat, _ scalar: VectorFileScalar) throws -> VectorFileWriter {
            try VectorFileWriter(
                destination, format: format, scalar: scalar, dimensions: facts.dimensions, isTrial: true)
        }
        switch work {
        case .writeVectors(let rows, let format, let scalar, _):
            let writer = try trial(format, scalar)
            let hasLengths = (rows as? IndexRows)?.hasLengths ?? false
            if rows is VectorFileRows || hasLengths || scalar != .float32 { try append(rows, to: writer, progress) }
            if facts.counts?.live == 0 { try writer.complete() }
            return ConversionOutcome(warnings: (rows as? IndexRows)?.warnings ?? [])
        case .writeIntegers(let file, let format, let scalar):
            let writer = try trial(format, scalar)
            try append(file, to: writer, progress)
            try writer.complete()
        case .build(let build), .buildIndex(let build, _): try build.check(progress: progress)
        case .importIndex(let index, _, let metadata):
            let checked = try CheckedIndex(index, progress: progress)
            return ConversionOutcome(
                warnings: checked.warnings + (metadata?.warnings(of: checked.labels) ?? []),
                counts: ConversionCounts(live: checked.count, deleted: checked.deletedCount))
        case .copyIndex, .exportStore, .copyStore: break
        }
        return ConversionOutcome()
    }

    private func append(
        _ rows: any RowStream, to writer: VectorFileWriter, _ progress: Progress,
        andThen body: (RowBlock) throws -> Void = { _ in }
    ) throws {
        let block = try RowBlock(dimensions: rows.dimensions)
        var place = 0
        while place < rows.length {
            place = try rows.read(from: place, into: block)
            try unsafe writer.append(block.filledVectors)
            try body(block)
            progress(place, rows.length)
        }
    }

    private func append(_ file: VectorFile, to writer: VectorFileWriter, _ progress: Progress) throws {
        let atOnce = max(1, (4 << 20) / (8 * file.dimensions))
        for first in stride(from: 0, to: file.rows, by: atOnce) {
            let rows = first..<min(file.rows, first + atOnce)
            // Any of the types fits one of these.
            if file.scalar == .uint64 {
                try writer.append(file.readLabels(rows: rows))
            } else {
                try writer.append(file.readIntegers(rows: rows))
            }
            progress(rows.upperBound, file.rows)
        }
    }

    private func export(
        _ store: VectorStore, _ options: VectorStore.ExportOptions, _ progress: @escaping Progress
    ) throws -> ConversionOutcome {
        var options = options
        options.progress = progress
        let report = try store.exportHnswlib(to: destination, options: options)
        return ConversionOutcome(bytesWritten: report.bytesWritten, isByteIdentical: report.isOriginal)
    }
}

/// The file of labels that goes with a file of vectors.
private final class LabelWriter {
    var stream: NpyStream<Label>?
    private let path: FilePath
    /// Whether nothing has its name.
    private let isNew: Bool

    init(_ path: FilePath) throws {
        self.path = path
        isNew = Directory.kind(of: path) == .missing
        stream = try NpyStream(path)
    }

    func complete() throws { try stream?.complete() }

    func finish() throws { try stream.take()?.finish() }

    /// Removes the finished file, unless it has replaced another one: that is lost in any case.
    func takeBack() {
        if isNew { try? SystemCalls.system.unlink(SystemCalls.workingDirectory, path) }
    }
}
