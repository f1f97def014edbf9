import HnswlibFile
import MappedStorage
import SystemPackage

/// A text file of Chroma's ids, as `cairn search --names` takes it: the id of label n in line n, counted from 0; lines
/// of labels that nothing has are empty. It gets its name when it is published.
struct IdentifierFile {
    private let draft: DraftFile
    /// More lines than this are no file of names, but one that fills the disk.
    private static let highestLabel: UInt64 = 1 << 31

    /// Writes it under a temporary name. Throws for ids that are no lines.
    init(_ path: FilePath, _ identifiers: [UInt64: String]) throws {
        draft = try Self.writing { () throws(StorageError) in try DraftFile(path) }
        var buffer: [UInt8] = [], offset = 0, line: UInt64 = 0
        func flush() throws {
            try Self.writing { () throws(StorageError) in try draft.write(buffer, at: offset) }
            offset += buffer.count
            buffer.removeAll(keepingCapacity: true)
        }
        for (label, id) in identifiers.sorted(by: { $0.key < $1.key }) {
            guard label <= Self.highestLabel, !id.utf8.contains(UInt8(ascii: "\n")), id.utf8.last != UInt8(ascii: "\r")
            else {
                let reason = label <= Self.highestLabel ? "has the end of a line in it" : "is too far from the others"
                throw Failure(path, "the id of label \(label) \(reason), so there is no file of names with it")
            }
            while line < label {
                buffer.append(UInt8(ascii: "\n"))
                line += 1
                if buffer.count >= 1 << 20 { try flush() }
            }
            buffer += id.utf8
            buffer.append(UInt8(ascii: "\n"))
            line += 1
            if buffer.count >= 1 << 20 { try flush() }
        }
        try flush()
        try Self.writing { () throws(StorageError) in try draft.synchronize() }
    }

    func publish() throws { try Self.writing { () throws(StorageError) in try draft.publish() } }

    private static func writing<Result>(_ body: () throws(StorageError) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw HnswlibFileError(error)
        }
    }
}
