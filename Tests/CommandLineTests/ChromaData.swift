import CSQLite
import Foundation
import Testing

/// The folder of Chroma's data, with what the program reads of its database, as Chroma's versions write it.
struct ChromaData {
    enum Version: CaseIterable { case v04, v05, v1 }

    let workspace: Workspace
    let folder: String
    private let version: Version

    init(_ workspace: Workspace, _ folder: String = "chroma", version: Version = .v1) throws {
        self.workspace = workspace
        self.folder = folder
        self.version = version
        try FileManager.default.createDirectory(
            atPath: workspace.path(folder), withIntermediateDirectories: false)
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
    func run(_ statements: String) throws {
        var handle: OpaquePointer?
        defer { unsafe sqlite3_close(handle) }
        let path = workspace.path("\(folder)/chroma.sqlite3")
        try #require(unsafe sqlite3_open(path, &handle) == SQLITE_OK)
        let result = unsafe sqlite3_exec(handle, statements, nil, nil, nil)
        let message = unsafe sqlite3_errmsg(handle).map { unsafe String(cString: $0) } ?? ""
        try #require(result == SQLITE_OK, "\(message)")
    }

    /// Makes a collection, whose folder gets the name `segment`. `space`: what its user asked for, in the metadata or, in newer
    /// versions, in the configuration.
    func addCollection(_ name: String, id: String, segment: String, space: String? = nil, isConfigured: Bool = false)
        throws
    {
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
    func synchronize(_ segment: String, through number: Int) throws {
        let value = version == .v1 ? "\(number)" : "X'" + hex(bytes(UInt64(number)).reversed()) + "'"
        try run("INSERT INTO max_seq_id VALUES ('\(segment)', \(value)), ('m-\(segment)', 999999);")
    }

    /// Adds a change to the queue: 0 add, 1 update, 2 upsert, 3 delete.
    func queue(_ operation: Int, _ id: String, _ vector: [Float]? = nil, of collection: String) throws {
        let blob = vector.map { "X'\(hex($0.flatMap { bytes($0.bitPattern) }))', 'FLOAT32'" } ?? "NULL, NULL"
        try run(
            """
            INSERT INTO embeddings_queue (operation, topic, id, vector, encoding, metadata)
            VALUES (\(operation), 'persistent://default/default/\(collection)', '\(id)', \(blob), '{}');
            """)
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
