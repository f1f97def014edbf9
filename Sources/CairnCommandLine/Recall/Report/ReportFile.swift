import Cairn
import MappedStorage
import SystemPackage

/// A report on its way to its file, which takes its name when it is complete. Dropped before that, it leaves nothing.
struct ReportFile {
    private let draft: DraftFile

    /// Begins the file, so that one that cannot be written is known before the measurement. `inputs` are not replaced.
    init(_ path: FilePath, inputs: [FilePath]) throws {
        try Destination(path: path, mayReplace: true).check(inputs: inputs)
        draft = try Self.writing { () throws(StorageError) in try DraftFile(path) }
    }

    func publish(_ text: String) throws {
        try Self.writing { () throws(StorageError) in
            try draft.write(Array(text.utf8), at: 0)
            try draft.publish()
        }
    }

    private static func writing<Result>(_ body: () throws(StorageError) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            let isFull = error.errno == .noSpace || error.errno == .diskQuotaExceeded
            throw Failure(
                code: (isFull ? StoreError.Code.full : .io).description,
                "could not \(error.action): \(error.errno)", path: error.path)
        }
    }
}
