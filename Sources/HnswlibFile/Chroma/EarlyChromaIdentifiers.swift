package import MappedStorage
package import SystemPackage

/// What Chroma had before 0.4 next to `index_….bin`, a file of hnswlib's: `uuid_to_id_….pkl`, a dictionary of the labels
/// of its own ids. These are UUIDs; the ids that users gave are in `chroma-embeddings.parquet`.
package enum EarlyChromaIdentifiers {
    /// The file next to an index, if it is there.
    package static func path(besideIndex index: FilePath) -> FilePath? {
        guard let name = index.lastComponent?.string, name.hasPrefix("index_"), name.hasSuffix(".bin") else {
            return nil
        }
        let path = index.removingLastComponent().appending("uuid_to_id_\(name.dropFirst(6).dropLast(4)).pkl")
        return Directory.kind(of: path) == .other ? path : nil
    }

    /// The ids by label. `elements`: how many the index has.
    package static func read(
        _ path: FilePath, elements: Int, calls: SystemCalls = .system
    ) throws(HnswlibFileError) -> [UInt64: String] {
        guard let bytes = try ChromaMetadata.pickle(path, elements: elements, calls: calls) else { return [:] }
        do throws(Pickle.Malformed) {
            return try Pickle(bytes).labelledIdentifiers()
        } catch {
            throw HnswlibFileError(
                path, "byte offset \(error.offset): \(error.message): it is damaged, or no such file of Chroma's",
                offset: error.offset)
        }
    }
}

extension Pickle {
    /// Its fields as ids and their labels.
    fileprivate func labelledIdentifiers() throws(Malformed) -> [UInt64: String] {
        var identifiers: [UInt64: String] = [:]
        identifiers.reserveCapacity(fields.count)
        for (key, value) in fields {
            let label = try label(value)
            guard identifiers.updateValue(try text(key), forKey: label) == nil else {
                throw wrongContent("label \(label) comes twice")
            }
        }
        return identifiers
    }
}
