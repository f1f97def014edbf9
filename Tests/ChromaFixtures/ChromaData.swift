import CSQLite
package import SystemPackage

/// The folder of Chroma's data, with what the program reads of its database, as Chroma's versions write it.
package struct ChromaData {
    package enum Version: Sendable, CaseIterable { case v04, v05, v1 }

    package let folder: FilePath
    private let version: Version

    /// What SQLite says is wrong with a statement.
    package struct WrongStatement: Error {
        let message: String
    }

    /// Makes the database in `folder`, which is there.
    package init(in folder: FilePath, version: Version = .v1) throws {
        self.folder = folder
        self.version = version
        let documents = [
            Version.v04: "", .v05: ", config_json_str TEXT", .v1: ", config_json_str TEXT, schema_str TEXT",
        ]
        try run(
            """
            CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER\(documents[version]!));
            CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT);
            CREATE TABLE collection_metadata (collection_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER);
            CREATE TABLE segment_metadata (segment_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER);
            CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id BLOB NOT NULL);
            CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, operation INTEGER NOT NULL, topic TEXT NOT NULL,
                id TEXT NOT NULL, vector BLOB, encoding TEXT, metadata TEXT);
            """)
    }

    /// Executes statements of SQL.
    package func run(_ statements: String) throws {
        var handle: OpaquePointer?
        defer { unsafe sqlite3_close(handle) }
        let path = folder.appending("chroma.sqlite3").string
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK,
            unsafe sqlite3_exec(handle, statements, nil, nil, nil) == SQLITE_OK
        else {
            throw WrongStatement(message: unsafe sqlite3_errmsg(handle).map { unsafe String(cString: $0) } ?? "")
        }
    }

    /// Makes a collection, whose folder gets the name `segment`. `space`: what its user asked for, in the metadata or, in newer
    /// versions, in the configuration.
    package func addCollection(
        _ name: String, id: String, segment: String, space: String? = nil, isConfigured: Bool = false
    ) throws {
        let value = isConfigured ? space ?? "l2" : "l2"
        let configuration = #"{"hnsw_configuration": {"space": "\#(value)", "M": 16}, "_type": "x"}"#
        let schema = ##"""
            {"defaults": {"float_list": {"vector_index": {"config": {"space": "ip"}}}}, "keys": {"#embedding": {"float_list":
            {"vector_index": {"config": {"space": "\##(value)", "hnsw": {"ef_search": 100}}}}}}}
            """##
        let values = [
            Version.v04: "'\(id)', '\(name)', 3", .v05: "'\(id)', '\(name)', 3, '\(configuration)'",
            .v1: "'\(id)', '\(name)', 3, '{}', '\(schema)'",
        ]
        try run(
            """
            INSERT INTO collections VALUES (\(values[version]!));
            INSERT INTO segments VALUES ('\(segment)', 'urn:chroma:segment/vector/hnsw-local-persisted', 'VECTOR', '\(id)');
            INSERT INTO segments VALUES ('m-\(segment)', 'urn:chroma:segment/metadata/sqlite', 'METADATA', '\(id)');
            """)
        guard let space, !isConfigured else { return }
        let (table, owner) = version == .v05 ? ("segment_metadata", segment) : ("collection_metadata", id)
        try run("INSERT INTO \(table) VALUES ('\(owner)', 'hnsw:space', '\(space)', NULL);")
    }

    /// Says that the folder has everything up to change `number`.
    package func synchronize(_ segment: String, through number: Int) throws {
        let value = version == .v1 ? "\(number)" : "X'" + hex(bytes(UInt64(number)).reversed()) + "'"
        try run("INSERT INTO max_seq_id VALUES ('\(segment)', \(value)), ('m-\(segment)', 999999);")
    }

    /// Adds a change to the queue: 0 add, 1 update, 2 upsert, 3 delete.
    package func queue(_ operation: Int, _ id: String, _ vector: [Float]? = nil, of collection: String) throws {
        let blob = vector.map { "X'\(hex($0.flatMap { bytes($0.bitPattern) }))', 'FLOAT32'" } ?? "NULL, NULL"
        try run(
            """
            INSERT INTO embeddings_queue (operation, topic, id, vector, encoding, metadata)
            VALUES (\(operation), 'persistent://default/default/\(collection)', '\(id)', \(blob), '{}');
            """)
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// `index_metadata.pickle`, as a plain dictionary: which of Chroma's identifiers has which label.
    package static func metadata(
        dimensions: Int, elements: Int, identifiers: [(identifier: String, label: Int)]
    ) -> [UInt8] {
        func text(_ text: String) -> [UInt8] { [UInt8(ascii: "X")] + bytes(UInt32(text.utf8.count)) + Array(text.utf8) }
        func number(_ number: Int) -> [UInt8] { [UInt8(ascii: "J")] + bytes(UInt32(number)) }
        func dictionary(_ items: [[UInt8]]) -> [UInt8] { Array("}(".utf8) + items.joined() + Array("u".utf8) }
        let idToLabel = identifiers.map { text($0.identifier) + number($0.label) }
        let labelToID = identifiers.map { number($0.label) + text($0.identifier) }
        return [0x80, 2]
            + dictionary([
                text("dimensionality"), number(dimensions), text("total_elements_added"), number(elements),
                text("id_to_label"), dictionary(idToLabel), text("label_to_id"), dictionary(labelToID),
                text("id_to_seq_id"), dictionary([]),
            ]) + Array(".".utf8)
    }
}

/// Little-endian bytes of a number.
private func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}
