import Allocation
import FileFormat
import HNSW
import HnswlibFile
import MappedStorage
import SystemPackage
import Threading

/// One import of an hnswlib index: what it says is checked first, then written row by row.
struct HnswlibImport {
    private let index: HnswlibIndex
    private let options: VectorStore.ImportOptions
    private let calls: SystemCalls
    private let configuration: VectorStore.Configuration

    init(from file: FilePath, options: VectorStore.ImportOptions, calls: SystemCalls) throws(StoreError) {
        let index = try translating(hnswlib: { () throws(HnswlibFileError) in try HnswlibIndex(file, calls: calls) })
        try self.init(index, options: options, calls: calls)
    }

    init(_ index: HnswlibIndex, options: VectorStore.ImportOptions, calls: SystemCalls) throws(StoreError) {
        self.index = index
        self.options = options
        self.calls = calls
        let header = index.header
        guard header.count > 0 || index.layout != .chromaFolder else {
            throw StoreError(
                .invalidArgument,
                "Chroma has written no vectors here yet: until a collection has had hnsw:sync_threshold changes, 1000 unless set "
                    + "otherwise, they are in chroma.sqlite3 alone",
                remedy: "`cairn convert` takes them from there",
                path: index.path)
        }
        let size = VectorEncoding.size(of: options.scalar)
        let dimensions = options.dimensions ?? header.vectorBytes / size
        guard Superblock.dimensionsRange.contains(dimensions), dimensions * size == header.vectorBytes else {
            throw StoreError(
                .dimensionMismatch,
                "its vectors have \(header.vectorBytes) bytes, which are not \(dimensions) components of \(options.scalar.rawValue), "
                    + "\(size) bytes each",
                remedy: "give the right number of dimensions and the right scalar", path: index.path
            )
        }
        let width = VectorStore.Configuration.widthRange.upperBound
        configuration = VectorStore.Configuration(
            dimensions: dimensions, metric: options.metric, scalar: options.scalar, m: header.connectivity,
            efConstruction: Int(min(max(header.constructionWidth, 1), UInt64(width))),
            ef: options.ef)
        try configuration.validate()
    }

    func run(to path: FilePath) throws(StoreError) -> VectorStore.ImportReport {
        try VectorStore.checkVacant(path)
        let total = 2 * index.fileBytes
        let checked = try CheckedIndex(index) { done, _ in options.progress?(done, total) }
        // That took a while.
        try VectorStore.checkVacant(path)
        let draft = try StoreDraft(for: path, calls: calls)
        do {
            let report = try fill(draft, checked)
            try draft.publish()
            return report
        } catch {
            draft.discard()
            throw error
        }
    }

    private func fill(_ draft: StoreDraft, _ checked: CheckedIndex) throws(StoreError) -> VectorStore.ImportReport {
        let image = try image(checked), survey = checked.survey
        var report = VectorStore.ImportReport(configuration: configuration)
        let rows = HnswlibRows(index, survey, image, hasNorms: configuration.metric == .cosine)
        let ahead = index.readAhead(), cancellation = CancellationCheck()
        try draft.write(image) {
            var origin = image.superblock.origin
            origin?.elementChecksum = rows.checksum
            return origin
        } rows: { (range, stream) throws(StoreError) in
            try cancellation.check()
            ahead.advance(to: range.lowerBound)
            try translating(hnswlib: { () throws(HnswlibFileError) in try rows.read(range) })
            try translating { () throws(StorageError) in
                try stream.append(range.count) { rows.copy(range, into: $0, image.superblock.geometry) }
            }
            guard !rows.hasChanged else { throw StoreError(changed) }
            let bytes = Double(index.fileBytes) * Double(range.upperBound) / Double(image.slotCount)
            options.progress?(index.fileBytes + Int(bytes), 2 * index.fileBytes)
        }
        report.count = image.counts.live
        report.deletedCount = image.counts.marked
        report.repeatedLabels = image.counts.free
        report.repeatedLinks = survey.repeatingCount
        report.nonFiniteVectors = rows.nonFiniteCount
        report.unorderedVectors = rows.unorderedCount
        report.bytesRead = index.fileBytes
        report.warnings = warnings(report, rows)
        return report
    }

    private func image(_ checked: CheckedIndex) throws(StoreError) -> StoreImage {
        let header = index.header, survey = checked.survey, superseded = checked.superseded
        let (upper, upperChecksum) = try upper(survey)
        var superblock = configuration.superblock
        superblock.origin = HnswlibOrigin(
            capacity: header.capacity, constructionWidth: header.constructionWidth,
            multiplier: header.multiplierBits, entryPoint: header.entryPoint,
            maximumLevel: Int32(header.maximumLevel), elementChecksum: 0, upperChecksum: upperChecksum,
            isChromas: index.layout != .hnswlib)
        var counts = StoreCounts()
        counts.free = superseded.count
        try takingMemory(for: index.path, ProcessMemory.expect(growing: superseded.count, stride: 8))
        let isFree = Set(superseded)
        for slot in 0..<header.count where survey.isMarked(slot) && !isFree.contains(UInt32(slot)) {
            counts.marked += 1
        }
        counts.live = header.count - counts.free - counts.marked
        let entry = Self.entryPoint(header, survey, isFree)
        return StoreImage(
            superblock: superblock, searchWidth: configuration.ef,
            levelState: LevelGenerator(seed: superblock.seed, connectivity: header.connectivity).state, counts: counts,
            freeSlots: superseded, entryPoint: entry, maximumLevel: entry.map { survey.level(Int($0)) } ?? -1,
            upper: upper, labels: checked.labels)
    }

    /// The file's entry point or, if that slot's label came again, the first of the highest slots that are in use.
    private static func entryPoint(
        _ header: HnswlibHeader, _ survey: HnswlibSurvey, _ free: Set<UInt32>
    ) -> UInt32? {
        guard header.count > 0 else { return nil }
        guard free.contains(header.entryPoint) else { return header.entryPoint }
        var best: UInt32?
        for slot in 0..<UInt32(header.count) where !free.contains(slot) {
            if best.map({ survey.level(Int(slot)) > survey.level(Int($0)) }) ?? true { best = slot }
        }
        return best
    }

    /// The lists above level 0, and their checksum.
    private func upper(_ survey: HnswlibSurvey) throws(StoreError) -> (UpperLayers, UInt32) {
        let upper = try takingMemory(
            for: index.path,
            UpperLayers(
                connectivity: index.header.connectivity, slots: max(1, index.header.count), nodes: survey.nodeCount))
        guard upper.hasRoom(lists: survey.listCount) else {
            throw StoreError(
                .invalidArgument,
                "it has \(survey.listCount) lists above level 0 for \(index.header.count) vectors, which no index of that size has; "
                    + "it is damaged, or made to fill the memory", path: index.path)
        }
        var checksum: UInt32 = 0
        try translating(hnswlib: { () throws(HnswlibFileError) in
            try unsafe index.forEachUpperNode { (slot, level, words) throws(HnswlibFileError) in
                checksum = unsafe Checksum.crc32c(UnsafeRawBufferPointer(words), seed: checksum)
                // The file may have changed since it was checked.
                guard upper.firstList(slot) == nil, survey.level(Int(slot)) == level else {
                    throw changed
                }
                let first = try claimingMemory(for: index.path, upper.add(slot, level: level))
                let length = upper.listLength
                for list in 0..<level {
                    let target = upper.list(number: first + list)
                    for word in 0..<length { target[word] = unsafe words[list * length + word] }
                }
            }
        })
        guard upper.nodeCount == survey.nodeCount else { throw StoreError(changed) }
        return (upper, checksum)
    }

    private var changed: HnswlibFileError {
        HnswlibFileError(index.path, "it changed while it was read: do not write to it meanwhile")
    }

    private func warnings(_ report: VectorStore.ImportReport, _ rows: HnswlibRows) -> [String] {
        var warnings: [String] = []
        if report.repeatedLabels > 0 {
            warnings.append(
                "\(report.repeatedLabels) vectors have a label that comes again later in the file; only the last one of each label "
                    + "that is not deleted is found")
        }
        if report.repeatedLinks > 0 {
            warnings.append(
                "lists with a link twice, or to their own vector: \(report.repeatedLinks); searches do not notice, and `cairn repair` "
                    + "links those vectors again")
        }
        if report.nonFiniteVectors > 0 {
            warnings.append(
                "vectors with a component that is infinite or not a number: \(report.nonFiniteVectors); searches cannot place them"
            )
        }
        if report.unorderedVectors > 0 {
            warnings.append(
                "vectors so long or so short that single precision does not hold their distances: \(report.unorderedVectors); "
                    + "searches cannot tell which of them is nearer, so build the index again from vectors that are scaled"
            )
        }
        if configuration.metric == .cosine && configuration.scalar == .float32 && rows.hasOtherLengths {
            warnings.append(
                "the vectors are not of length 1, so the index was not built for cosine; distances are 1 - inner product, "
                    + "as hnswlib would have them")
        }
        if rows.wrongLengthCount > 0 {
            warnings.append(
                "lengths in Chroma's folder that are none: \(rows.wrongLengthCount); those vectors stay normalised")
        }
        return warnings
    }
}

extension StoreError {
    /// What is wrong with an index is damage, unless the system says otherwise.
    init(_ error: HnswlibFileError) {
        guard let errno = error.errno else {
            self.init(.corrupt, error.message, path: error.path)
            return
        }
        let code: StoreError.Code
        switch errno {
        case .noSuchFileOrDirectory: code = .notFound
        case .canceled:
            self = .cancelled
            return
        default: code = errno.advice == nil ? .io : .full
        }
        self.init(code, error.message, path: error.path, systemError: errno)
    }
}

/// Runs `body`, turning the errors of hnswlib's files into the public one.
func translating<Result>(hnswlib body: () throws(HnswlibFileError) -> Result) throws(StoreError) -> Result {
    do {
        return try body()
    } catch {
        throw StoreError(error)
    }
}
