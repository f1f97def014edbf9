import Cairn
import HnswlibFile
import MappedStorage
import SystemPackage
import VectorFiles

/// What is converted, open: its head was read, and fits the size.
enum ConversionInput {
    case index(HnswlibIndex)
    /// A collection of Chroma's that its database knows.
    case collection(ChromaCollection)
    case bruteForce(BruteForceFile)
    case store(VectorStore)
    case vectors(VectorInput)

    /// Opens what is at `path` as `format`, or as what it is recognised as. `labels`: a file of them, for vectors;
    /// `collection`: which one of Chroma's; `memory`: the most for a store.
    init(
        _ path: FilePath, as format: ConversionFormat?, labels: FilePath?, collection: String?, memory: ByteCount?
    ) throws {
        guard Directory.kind(of: path) != .other || Directory.isRegularFile(path) else {
            throw Failure(path, "it is not a regular file: save the data to a file first")
        }
        let format = if let format { format } else { try ConversionFormat(recognising: path) }
        guard format == .chroma || collection == nil else {
            throw Failure(usage: "--collection is for an IN that is a folder of Chroma's: leave it out")
        }
        switch format {
        case .chroma where ConversionFormat.isChromaData(path):
            self = .collection(try ChromaCollection(named: collection, in: path))
        case .chroma:
            guard collection == nil else {
                throw Failure(
                    usage: "--collection is for the folder that holds chroma.sqlite3: name that one, or leave it out")
            }
            let found = try ChromaCollection(folder: path)
            self = try found.map { .collection($0) } ?? .index(HnswlibIndex(path))
        case .hnswlib: self = .index(try Self.opening(path) { () throws(HnswlibFileError) in try .init(path) })
        case .bfindex: self = .bruteForce(try Self.opening(path) { () throws(HnswlibFileError) in try .init(path) })
        case .cairn: self = .store(try VectorStore.open(at: path, options: .init(memoryBudget: memory?.bytes)))
        default: self = .vectors(try VectorInput(path, as: format.vectorFile, labels: labels))
        }
    }

    /// What `open` opens; where that fails on a file of another kind, that is what is wrong with it.
    private static func opening<File>(_ path: FilePath, _ open: () throws(HnswlibFileError) -> File) throws -> File {
        do {
            return try open()
        } catch {
            guard let kind = ForeignFile.recognise(path) else { throw error }
            throw Failure(path, kind.message(for: path))
        }
    }

    var format: ConversionFormat {
        switch self {
        case .index(let index): index.layout == .chromaFolder ? .chroma : .hnswlib
        case .collection: .chroma
        case .bruteForce: .bfindex
        case .store: .cairn
        case .vectors(let input): ConversionFormat(rawValue: input.file.format.rawValue)!
        }
    }

    /// Bytes that reading all of it reads.
    var byteCount: Int {
        get throws {
            switch self {
            case .index(let index): index.fileBytes
            case .collection(let collection): collection.byteCount
            case .bruteForce(let file): file.fileBytes
            case .store(let store): try store.info.fileBytes
            case .vectors(let input): input.file.byteCount
            }
        }
    }
}
