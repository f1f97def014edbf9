import Cairn
import HnswlibFile
import MappedStorage
import SystemPackage
import VectorFiles

/// What is converted, open: its head was read, and fits the size.
enum ConversionInput {
    case index(HnswlibIndex)
    case bruteForce(BruteForceFile)
    case store(VectorStore)
    case vectors(VectorInput)

    /// Opens what stands at `path` as `format`, or as what it is recognised as. `labels`: a file of them, for vectors.
    init(_ path: FilePath, as format: ConversionFormat?, labels: FilePath?) throws {
        guard Directory.kind(of: path) != .other || Directory.isRegularFile(path) else {
            throw Failure(path, "it is not a regular file: save the data to a file first")
        }
        let format = if let format { format } else { try ConversionFormat(recognising: path) }
        switch format {
        case .hnswlib, .chroma: self = .index(try HnswlibIndex(path))
        case .bfindex: self = .bruteForce(try BruteForceFile(path))
        case .cairn: self = .store(try VectorStore.open(at: path))
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
            case .bruteForce(let file): file.fileBytes
            case .store(let store): try store.info.fileBytes
            case .vectors(let input): input.file.byteCount
            }
        }
    }
}
