import Allocation
package import MappedStorage
package import SystemPackage

/// What Chroma keeps in `index_metadata.pickle` next to a persistent index: which of its ids each label stands for. Both
/// its clients' forms are read, the Python object and the dictionary of the Rust one.
package struct ChromaMetadata: Sendable, Hashable {
    package static let fileName = "index_metadata.pickle"

    /// Nil when nothing has been added yet.
    package let dimensionality: Int?
    /// Labels count up from 1, so it is the highest there has been.
    package let totalElementsAdded: Int
    /// The ids of the elements that are there, by label.
    package let identifiers: [UInt64: String]
    /// The number of the last change that the index has, where it is kept here: before 0.5.
    package let lastSequence: Int64?

    /// Reads the metadata in Chroma's folder. Nil when there is none: such an index has never been stored. `elements`:
    /// how many the index has, so that a file is refused that is far too large for them.
    package static func read(
        folder: FilePath, elements: Int = .max, calls: SystemCalls = .system
    ) throws(HnswlibFileError) -> ChromaMetadata? {
        let path = folder.appending(fileName)
        guard let bytes = try pickle(path, elements: elements, calls: calls) else { return nil }
        return try ChromaMetadata(pickle: bytes, path: path)
    }

    /// The bytes of a pickle; nil when there is none. Throws when it is far too large for so many elements.
    static func pickle(
        _ path: FilePath, elements: Int, calls: SystemCalls
    ) throws(HnswlibFileError) -> [UInt8]? {
        let file: File, size: Int
        do {
            (file, size) = try openFile(path, calls: calls)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
        // What is read takes several times its size in memory. An id of a usual length takes 50 bytes.
        let most = elements < Pickle.maximumBytes >> 10 ? 1 << 20 + elements << 10 : Pickle.maximumBytes
        guard size <= most else {
            throw HnswlibFileError(path, "it has \(size) bytes, the most is \(most)", offset: size)
        }
        try claimingMemory(for: path, ProcessMemory.expect(8 * size))
        guard let bytes = try file.head(size) else {
            throw HnswlibFileError(path, "it was cut off while it was read: try again when nobody changes it")
        }
        return bytes
    }

    /// Reads a pickle; nothing in it is executed. Throws where it is not of the kind that Chroma writes, or its two
    /// maps are not each other's reverse; `path` is for the message.
    package init(pickle bytes: [UInt8], path: FilePath) throws(HnswlibFileError) {
        guard bytes.count <= Pickle.maximumBytes else {
            throw HnswlibFileError(path, "it has \(bytes.count) bytes, the most is \(Pickle.maximumBytes)")
        }
        do throws(Pickle.Malformed) {
            let fields = try Fields(Pickle(bytes))
            dimensionality = fields.dimensionality
            totalElementsAdded = fields.total
            lastSequence = fields.lastSequence
            identifiers = try fields.map()
        } catch {
            throw HnswlibFileError(
                path,
                "byte offset \(error.offset): \(error.message): it is damaged, or not the metadata of a Chroma index",
                offset: error.offset)
        }
    }
}

/// The fields of a pickle that mean something here.
private struct Fields {
    let pickle: Pickle
    private(set) var dimensionality: Int?
    private(set) var total = 0
    private(set) var lastSequence: Int64?
    private var idToLabel: [Pickle.Entry] = []
    private var labelToID: [Pickle.Entry] = []

    /// Fields of other names are let be: there are some in the files of some versions, and may be more.
    init(_ pickle: Pickle) throws(Pickle.Malformed) {
        self.pickle = pickle
        var found: Set<String> = []
        for (key, value) in pickle.fields {
            guard let name = try? text(key) else { throw malformed("a field whose name is no string") }
            switch name {
            case "dimensionality":
                if case .none = value { dimensionality = nil } else { dimensionality = try count(value, name) }
            case "total_elements_added": total = try count(value, name)
            case "id_to_label": idToLabel = try entries(value, name)
            case "label_to_id": labelToID = try entries(value, name)
            case "max_seq_id": if case .integer(let number) = value { lastSequence = number }
            default: continue
            }
            found.insert(name)
        }
        for name in ["dimensionality", "total_elements_added", "id_to_label", "label_to_id"]
        where !found.contains(name) {
            throw malformed("field \(name) is missing")
        }
    }

    /// Labels and their ids. Each id must have the label that has the id.
    func map() throws(Pickle.Malformed) -> [UInt64: String] {
        var identifiers: [UInt64: String] = [:]
        identifiers.reserveCapacity(labelToID.count)
        for (key, value) in labelToID {
            let label = try label(key)
            guard identifiers.updateValue(try text(value), forKey: label) == nil else {
                throw malformed("label \(label) comes twice")
            }
        }
        guard idToLabel.count == identifiers.count else {
            throw malformed("\(idToLabel.count) ids have a label, but \(identifiers.count) labels an id")
        }
        // Hashes, with a key of this process, take less than the ids.
        var found: Set<Int> = []
        found.reserveCapacity(idToLabel.count)
        for (key, value) in idToLabel {
            let label = try label(value), id = try text(key)
            guard identifiers[label] == id, found.insert(id.hashValue).inserted else {
                throw malformed("label \(label) is not that of the id that has it")
            }
        }
        return identifiers
    }

    private func malformed(_ message: String) -> Pickle.Malformed { pickle.wrongContent(message) }
    private func text(_ value: Pickle.Value) throws(Pickle.Malformed) -> String { try pickle.text(value) }
    private func label(_ value: Pickle.Value) throws(Pickle.Malformed) -> UInt64 { try pickle.label(value) }

    private func count(_ value: Pickle.Value, _ name: String) throws(Pickle.Malformed) -> Int {
        guard case .integer(let number) = value, number >= 0 else { throw malformed("\(name) is no whole number") }
        return Int(number)
    }

    private func entries(_ value: Pickle.Value, _ name: String) throws(Pickle.Malformed) -> [Pickle.Entry] {
        guard case .dictionary(let index) = value else { throw malformed("\(name) is no dictionary") }
        return pickle.dictionaries[Int(index)]
    }
}

extension Pickle {
    /// About what it says as a whole.
    func wrongContent(_ message: String) -> Malformed { Malformed(offset: bytes.count, message: message) }

    func text(_ value: Value) throws(Malformed) -> String {
        guard case .string(let start, let count) = value else { throw wrongContent("a number where an id must be") }
        guard let text = String(validating: text(start: start, count: count), as: UTF8.self) else {
            throw Malformed(offset: Int(start), message: "a string that is not UTF-8")
        }
        return text
    }

    func label(_ value: Value) throws(Malformed) -> UInt64 {
        guard case .integer(let number) = value, number >= 0 else {
            throw wrongContent("a label that is no whole number")
        }
        return UInt64(number)
    }
}
