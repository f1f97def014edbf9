import CSQLite
import SystemPackage

/// An SQLite database that is read and never changed. All that is read between opening and letting go is of one moment.
/// One thread at a time.
@safe
final class SQLiteFile {
    let path: FilePath
    private let handle: OpaquePointer

    init(_ path: FilePath) throws(ChromaDatabaseError) {
        var handle: OpaquePointer?
        let result = unsafe path.withPlatformString {
            unsafe sqlite3_open_v2($0, &handle, SQLITE_OPEN_READONLY, nil)
        }
        guard result == SQLITE_OK, let opened = unsafe handle else {
            let reason = unsafe Self.message(handle)
            unsafe sqlite3_close(handle)
            throw ChromaDatabaseError(path, "could not open it: \(reason)")
        }
        self.path = path
        unsafe self.handle = opened
        // Chroma may be writing for a moment.
        unsafe sqlite3_busy_timeout(opened, 5000)
        try query("BEGIN") { (_) throws(ChromaDatabaseError) in }
    }

    deinit { unsafe sqlite3_close_v2(handle) }

    private static func message(_ handle: OpaquePointer?) -> String {
        unsafe sqlite3_errmsg(handle).map { unsafe String(cString: $0) } ?? "no memory"
    }

    /// What the last call failed with, and what to do about that.
    private var failure: ChromaDatabaseError {
        let advice =
            switch unsafe sqlite3_extended_errcode(handle) & 0xFF {
            case SQLITE_BUSY: "another program is changing it; try again when that has ended"
            case SQLITE_READONLY, SQLITE_CANTOPEN:
                "if a program died while it changed it, open it once with Chroma; else check that you may read it"
            case SQLITE_NOTADB, SQLITE_CORRUPT:
                "the file is damaged; check it with: sqlite3 \(path) 'pragma integrity_check'"
            default: "it is damaged, or of another version of Chroma"
            }
        let reason = unsafe Self.message(handle)
        return ChromaDatabaseError(path, "could not read it (\(reason)): \(advice)")
    }

    /// Calls `body` with each row that a statement gives; `values` stand for its question marks.
    func query(
        _ statement: String, _ values: [Value] = [], _ body: (Row) throws(ChromaDatabaseError) -> Void
    ) throws(ChromaDatabaseError) {
        var prepared: OpaquePointer?
        guard unsafe sqlite3_prepare_v2(handle, statement, -1, &prepared, nil) == SQLITE_OK else { throw failure }
        defer { unsafe sqlite3_finalize(prepared) }
        for (place, value) in values.enumerated() {
            let number = Int32(place + 1)
            let result =
                switch value {
                case .integer(let integer): unsafe sqlite3_bind_int64(prepared, number, integer)
                // -1: it makes a copy.
                case .text(let text):
                    unsafe sqlite3_bind_text(
                        prepared, number, text, -1, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
                }
            guard result == SQLITE_OK else { throw failure }
        }
        while true {
            switch unsafe sqlite3_step(prepared) {
            case SQLITE_ROW: try unsafe body(Row(statement: prepared))
            case SQLITE_DONE: return
            default: throw failure
            }
        }
    }

    /// A value for a question mark.
    enum Value {
        case integer(Int64)
        case text(String)
    }

    /// A row of a result, for as long as it is the one that is looked at.
    @safe
    struct Row {
        private let statement: OpaquePointer?

        init(statement: OpaquePointer?) { unsafe self.statement = statement }

        /// nil for NULL.
        func text(_ column: Int32) -> String? {
            guard let start = unsafe sqlite3_column_text(statement, column) else { return nil }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        }

        /// nil unless it is a number, or the eight bytes of one, the highest first.
        func integer(_ column: Int32) -> Int64? {
            switch unsafe sqlite3_column_type(statement, column) {
            case SQLITE_INTEGER: unsafe sqlite3_column_int64(statement, column)
            case SQLITE_BLOB: bytes(column).flatMap { $0.count == 8 ? $0.reduce(0) { $0 << 8 | Int64($1) } : nil }
            default: nil
            }
        }

        /// nil for NULL.
        func bytes(_ column: Int32) -> [UInt8]? {
            guard unsafe sqlite3_column_type(statement, column) != SQLITE_NULL else { return nil }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            return unsafe [UInt8](UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, column), count: count))
        }
    }
}
