import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

/// What a conversion did.
struct ConversionOutcome {
    var bytesWritten = 0
    /// Of an hnswlib index that was written: whether it is, byte for byte, the one that the data came from.
    var isByteIdentical: Bool?
    var warnings: [String] = []
}

extension ConversionPlan {
    /// Done and total, in whatever is counted.
    typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

    /// Does it. When it throws, nothing stands at `destination` that did not before.
    func run(progress: @escaping Progress) throws -> ConversionOutcome {
        switch work {
        case .writeVectors(let rows, let format, let scalar, let labels):
            return try writeVectors(rows, format, scalar, labels, progress)
        case .writeIntegers(let file, let format, let scalar): return try writeIntegers(file, format, scalar, progress)
        case .build(let build):
            try build.run(at: destination, progress: progress)
            return ConversionOutcome(bytesWritten: try VectorStore.open(at: destination).info.fileBytes)
        case .buildIndex(let build, let options):
            let temporary = try TemporaryStore(beside: destination) { try build.run(at: $0, progress: progress) }
            var outcome = try export(VectorStore.open(at: temporary.path), options, progress)
            outcome.isByteIdentical = false
            return outcome
        case .copyIndex(let index, let maximumElements): return try copy(index, maximumElements, progress)
        case .importIndex(let index, let survey, var options):
            options.progress = progress
            let report = try VectorStore.importHnswlib(index, survey, to: destination, options: options)
            return ConversionOutcome(
                bytesWritten: try VectorStore.open(at: destination).info.fileBytes,
                warnings: report.warnings.filter { !warnings.contains($0) })
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
        var labelWriter = try labels.map { try LabelWriter($0) }
        let block = RowBlock(dimensions: rows.dimensions)
        var place = 0
        while place < rows.length {
            place = try rows.read(from: place, into: block)
            try unsafe writer.append(block.filledVectors)
            try unsafe labelWriter?.stream?.append(block.filledLabels)
            progress(place, rows.length)
        }
        try labelWriter?.finish()
        labelWriter = nil
        try writer.finish()
        return ConversionOutcome(bytesWritten: writer.byteCount)
    }

    private func writeIntegers(
        _ file: VectorFile, _ format: VectorFileFormat, _ scalar: VectorFileScalar, _ progress: Progress
    ) throws -> ConversionOutcome {
        let writer = try VectorFileWriter(destination, format: format, scalar: scalar, dimensions: file.dimensions)
        let atOnce = max(1, (4 << 20) / (8 * file.dimensions))
        for first in stride(from: 0, to: file.rows, by: atOnce) {
            let rows = first..<min(file.rows, first + atOnce)
            try writer.append(file.readIntegers(rows: rows))
            progress(rows.upperBound, file.rows)
        }
        try writer.finish()
        return ConversionOutcome(bytesWritten: writer.byteCount)
    }

    private func export(
        _ store: VectorStore, _ options: VectorStore.ExportOptions, _ progress: @escaping Progress
    ) throws -> ConversionOutcome {
        var options = options
        options.progress = progress
        let report = try store.exportHnswlib(to: destination, options: options)
        return ConversionOutcome(bytesWritten: report.bytesWritten, isByteIdentical: report.isOriginal)
    }

    private func copy(
        _ index: HnswlibIndex, _ maximumElements: Int?, _ progress: Progress
    ) throws -> ConversionOutcome {
        var header = index.header
        if let maximumElements { header.capacity = UInt64(maximumElements) }
        let writer = try HnswlibWriter(destination, header: header)
        let raw = RawRows(), atOnce = max(1, RawRows.byteCount / header.elementBytes)
        for first in stride(from: 0, to: header.count, by: atOnce) {
            let slots = first..<min(header.count, first + atOnce)
            let elements = unsafe raw.buffer(slots.count * header.elementBytes)
            try unsafe index.readElements(slots, into: elements)
            try unsafe writer.appendElements(UnsafeRawBufferPointer(elements))
            progress(slots.upperBound, header.count)
        }
        try unsafe index.forEachUpperNode { (slot, level, words) throws(HnswlibFileError) in
            try unsafe writer.appendUpperNode(slot, level: level, words: words)
        }
        return ConversionOutcome(
            bytesWritten: try writer.finish(),
            isByteIdentical: index.layout == .hnswlib && header.capacity == index.header.capacity)
    }
}

/// The file of labels that goes with a file of vectors.
private final class LabelWriter {
    var stream: NpyStream<Label>?

    init(_ path: FilePath) throws { stream = try NpyStream(path) }

    func finish() throws { try stream.take()?.finish() }
}
