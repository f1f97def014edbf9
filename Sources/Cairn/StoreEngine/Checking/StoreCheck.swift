import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// One check of a store that nobody changes meanwhile: its files, its graph, its labels and its codes.
struct StoreCheck {
    private let session: ReadSession
    private let steps: CheckProgress
    private(set) var report = VectorStore.VerifyReport()

    private var contents: StoreContents { session.contents }
    private var view: GraphView { session.view }

    init(_ session: ReadSession, _ steps: CheckProgress) {
        self.session = session
        self.steps = steps
    }

    /// `directory`: nil for a store in memory.
    mutating func run(_ directory: Directory?, _ depth: VectorStore.VerifyReport.Depth) throws(StoreError) {
        steps.begin(directory == nil ? [] : contents.segments, slots: view.count)
        if let directory { try checkFiles(directory, depth) }
        try steps.check()
        do throws(OutOfMemory) {
            var damaged: Set<Label> = []
            if depth != .header, let codes = contents.graph.codes { try check(codes) }
            if depth == .graph || depth == .searches {
                damaged = try checkGraph()
                if !steps.isCancelled { try measureCodes() }
            }
            for page in report.damagedPages {
                try damaged.expectRoom(for: page.labels.count)
                damaged.formUnion(page.labels)
            }
            try ProcessMemory.expect(8 * damaged.count)
            report.damagedLabels = damaged.sorted()
        } catch {
            throw StoreError(error, path: session.path)
        }
        try steps.check()
    }

    private mutating func checkFiles(
        _ directory: Directory, _ depth: VectorStore.VerifyReport.Depth
    ) throws(StoreError) {
        let name = directory[StoreName.levelZero].path
        do throws(StoreFileError) {
            let prologue = try Recovery.readPrologue(directory, writable: false)
            report.checkCopies(prologue, of: name)
            let journal = try JournalReader.open(directory[StoreName.journal], superblock: prologue.superblock)
            let pending = journal.flatMap { $0.header.generation > prologue.header.generation ? $0 : nil }
            let header = pending?.header ?? prologue.header
            do throws(StoreFileError) {
                try Recovery.checkNewerLogs(directory, prologue.superblock, header)
                _ = try Recovery.survey(directory, prologue.superblock, header, VectorStore.OpenOptions())
            } catch {
                if error.isShortage { throw error }
                // The pages may be sound all the same.
                report.add(StoreError(error).description)
            }
            guard depth != .header else { return }
            let segments = prologue.superblock.geometry.layout(segments: header.segmentCount)
            let slots = contents.graph.slots
            let pages = try PageCheck(
                prologue.file, prologue.superblock, header, columns: contents.columns, journal: pending
            ) { [view] in slots.hasLabel($0, at: view.sequence) ? slots.label($0) : nil }
            try storage { () throws(StorageError) in
                try claiming(directory.path, pages.run(segments, &report) { [steps] in steps.advance() })
            }
            guard header.slotCount > 0, pending == nil, !steps.isCancelled else { return }
            try checkDerivedFiles(directory, prologue.superblock, header)
        } catch {
            // That says nothing of the files.
            if error.isShortage { throw StoreError(error) }
            report.add(StoreError(error).description)
        }
    }

    /// A crash may leave derived files that are ahead of the header; they are of no use, and no damage.
    private mutating func checkDerivedFiles(
        _ directory: Directory, _ superblock: Superblock, _ header: HeaderSlot
    ) throws(StoreFileError) {
        func generation(_ kind: DerivedFile.Kind, _ name: FilePath.Component) throws(StorageError) -> Generation? {
            let bytes = try unlessShort { () throws(StorageError) in
                try File(directory[name], .read).read(count: DerivedFile.size, at: 0)
            }
            return bytes.flatMap { DerivedFile(decoding: $0, kind: kind) }?.generation
        }
        let labels = try storage { () throws(StorageError) in try generation(.labels, StoreName.labels) }
        let (upper, isWhole, isRight) = try storage { () throws(StorageError) in
            let upper = try UpperFile.find(
                in: directory, header: header, connectivity: superblock.connectivity, capacity: max(header.slotCount, 1)
            )
            let index = try LabelIndexFile(
                directory[StoreName.labels], of: header, graph: contents.graph, writable: false)
            let isWhole = try claiming(directory.path, LabelFileCheck.isSound(index, againstSlots: false))
            let isRight = try claiming(directory.path, LabelFileCheck.isSound(index, againstSlots: true))
            return (upper, isWhole, isRight)
        }
        if upper == nil {
            report.addRepairable(
                "upper: the file is missing or damaged; opening the store for writing makes it again, as 'cairn checkpoint' does",
                file: StoreName.upper)
        }
        if labels.map({ $0 == header.graphGeneration }) ?? true, !isWhole {
            report.addRepairable(
                "labels: the file is missing or damaged; the next checkpoint of a writer makes it again, as 'cairn checkpoint' does",
                file: StoreName.labels)
        } else if isWhole && !isRight {
            // Both have the checksums that they should have: nobody knows which of them is wrong.
            report.add(
                "labels: the file leads to other slots than those that have the labels; if they have the right ones, remove the file, "
                    + "and the next checkpoint of a writer makes it again")
        }
        try checkCodes(directory, header)
    }

    /// A store may be without codes that it is to have: a crash while they were made leaves it so, or a disk without
    /// room.
    private mutating func checkCodes(
        _ directory: Directory, _ header: HeaderSlot
    ) throws(StoreFileError) {
        guard let kind = VectorStore.Quantization(stored: header.codes), kind != .none,
            header.slotCount >= contents.leastCodedCount
        else {
            return
        }
        let codes = try storage { () throws(StorageError) in
            try StoreCodes.open(directory, header, contents, isWritable: false)
        }
        guard let codes else {
            report.noteMissing(StoreName.codes)
            report.warnings.append(
                "quantization: the file is missing or does not fit, so searches use the vectors; opening the store for writing "
                    + "makes it again, as 'cairn checkpoint' does")
            return
        }
        // Those that searches go by are looked at in memory, where they have what came since as well.
        guard contents.graph.codes == nil, let column = codes.column else { return }
        let slots = contents.graph.slots
        let settled = (0..<UInt32(header.slotCount)).lazy.filter {
            slots.state($0).hasLabel && !slots.hasRecord($0)
        }
        let wrong = try storage { () throws(StorageError) in
            try claiming(directory.path, CodeCheck(column, contents.graph).firstWrongRow(settled))
        }
        if let wrong { report.addWrongCode(wrong, label: slots.label(wrong)) }
    }

    /// Says what searches by codes lose now, or why they do not go by what the store asks for.
    private mutating func measureCodes() throws(OutOfMemory) {
        guard let known = contents.codeReport else { return }
        let view = view
        report.quantization = known
        if let reason = known.reason {
            report.warnings.append("quantization: \(known.requested.rawValue) is asked for; \(reason)")
        }
        let graph = contents.graph, slots = graph.slots
        guard let column = graph.codes else { return }
        let measurement = LossMeasurement(graph, in: view, threads: VectorStore.teamSize(nil, rows: 128)) { [view] in
            slots.isVisible($0, at: view.sequence)
        }
        let loss = try measurement.loss(of: column), measured = known.measured(loss, count: view.count)
        report.quantization = measured
        if let worst = measured.worst, loss.breaksPromise {
            report.warnings.append(
                "quantization: searches with \(known.used.rawValue) lose \(VectorStore.QuantizationReport.decimals(worst.lost)) of recall@10 at ef "
                    + "\(worst.ef), more than the \(VectorStore.QuantizationReport.decimals(VectorStore.QuantizationReport.promise)) that is allowed; 'cairn quantize' with "
                    + "the store and \(known.requested.rawValue) chooses again")
        }
    }

    /// Checks the codes that searches go by.
    private mutating func check(_ codes: CodeColumn) throws(OutOfMemory) {
        let slots = contents.graph.slots
        let view = view
        let visible = (0..<UInt32(view.count)).lazy.filter { slots.hasLabel($0, at: view.sequence) }
        if let slot = try CodeCheck(codes, contents.graph).firstWrongRow(visible) {
            report.addWrongCode(slot, label: slots.label(slot))
        }
    }

    /// Returns the labels of slots that something is wrong with.
    private mutating func checkGraph() throws(OutOfMemory) -> Set<Label> {
        var problems: [String] = []
        var check = GraphCheck(contents.graph, view) { if problems.count < 200 { problems.append($0) } }
        try check.run { [steps] in steps.advance($0) }
        let counts = session.counts.load(), slots = contents.graph.slots
        // Their labels, once in an array, and once in a set.
        try ProcessMemory.expect(
            48 * (check.wrong.count + check.repeating.count) + 8 * check.unreachable.count)
        var wrong = Set(check.wrong.map { slots.label($0) })
        if [counts.live, counts.marked, counts.free] != [
            check.counts[1], check.counts[2], check.counts[3] + check.counts[4],
        ] {
            problems.append(
                "the header counts \(counts.live) live, \(counts.marked) marked deleted and \(counts.free) free slots; there are "
                    + "\(check.counts[1]), \(check.counts[2]) and \(check.counts[3] + check.counts[4])")
        }
        for slot in 0..<UInt32(view.count) where slots.hasLabel(slot, at: view.sequence) {
            guard steps.advance() else { break }
            let label = slots.label(slot)
            let found = try session.labels.slot(of: label, in: view) { slots.hasLabel($0, at: view.sequence) }
            if found != slot {
                try wrong.expectRoom()
                wrong.insert(label)
                problems.append(
                    "label \(label) of slot \(slot) leads to \(found.map { "slot \($0)" } ?? "no slot"): it comes twice, "
                        + "or the index is wrong")
            }
        }
        for problem in problems { report.add(problem) }
        let repeating = check.repeating.map { slots.label($0) }
        reportRepeats(repeating)
        if contents.superblock.origin == nil { wrong.formUnion(repeating) }
        report.unreachableLabels = check.unreachable.map { slots.label($0) }
        if !check.unreachable.isEmpty { reportUnreachable() }
        report.unreachableCount = check.unreachable.count
        report.contentChecksum = check.checksum
        return wrong
    }

    /// In a graph of this program it is damage; hnswlib writes such lists, and an import keeps its graph.
    private mutating func reportRepeats(_ labels: [Label]) {
        guard !labels.isEmpty else { return }
        let all = labels.count == 1 ? "1 vector has" : "\(labels.count) vectors have"
        let sentence = "\(all) a link twice, or to itself (\(VectorStore.VerifyReport.listed(labels)))"
        if contents.superblock.origin == nil {
            report.addRepairable("\(sentence): 'cairn repair' links them again")
        } else {
            report.warnings.append(
                "\(sentence): hnswlib left the graph so; searches do not notice, and 'cairn repair' links them again")
        }
    }

    /// In a graph of this program it is damage; hnswlib leaves such nodes, and an import keeps its graph.
    private mutating func reportUnreachable() {
        let labels = report.unreachableLabels
        let all = labels.count == 1 ? "1 vector cannot" : "\(labels.count) vectors cannot"
        let sentence = "\(all) be reached from the entry point (\(VectorStore.VerifyReport.listed(labels)))"
        if contents.superblock.origin == nil {
            report.addRepairable("\(sentence): 'cairn repair' links them")
        } else {
            report.warnings.append(
                "\(sentence): hnswlib left the graph so; 'cairn repair' links them, and exact searches find them"
            )
        }
    }
}

extension VectorStore.VerifyReport {
    /// Says which of the two superblocks is damaged: the other one does, but no second damage is to be had. Of the
    /// headers only the newer one means anything.
    fileprivate mutating func checkCopies(_ prologue: LevelZeroFile.Prologue, of path: FilePath) {
        for (index, offset) in Superblock.offsets.enumerated() {
            let bytes = (try? prologue.file.read(count: Superblock.size, at: offset)) ?? []
            if bytes.count < Superblock.size || (try? Superblock(decoding: bytes)) == nil {
                add("level0: superblock \(index) is damaged; the other one is whole")
            }
        }
    }
}
