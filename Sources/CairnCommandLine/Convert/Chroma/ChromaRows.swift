import Cairn
import ChromaDatabase
import HnswlibFile
import SystemPackage
import VectorFiles

/// The vectors of a collection as it is now: those of its index that no change took or replaced, in slot order, then
/// those of the changes.
struct ChromaRows: RowStream {
    let dimensions: Int
    /// What Chroma calls vectors, by label.
    let identifiers: [UInt64: String]
    private let index: HnswlibIndex?
    private let survey: HnswlibSurvey?
    /// Slots of the index whose vectors count, ascending.
    private let kept: [UInt32]
    private let changed: ChangedVectors
    private let raw = RawRows(), rawLengths = RawRows()
    /// Whether the index has its vectors normalised, with their lengths next to them.
    private let hasLengths: Bool

    var length: Int { kept.count + changed.labels.count }

    /// `checked`: the index, where there is one, and `metadata` what is next to it.
    init(_ collection: ChromaCollection, _ checked: CheckedIndex?, _ metadata: ChromaMetadata?) throws {
        let vectorBytes = checked?.index.header.vectorBytes ?? 0
        var changed = ChangedVectors(
            identifiers: metadata?.identifiers ?? [:], dimensions: vectorBytes / 4,
            lastLabel: max(UInt64(metadata?.totalElementsAdded ?? 0), checked?.survey.labels.max() ?? 0))
        do {
            for (identifier, change) in collection.changes { try changed.apply(change, to: identifier) }
        } catch let error as ChangedVectors.WrongDimensions {
            throw Failure(
                collection.path,
                "collection \(collection.name): the vector of \(error.identifier) has \(error.found) dimensions, others have "
                    + "\(error.expected)")
        } catch is ChangedVectors.NoLabelLeft {
            throw Failure(
                collection.folder,
                "collection \(collection.name): no label is left for what was added since: the index has the highest that there is, "
                    + "so it is damaged: copy the whole folder of Chroma's data again")
        }
        changed.settle()
        self.changed = changed
        identifiers = changed.labelledIdentifiers
        dimensions = changed.dimensions
        index = checked?.index
        survey = checked?.survey
        hasLengths = collection.metric == .cosine
        guard let checked else {
            kept = []
            return
        }
        kept = checked.slots.filter { !changed.gone.contains(checked.survey.labels[Int($0)]) }
    }

    /// The labels of the rows, in order.
    var labels: [Label] { kept.compactMap { survey?.labels[Int($0)] } + changed.labels }

    func read(from place: Int, into block: RowBlock) throws -> Int {
        let rows = place..<min(length, place + block.capacity)
        try unsafe read(rows, vectors: block.vectors)
        for (position, row) in rows.enumerated() {
            let label = row < kept.count ? survey?.labels[Int(kept[row])] : changed.labels[row - kept.count]
            unsafe block.labels[position] = label ?? 0
        }
        block.count = rows.count
        return rows.upperBound
    }

    /// Reads rows, one after the other.
    func read(_ rows: Range<Int>, vectors: UnsafeMutableBufferPointer<Float>) throws(HnswlibFileError) {
        var row = rows.lowerBound
        while row < min(rows.upperBound, kept.count) {
            // Slots that follow each other are read together.
            var end = row + 1
            while end < min(rows.upperBound, kept.count) && kept[end] - kept[row] == UInt32(end - row) { end += 1 }
            let first = (row - rows.lowerBound) * dimensions
            try unsafe read(slots: Int(kept[row])..<Int(kept[row]) + end - row, vectors.baseAddress! + first)
            row = end
        }
        for row in max(row, kept.count)..<max(rows.upperBound, row, kept.count) {
            let start = changed.starts[row - kept.count], target = (row - rows.lowerBound) * dimensions
            for component in 0..<dimensions { unsafe vectors[target + component] = changed.values[start + component] }
        }
    }

    private func read(slots: Range<Int>, _ vectors: UnsafeMutablePointer<Float>) throws(HnswlibFileError) {
        guard let index, let survey else { return }
        let size = index.header.elementBytes, encoding = ComponentEncoding(scalar: .float32)
        let atOnce = max(1, RawRows.byteCount / size)
        for start in stride(from: slots.lowerBound, to: slots.upperBound, by: atOnce) {
            let part = start..<min(slots.upperBound, start + atOnce)
            let elements = try unsafe raw.buffer(part.count * size, for: index.path)
            try unsafe index.readElements(part, into: elements, as: survey)
            let lengths = try unsafe rawLengths.buffer(part.count * 4, for: index.path).bindMemory(to: Float.self)
            var areThere = false
            if hasLengths { areThere = try unsafe index.readLengths(part, into: lengths) }
            for position in 0..<part.count {
                let vector = unsafe vectors + (start - slots.lowerBound + position) * dimensions
                let element = unsafe elements.baseAddress! + position * size
                unsafe encoding.decode(element + index.header.vectorOffset, dimensions, to: vector)
                guard areThere,
                    let scale = unsafe ChromaLength.scale(lengths[position], row: vector, dimensions: dimensions)
                else { continue }
                for component in 0..<dimensions { unsafe vector[component] *= scale }
            }
        }
    }
}

/// What changes make of the vectors of a collection, as Chroma applies them.
private struct ChangedVectors {
    struct WrongDimensions: Error {
        let identifier: String
        let found, expected: Int
    }

    /// A damaged file has the highest label that there is.
    struct NoLabelLeft: Error {}

    private(set) var dimensions: Int
    /// Labels of vectors that were added or replaced, and where those are in `values`.
    private(set) var labels: [Label] = []
    private(set) var starts: [Int] = []
    private(set) var values: [Float] = []
    /// Labels whose vectors in the index do not count any more.
    private(set) var gone: Set<Label> = []
    private var current: [String: Label] = [:]
    private var startOfLabel: [Label: Int] = [:]
    private var lastLabel: Label

    /// `dimensions`: 0 where the first vector says.
    init(identifiers: [UInt64: String], dimensions: Int, lastLabel: Label) {
        self.dimensions = dimensions
        self.lastLabel = max(lastLabel, identifiers.keys.max() ?? 0)
        current.reserveCapacity(identifiers.count)
        for (label, identifier) in identifiers { current[identifier] = label }
    }

    var labelledIdentifiers: [UInt64: String] {
        Dictionary(uniqueKeysWithValues: current.map { ($0.value, $0.key) })
    }

    mutating func apply(_ change: ChromaDatabase.Change, to identifier: String) throws {
        switch change {
        case .add(let vector): if current[identifier] == nil { try put(vector, identifier) }
        case .update(let vector): if current[identifier] != nil { try put(vector, identifier) }
        case .upsert(let vector): try put(vector, identifier)
        case .delete:
            guard let label = current.removeValue(forKey: identifier) else { return }
            startOfLabel[label] = nil
            gone.insert(label)
        }
    }

    private mutating func put(_ vector: [Float], _ identifier: String) throws {
        if dimensions == 0 { dimensions = vector.count }
        guard vector.count == dimensions else {
            throw WrongDimensions(identifier: identifier, found: vector.count, expected: dimensions)
        }
        if current[identifier] == nil {
            guard lastLabel < .max else { throw NoLabelLeft() }
            lastLabel += 1
        }
        let label = current[identifier] ?? lastLabel
        current[identifier] = label
        gone.insert(label)
        startOfLabel[label] = values.count
        values += vector
    }

    /// Orders what there is in the end by label.
    mutating func settle() {
        labels = startOfLabel.keys.sorted()
        starts = labels.map { startOfLabel[$0] ?? 0 }
    }
}
