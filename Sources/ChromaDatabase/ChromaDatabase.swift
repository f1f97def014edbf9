package import SystemPackage

/// `chroma.sqlite3`: what Chroma knows of its collections, and the changes that it has not written to their folders
/// yet. Versions from 0.4 on. What is read is of the moment when it was opened. One thread at a time.
package final class ChromaDatabase {
    package static let fileName = "chroma.sqlite3"

    private let file: SQLiteFile
    package var path: FilePath { file.path }

    package init(_ path: FilePath) throws(ChromaDatabaseError) { file = try SQLiteFile(path) }

    /// A collection.
    package struct Collection: Sendable, Hashable {
        package let identifier: String
        package let name: String
        /// The folder of its vectors, in that of the database; there is none before its first vectors.
        package let segment: String
        /// Chroma's name of its metric: l2, ip or cosine.
        package let space: String
    }

    /// All collections that have vectors in a folder of this machine, in the order of their names.
    package func collections() throws(ChromaDatabaseError) -> [Collection] {
        // Columns that only some versions have.
        let columns = ["schema_str", "config_json_str"].filter(try columns(of: "collections").contains)
        var found: [(identifier: String, name: String, segment: String, documents: [String])] = []
        try file.query(
            """
            SELECT c.id, c.name, s.id \(columns.map { ", c.\($0)" }.joined()) FROM collections c
            JOIN segments s ON s.collection = c.id AND s.scope = 'VECTOR' ORDER BY c.name, c.id
            """
        ) { (row) throws(ChromaDatabaseError) in
            guard let identifier = row.text(0), let name = row.text(1), let segment = row.text(2) else { return }
            found.append((identifier, name, segment, columns.indices.compactMap { row.text(Int32(3 + $0)) }))
        }
        var collections: [Collection] = []
        for (identifier, name, segment, documents) in found {
            let space = try space(of: identifier, segment: segment, documents: documents)
            collections.append(Collection(identifier: identifier, name: name, segment: segment, space: space))
        }
        return collections
    }

    private func columns(of table: String) throws(ChromaDatabaseError) -> Set<String> {
        var names: Set<String> = []
        try file.query("SELECT name FROM pragma_table_info(?)", [.text(table)]) { (row) throws(ChromaDatabaseError) in
            if let name = row.text(0) { names.insert(name) }
        }
        guard !names.isEmpty else {
            throw ChromaDatabaseError(
                path, "it has no table \(table): it is no database of Chroma's, or of another version")
        }
        return names
    }

    /// The configuration, a JSON document of one shape or another, counts where it says anything but the default;
    /// collections that were made with `hnsw:space` in their metadata have the default there.
    private func space(
        of collection: String, segment: String, documents: [String]
    ) throws(ChromaDatabaseError) -> String {
        var space: String?
        func take(_ row: SQLiteFile.Row) { space = space ?? row.text(0) }
        for document in documents where space == nil {
            try file.query(
                """
                SELECT atom FROM json_tree(CASE WHEN json_valid(?1) THEN ?1 ELSE 'null' END)
                WHERE key = 'space' AND type = 'text' ORDER BY instr(fullkey, '#embedding') = 0, id
                """, [.text(document)]
            ) { (row) throws(ChromaDatabaseError) in take(row) }
        }
        if let space, space != "l2" { return space }
        space = nil
        for (table, key, value) in [
            ("collection_metadata", "collection_id", collection), ("segment_metadata", "segment_id", segment),
        ] {
            try file.query(
                "SELECT str_value FROM \(table) WHERE \(key) = ? AND key = 'hnsw:space'", [.text(value)]
            ) { (row) throws(ChromaDatabaseError) in take(row) }
        }
        return space ?? "l2"
    }

    /// The number of the last change that the folder of a collection has; nil where the database does not say, as it
    /// does not for a folder that has none, and for older versions, which say it in the folder.
    package func lastSynchronized(_ collection: Collection) throws(ChromaDatabaseError) -> Int64? {
        var last: Int64?
        try file.query(
            "SELECT seq_id FROM max_seq_id WHERE segment_id = ?", [.text(collection.segment)]
        ) { (row) throws(ChromaDatabaseError) in last = row.integer(0) }
        return last
    }

    /// A change of a vector; changes of documents and metadata alone are none.
    package enum Change: Sendable, Hashable {
        /// Of an identifier that is not there yet; without effect where it is.
        case add([Float])
        /// Of one that is there; without effect where it is not.
        case update([Float])
        case upsert([Float])
        case delete
    }

    /// Calls `body` with each change of a collection after that of number `last`, in their order.
    package func forEachChange(
        of collection: Collection, after last: Int64,
        _ body: (_ identifier: String, _ change: Change) throws(ChromaDatabaseError) -> Void
    ) throws(ChromaDatabaseError) {
        let path = path
        try file.query(
            """
            SELECT operation, id, vector, encoding, seq_id FROM embeddings_queue
            WHERE seq_id > ? AND topic LIKE '%/' || ? ORDER BY seq_id
            """, [.integer(last), .text(collection.identifier)]
        ) { (row) throws(ChromaDatabaseError) in
            func wrong(_ what: String) -> ChromaDatabaseError {
                ChromaDatabaseError(
                    path,
                    "change \(row.integer(4) ?? 0) of its queue \(what): it is damaged, or of another version of Chroma"
                )
            }
            guard let operation = row.integer(0), let identifier = row.text(1) else {
                throw wrong("has no identifier")
            }
            guard operation != 3 else { return try body(identifier, .delete) }
            guard let bytes = row.bytes(2), !bytes.isEmpty else { return }
            guard bytes.count % 4 == 0, let encoding = row.text(3), ["FLOAT32", "INT32"].contains(encoding) else {
                throw wrong("has a vector of \(bytes.count) bytes, encoded as \(row.text(3) ?? "nothing")")
            }
            let vector = stride(from: 0, to: bytes.count, by: 4).map { start -> Float in
                let bits = bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                return encoding == "FLOAT32" ? Float(bitPattern: bits) : Float(Int32(bitPattern: bits))
            }
            switch operation {
            case 0: try body(identifier, .add(vector))
            case 1: try body(identifier, .update(vector))
            case 2: try body(identifier, .upsert(vector))
            default: throw wrong("is of kind \(operation)")
            }
        }
    }
}
