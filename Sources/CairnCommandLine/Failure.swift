import ArgumentParser
import Cairn
import ChromaDatabase
import HnswlibFile
import MappedStorage
import SystemPackage
import VectorFiles

/// Why the program ends without having done what it was asked for.
struct Failure: Error {
    /// A stable word for programs to decide by: the name of a ``StoreError`` code, or `usage`.
    let code: String
    /// What happened and what to do about it.
    let message: String
    /// The file or directory it is about.
    let path: FilePath?
    let exitCode: ExitCode
    /// How much was done all the same, for the error's JSON.
    var progress: (key: String, count: Int)?

    init(code: String, _ message: String, path: FilePath? = nil, exitCode: ExitCode = .failure) {
        self.code = code
        self.message = message
        self.path = path
        self.exitCode = exitCode
    }

    /// A file whose content cannot be used.
    init(_ path: FilePath, _ message: String) {
        self.init(code: StoreError.Code.invalidArgument.description, message, path: path)
    }

    /// Options or arguments that do not go together.
    init(usage message: String) { self.init(code: "usage", message, exitCode: .validationFailure) }

    init(reporting error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as StoreError: self.init(error)
        case let error as VectorFileError: self.init(error)
        case let error as HnswlibFileError: self.init(StoreError(error))
        case let error as ChromaDatabaseError: self.init(error)
        default: self.init(code: StoreError.Code.io.description, "\(error)")
        }
    }

    /// `path` and `message`, where given, replace those of the error itself; `addition` is put after the message.
    init(_ error: StoreError, saying message: String? = nil, path: FilePath? = nil, addition: String = "") {
        let place = path ?? error.path
        let text = message ?? error.commandLineMessage
        // Once is enough.
        let reason =
            error.systemError.map { text.contains("\($0)") || text.contains("no such") ? "" : " (\($0))" } ?? ""
        let exitCode: ExitCode =
            switch error.code {
            case .corrupt: ExitCode(2)
            // Arguments are what is wrong when nothing on the disk is.
            case .invalidArgument where place == nil: .validationFailure
            default: .failure
            }
        self.init(
            code: error.code.description, text + reason + addition, path: place,
            exitCode: exitCode)
    }

    /// The same with more behind its message.
    func adding(_ addition: String) -> Failure {
        Failure(code: code, message + addition, path: path, exitCode: exitCode)
    }

    private init(_ error: VectorFileError) {
        let advice = error.isOfUnknownKind ? Self.conversionAdvice(error.path) : nil
        self.init(code: error.code.description, error.message + (advice.map { "; \($0)" } ?? ""), path: error.path)
    }

    /// What to do with a file of another kind where a store or vectors are wanted.
    static func conversionAdvice(_ path: FilePath) -> String? {
        // A pipe would be waited for.
        guard Directory.kind(of: path) == .directory || Directory.isRegularFile(path) else { return nil }
        return switch try? HnswlibFileKind.recognise(path) {
        case .index(.chromaFolder): "it is a folder of Chroma's: `cairn convert` makes a store or vectors of it"
        case .index, .bruteForce: "it is an index of hnswlib: `cairn convert` makes a store or vectors of it"
        case nil:
            ForeignFile.recognise(path).flatMap { $0.isText ? nil : $0.message(for: path) }
        }
    }

    /// Prints it on standard error: one line. `kind`: `error`, or `warning` for what did not end the program.
    func print(as format: OutputFormat, kind: String = "error") {
        let line: String
        switch format {
        case .text, .tsv: line = "cairn: \(kind): " + (path.map { "\($0): " } ?? "") + message
        case .json, .jsonl:
            var facts: [(key: String, value: JSON)] = [
                ("code", .string(code)), ("message", .string(message)),
                ("path", path.map { .string($0.string) } ?? .null),
            ]
            if let progress { facts.append((progress.key, .number(progress.count))) }
            line = JSON.object([(kind, .object(facts))]).text
        }
        _ = try? FileDescriptor.standardError.writeAll((line + "\n").utf8)
    }
}
