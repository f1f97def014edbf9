import Allocation
import FileFormat
import MappedStorage
public import SystemPackage
import VectorFiles

/// An error of a store: a code for your program, a message for people, and where it happened.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of an error. Later versions may have more, so a `switch` over error codes needs a default.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String, Sendable {
            case io, full, corrupt, incompatible, notAStore, notFound, alreadyExists, locked, readOnly
            case dimensionMismatch, invalidVector, invalidArgument, duplicateLabel, unknownLabel, missingDistance
            case closed, forked, failed, cancelled
        }
        private let value: Value

        private init(value: Value) { self.value = value }

        /// The operating system failed to read or write.
        public static let io = Code(value: .io)
        /// The disk is full, or the process may not have more memory, addresses or open files.
        public static let full = Code(value: .full)
        /// A file of the store is damaged.
        public static let corrupt = Code(value: .corrupt)
        /// The store was written by a newer version of Cairn.
        public static let incompatible = Code(value: .incompatible)
        /// The file or directory at the path is not a store.
        public static let notAStore = Code(value: .notAStore)
        /// There is nothing at the path.
        public static let notFound = Code(value: .notFound)
        /// There is something at the path already.
        public static let alreadyExists = Code(value: .alreadyExists)
        /// Another process, or another handle in this process, has the store open.
        public static let locked = Code(value: .locked)
        /// The handle was opened for reading and cannot change the store.
        public static let readOnly = Code(value: .readOnly)
        /// A vector does not have the store's number of components.
        public static let dimensionMismatch = Code(value: .dimensionMismatch)
        /// A vector cannot be stored or compared.
        ///
        /// A component is not finite or does not fit the store's scalar. Or a cosine store was given a vector of zeros.
        /// Or the vector is too long or too short for single precision.
        public static let invalidVector = Code(value: .invalidVector)
        /// A parameter is out of its range, or does not fit the store.
        public static let invalidArgument = Code(value: .invalidArgument)
        /// A label occurs twice in the input, or is in the store already.
        public static let duplicateLabel = Code(value: .duplicateLabel)
        /// A label is not in the store, or not in the state that the change needs.
        public static let unknownLabel = Code(value: .unknownLabel)
        /// The store needs a custom distance that your program has not registered.
        public static let missingDistance = Code(value: .missingDistance)
        /// The store was closed.
        public static let closed = Code(value: .closed)
        /// The call was cancelled before it was done.
        public static let cancelled = Code(value: .cancelled)
        /// The process was forked after it opened the store. Only the parent may change the store.
        public static let forked = Code(value: .forked)
        /// An earlier write failed, so the store accepts no more changes. Searches go on.
        ///
        /// Opening the store again recovers it.
        public static let failed = Code(value: .failed)

        init?(named name: String) {
            guard let value = Value(rawValue: name) else { return nil }
            self.value = value
        }

        /// The name of the code, as in the JSON of the command line.
        public var description: String { value.rawValue }
    }

    /// The kind of the error.
    public let code: Code
    /// What is wrong, with no advice.
    public var problem: String { Self.text(template, row: row) }
    /// What you can do about it; nil if there is nothing to say.
    public let remedy: String?
    /// The file or directory that the error is about.
    public let path: FilePath?
    /// The operating system's reason; nil if there is none.
    public let systemError: Errno?
    /// The label that the error is about; nil if it is about none.
    public let label: VectorStore.Label?
    /// The number of the vector, query or change that the error is about, counted from 0 in the input of the call; nil
    /// if there is none.
    public let row: Int?

    /// Whether the store opens with ``VectorStore/OpenOptions/logDamage`` `.discardRest`, as it was before the damage.
    public let isSalvageable: Bool

    /// The problem, in which `rowMark` is where the row's number goes, if the library wrote it.
    private let template: String
    /// Where the number of the row is in what `init` is given as the problem.
    static let rowMark = "\u{1}"

    private static func text(_ template: String, row: Int?) -> String {
        template.contains(rowMark) ? template.replacing(rowMark, with: row.map { "\($0)" } ?? "?") : template
    }

    /// The problem and what you can do about it, in a sentence or two.
    public var message: String { problem + (remedy.map { "; \($0)" } ?? "") }

    /// Creates an error, such as one that a ``VectorStore/RowSource`` throws.
    ///
    /// - Parameters:
    ///   - code: The kind of the error.
    ///   - problem: What is wrong.
    ///   - remedy: What to do about it.
    ///   - path: The file or directory that it is about.
    ///   - systemError: The operating system's reason.
    ///   - label: The label that it is about.
    ///   - row: The number of the vector, query or change that it is about.
    public init(
        _ code: Code, _ problem: String, remedy: String? = nil, path: FilePath? = nil, systemError: Errno? = nil,
        label: VectorStore.Label? = nil, row: Int? = nil
    ) {
        self.init(
            code, template: problem.replacing(Self.rowMark, with: "?"), remedy: remedy, path: path,
            systemError: systemError,
            label: label, row: row, isSalvageable: false)
    }

    /// `template`: the problem, with `rowMark` where the row's number goes.
    init(
        _ code: Code, template: String, remedy: String? = nil, path: FilePath? = nil, systemError: Errno? = nil,
        label: Label? = nil, row: Int? = nil, isSalvageable: Bool = false
    ) {
        self.code = code
        self.template = template
        self.remedy = remedy
        self.isSalvageable = isSalvageable
        self.path = path
        self.systemError = systemError
        self.label = label
        self.row = row
    }

    /// Returns the same error about another number.
    ///
    /// Use it if you pass a store a part of your input: the store counts rows from the beginning of what it is given.
    ///
    /// - Parameter row: The number of the row in the whole input.
    /// - Returns: The error, whose ``row`` has that number, and its text as well, if the store made the error.
    public func numbered(_ row: Int) -> StoreError {
        StoreError(
            code, template: template, remedy: remedy, path: path, systemError: systemError, label: label, row: row,
            isSalvageable: isSalvageable)
    }

    /// The same error about a file or directory.
    func at(_ path: FilePath?) -> StoreError {
        StoreError(
            code, template: template, remedy: remedy, path: path, systemError: systemError, label: label, row: row,
            isSalvageable: isSalvageable)
    }

    /// Damage that shows in what slots are said to be.
    static func damagedSlots(_ finding: String, _ path: FilePath?) -> StoreError {
        StoreError(
            .corrupt, "the store is damaged: \(finding)",
            remedy: "'cairn verify' lists what is wrong; restore it from a copy",
            path: path)
    }

    /// Two slots that are in use have this label.
    static func repeatedLabel(_ label: Label, _ path: FilePath?) -> StoreError {
        damagedSlots("label \(label) comes twice", path)
    }

    /// The path, the message and the operating system's reason, on one line.
    public var description: String {
        let place = path.map { "\($0): " } ?? ""
        let reason = systemError.map { " (\($0))" } ?? ""
        return place + message + reason
    }
}

extension StoreError {
    init(_ error: StorageError) {
        let code: Code, message = "could not \(error.action)"
        if let advice = error.errno.advice {
            self.init(
                .full, message, remedy: "\(advice); nothing of an earlier state is lost", path: error.path,
                systemError: error.errno)
            return
        }
        switch error.errno {
        case .noSuchFileOrDirectory: code = .notFound
        case .fileExists, .directoryNotEmpty: code = .alreadyExists
        case .wouldBlock: code = .locked
        case .canceled:
            self = .cancelled
            return
        default: code = .io
        }
        self.init(code, message, path: error.path, systemError: error.errno)
    }

    /// What is wrong with a file of vectors.
    init(_ error: VectorFileError) {
        let reason = error.errno.map { Errno(rawValue: $0) }
        let code: Code =
            if reason?.advice != nil { .full } else { error.isOfVector ? .invalidVector : .invalidArgument }
        self.init(code, error.message, path: error.path, systemError: reason)
    }

    init(_ error: StoreFileError) {
        switch error {
        case .storage(let error): self.init(error)
        case .format(let path, let error):
            let code: Code =
                switch error.kind {
                case .notAStore: .notAStore
                case .incompatible: .incompatible
                case .corrupt: .corrupt
                }
            self.init(
                code, template: error.problem, remedy: error.remedy, path: path, isSalvageable: error.isSalvageable)
        }
    }
}

extension StoreError {
    /// Memory that the system refused; `path`: the store's, nil for one in memory.
    init(_ error: OutOfMemory, path: FilePath?) {
        self = StoreError(StorageError(path ?? "memory", error)).at(path)
    }
}

extension StoreError {
    /// Whether two errors say the same.
    ///
    /// - Parameters:
    ///   - first: An error.
    ///   - second: Another one.
    /// - Returns: True if all they say is equal.
    public static func == (first: StoreError, second: StoreError) -> Bool {
        first.code == second.code && first.problem == second.problem && first.remedy == second.remedy
            && first.path == second.path && first.systemError == second.systemError && first.label == second.label
            && first.row == second.row && first.isSalvageable == second.isSalvageable
    }

    /// Feeds what the error says to a hasher.
    ///
    /// - Parameter hasher: The hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(problem)
        hasher.combine(path)
        hasher.combine(label)
    }
}

/// Runs `body`, turning a want of memory into an error about the store at `path`.
func takingMemory<Result>(
    for path: FilePath?, _ body: () throws(OutOfMemory) -> Result
) throws(StoreError) -> Result {
    do {
        return try body()
    } catch {
        throw StoreError(error, path: path)
    }
}

/// Evaluates an expression, turning a want of memory into an error about the store at `path`.
func takingMemory<Result>(
    for path: FilePath?, _ body: @autoclosure () throws(OutOfMemory) -> Result
) throws(StoreError) -> Result {
    do {
        return try body()
    } catch {
        throw StoreError(error, path: path)
    }
}

/// Runs `body`, turning the lower layers' errors into the public one.
func translating<Result>(_ body: () throws(StorageError) -> Result) throws(StoreError) -> Result {
    do {
        return try body()
    } catch {
        throw StoreError(error)
    }
}

extension StoreError: Codable {
    private enum CodingKeys: String, CodingKey {
        case code, message, problem, remedy, path, systemError, label, row, isSalvageable
    }

    /// Decodes an error.
    ///
    /// - Parameter decoder: The decoder to read from.
    /// - Throws: `DecodingError`, also for a code of a later release.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let code = Code(named: try container.decode(String.self, forKey: .code)) else {
            throw DecodingError.dataCorruptedError(
                forKey: .code, in: container, debugDescription: "this code is not known")
        }
        self.init(
            code,
            template: try container.decodeIfPresent(String.self, forKey: .problem)
                ?? container.decode(String.self, forKey: .message),
            remedy: try container.decodeIfPresent(String.self, forKey: .remedy),
            path: try container.decodeIfPresent(String.self, forKey: .path).map { FilePath($0) },
            systemError: try container.decodeIfPresent(CInt.self, forKey: .systemError).map { Errno(rawValue: $0) },
            label: try container.decodeIfPresent(Label.self, forKey: .label),
            row: try container.decodeIfPresent(Int.self, forKey: .row),
            isSalvageable: try container.decodeIfPresent(Bool.self, forKey: .isSalvageable) ?? false)
    }

    /// Encodes the error: the code by its name, the path as a string, the system's error as a number.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(code.description, forKey: .code)
        try container.encode(message, forKey: .message)
        try container.encode(problem, forKey: .problem)
        try container.encodeIfPresent(remedy, forKey: .remedy)
        try container.encodeIfPresent(path?.string, forKey: .path)
        try container.encodeIfPresent(systemError?.rawValue, forKey: .systemError)
        try container.encodeIfPresent(label, forKey: .label)
        try container.encodeIfPresent(row, forKey: .row)
        if isSalvageable { try container.encode(true, forKey: .isSalvageable) }
    }
}
