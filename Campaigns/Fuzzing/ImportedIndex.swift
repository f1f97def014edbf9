import Cairn
import FileFormat
import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport

typealias Label = VectorStore.Label

/// An index that was imported, and what must hold of the store. What throws here, or fails, is a fault of the library.
struct ImportedIndex {
    let index: HnswlibIndex
    private let survey: HnswlibSurvey
    private let report: VectorStore.ImportReport
    private let options: VectorStore.ImportOptions
    private let calls: SystemCalls
    /// Whether a list leads to one element twice, or to its own: `verify` warns of it.
    private let hasRepeats: Bool

    init(
        _ source: FilePath, _ report: VectorStore.ImportReport, _ options: VectorStore.ImportOptions,
        _ calls: SystemCalls
    ) throws {
        index = try HnswlibIndex(source)
        survey = try index.validate()
        (self.report, self.options, self.calls) = (report, options, calls)
        hasRepeats = try Self.hasRepeats(index)
        demand(hasRepeats == (survey.repeatingCount > 0), "the survey has \(survey.repeatingCount) repeating lists")
    }

    // MARK: As it was imported

    /// Looks at a store that nobody has changed.
    func check(_ path: FilePath) throws {
        let store = try open(path)
        let live = try store.allLabels(), marked = try store.deletedLabels()
        demand(live.count == report.count && marked.count == report.deletedCount)
        demand(report.count + report.deletedCount + report.repeatedLabels == index.header.count)
        demand(Set(live + marked) == Set(survey.labels), "a label is lost")
        try verify(store)
        try search(store)
        let file = path.removingLastComponent().appending("exported")
        let export = try store.exportHnswlib(to: file)
        demand(export.count == live.count && export.deletedCount == marked.count)
        try demand(readBytes(file) == hnswlibsFile(), "the export is another file than was imported")
        demand(
            export.isOriginal == (index.layout == .hnswlib), "the export says that it is another file, or the same one")
        try store.close()
    }

    /// The bytes that hnswlib's file of this index has.
    private func hnswlibsFile() throws -> [UInt8] {
        let header = index.header, elements = header.count * header.elementBytes
        switch index.layout {
        case .hnswlib: return try readBytes(index.path)
        case .chromaFile:
            let bytes = try readBytes(index.path)
            return Array(bytes[..<(HnswlibHeader.size + elements)])
                + bytes[(HnswlibHeader.size + elements + 4 * header.count)...]
        case .chromaFolder:
            func file(_ name: String) throws -> [UInt8] { try readBytes(index.path.appending(name)) }
            // They may be longer than what the header speaks of.
            let lists = 4 * header.count + header.upperListBytes * survey.listCount
            return try Array(file("header.bin")[4...]) + file("data_level0.bin")[..<elements]
                + file("link_lists.bin")[..<lists]
        }
    }

    private static func hasRepeats(_ index: HnswlibIndex) throws -> Bool {
        let header = index.header, size = header.elementBytes
        var elements = [UInt8](repeating: 0, count: header.count * size), found = false
        try unsafe elements.withUnsafeMutableBytes { try unsafe index.readElements(0..<header.count, into: $0) }
        for slot in 0..<header.count {
            let count = Int(elements.integer(at: slot * size, as: UInt16.self))
            let ids = (0..<count).map { elements.integer(at: slot * size + 4 + 4 * $0, as: UInt32.self) }
            if Set(ids + [UInt32(slot)]).count <= count { found = true }
        }
        try unsafe index.forEachUpperNode { (slot, level, words) throws(HnswlibFileError) in
            for first in stride(from: 0, to: words.count, by: header.connectivity + 1) {
                let count = unsafe Int(words[first] & 0xFFFF)
                let ids = unsafe Array(words[(first + 1)..<(first + 1 + count)])
                if Set(ids + [slot]).count <= count { found = true }
            }
        }
        return found
    }

    // MARK: Any store of these vectors

    private func open(
        _ path: FilePath, forWriting: Bool = false
    ) throws(StoreError) -> VectorStore {
        try CampaignAccess.open(
            at: path, forWriting: forWriting, options: .init(durability: .none, logBytes: 1 << 16, threads: 1),
            calls: calls)
    }

    /// Nothing is damaged. Returns how many vectors cannot be reached.
    @discardableResult
    private func verify(_ store: VectorStore) throws -> Int {
        let report = try store.verify(depth: .graph)
        for problem in report.problems { demand(false, problem) }
        return report.unreachableCount ?? 0
    }

    /// A vector that any store has room for; another one for each number.
    private func vector(_ number: Int) -> [Float] {
        (0..<report.configuration.dimensions).map { Float(1 + (number * 7 + $0 * 3) % 100) }
    }

    private func search(_ store: VectorStore) throws {
        let live = try store.allLabels(), known = Set(live)
        try demand(known.count == live.count && live.count == store.count)
        // Vectors whose distances are numbers.
        let isTame = try live.allSatisfy { label in
            guard let vector = try store.vector(for: label) else { fatalError("label \(label) has no vector") }
            return vector.allSatisfy { abs($0) < 1e9 }
        }
        let few = Set(live.prefix(2)), query = vector(1)
        func found(_ count: Int, _ options: VectorStore.SearchOptions) throws -> Set<Label> {
            let found = try store.search(query, k: count, options: options)
            let labels = Set(found.map(\.label))
            demand(found.count <= count && labels.count == found.count && labels.isSubset(of: known))
            for (one, next) in zip(found, found.dropFirst()) where isTame {
                demand(one.distance <= next.distance, "the order is wrong")
            }
            return labels
        }
        for width in [1, 300] { _ = try found(3, .init(ef: width)) }
        let even = try found(5, .init(filter: .matching { $0 % 2 == 0 }))
        demand(even.allSatisfy { $0 % 2 == 0 })
        let listed = try found(5, .init(filter: .including(few)))
        let rest = try found(live.count + 1, .init(filter: .excluding(few), isExact: true))
        let all = try found(live.count + 1, .init(isExact: true))
        demand(listed.isSubset(of: few) && rest.isDisjoint(with: few))
        demand(!isTame || listed == few && all == known && rest == known.subtracting(few), "some are not found")
    }

    // MARK: Changed

    /// Changes the store and looks at it, and at what goes out and comes in again. `kind` says which changes.
    func change(_ path: FilePath, _ kind: Int, in directory: FilePath) throws {
        let store = try open(path, forWriting: true)
        var live = Set(try store.allLabels()), marked = Set(try store.deletedLabels())
        let unreachable = try verify(store)
        var number = 10
        func next() -> [Float] {
            number += 1
            return vector(number)
        }
        func unused() -> Label { (0...).lazy.map { Label($0) }.first { !live.contains($0) && !marked.contains($0) }! }

        var batch = VectorStore.WriteBatch()
        let first = live.min(), last = live.max()
        if let last, last != first { batch.upsert(next(), label: last) }
        if let first {
            batch.erase(first)
            live.remove(first)
        }
        let added = unused(), vectorOfAdded = next()
        batch.add(vectorOfAdded, label: added)
        live.insert(added)
        if let label = marked.min(), kind & 1 != 0 {
            batch.unmarkDeleted(label)
            marked.remove(label)
            live.insert(label)
        }
        try store.write(batch)
        try demand(Set(store.allLabels()) == live && Set(store.deletedLabels()) == marked)
        if options.metric != .cosine { try demand(store.vector(for: added) == vectorOfAdded) }
        let left = try verify(store)
        demand(left == 0 || unreachable > 0 || hasRepeats || report.repeatedLabels > 0, "\(left) are lost")

        // Slots are used again after a checkpoint.
        if kind & 2 != 0 { try store.checkpoint() }
        var second = VectorStore.WriteBatch()
        if let label = live.max() {
            second.markDeleted(label)
            live.remove(label)
            marked.insert(label)
        }
        for _ in 0..<(kind & 4 != 0 ? 3 : 1) {
            let label = unused()
            second.upsert(next(), label: label)
            live.insert(label)
        }
        try store.write(second)
        try demand(Set(store.allLabels()) == live && Set(store.deletedLabels()) == marked)
        try verify(store)
        try search(store)
        try export(store, in: directory)
        try store.close()
        let again = try open(path)
        try demand(Set(again.allLabels()) == live && Set(again.deletedLabels()) == marked)
        try verify(again)
        try again.close()
    }

    /// What goes out of a changed store comes in as the same store.
    private func export(_ store: VectorStore, in directory: FilePath) throws {
        let file = directory.appending("changed"), path = directory.appending("again")
        let export = try store.exportHnswlib(to: file)
        try demand(!export.isOriginal && export.bytesWritten == readBytes(file).count)
        let report = try CampaignAccess.importHnswlib(from: file, to: path, options: options, calls: calls)
        demand(report.count == export.count && report.deletedCount == export.deletedCount && report.repeatedLabels == 0)
        let again = try open(path), labels = try store.allLabels()
        try demand(again.allLabels() == labels && again.deletedLabels() == store.deletedLabels())
        if options.metric != .cosine {
            for label in labels {
                let (one, other) = (try store.vector(for: label) ?? [], try again.vector(for: label) ?? [])
                demand(one.map(\.bitPattern) == other.map(\.bitPattern), "label \(label) has another vector")
            }
        }
        try verify(again)
        let second = try again.exportHnswlib(to: directory.appending("exported"))
        demand(second.isOriginal)
        try demand(readBytes(directory.appending("exported")) == readBytes(file))
        try again.close()
    }
}

/// A condition that a fault of the library breaks.
private func demand(
    _ condition: Bool, _ message: @autoclosure () -> String = "it is not as it must be", line: UInt = #line
) {
    if !condition { fatalError(message(), line: line) }
}
