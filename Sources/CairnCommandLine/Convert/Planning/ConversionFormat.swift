import ArgumentParser
import ChromaDatabase
import HnswlibFile
import MappedStorage
import SystemPackage
import VectorFiles

/// A kind of file or folder that `cairn convert` reads or writes; the raw value is its name on the command line.
enum ConversionFormat: String, CaseIterable, ExpressibleByArgument {
    /// An index that hnswlib saved, or Chroma's hnswlib, which adds lengths.
    case hnswlib
    /// hnswlib's brute-force index.
    case bfindex
    /// The folder of Chroma's data, or that of one of its indexes.
    case chroma
    /// A store.
    case cairn
    case npy, fvecs, bvecs, ivecs, fbin, u8bin, i8bin, ibin

    /// The format of vector files that it is, if it is one.
    var vectorFile: VectorFileFormat? { VectorFileFormat(rawValue: rawValue) }

    /// What is meant by the name of a file to be written; nil where the extension does not say.
    init?(extensionOf path: FilePath) {
        switch path.extension?.lowercased() {
        case "cairn": self = .cairn
        case "bin", "hnsw", "hnswlib": self = .hnswlib
        case let name?:
            guard let format = VectorFileFormat(rawValue: name) else { return nil }
            self.init(rawValue: format.rawValue)
        case nil: return nil
        }
    }

    /// Recognises what is at `path`: by content where content says, else by extension.
    init(recognising path: FilePath) throws {
        let kind = Directory.kind(of: path)
        if kind == .directory, Directory.kind(of: path.appending("level0")) == .other {
            self = .cairn
            return
        }
        if Self.isChromaData(path) {
            self = .chroma
            return
        }
        let found = try HnswlibFileKind.recognise(path)
        if case .index(let layout) = found {
            self = layout == .chromaFolder ? .chroma : .hnswlib
            return
        }
        guard Directory.kind(of: path.appending("chroma-collections.parquet")) == .missing else {
            throw Failure(
                path,
                "it is data of Chroma before 0.4: name one of the indexes in it, index/index_….bin; the column uuid of "
                    + "chroma-collections.parquet tells which collection each is of, its column metadata the metric")
        }
        guard kind != .directory else {
            throw Failure(path, "this directory is neither a cairn store nor a folder of Chroma's with a header.bin")
        }
        try self.init(recognising: path, mayBeBruteForce: found == .bruteForce)
    }

    /// Recognises a file that is no index with a graph. `mayBeBruteForce`: whether it looks like a BFIndex.
    private init(recognising path: FilePath, mayBeBruteForce: Bool) throws {
        // Before BFIndex, whose three numbers may be at the beginning of a vector file by chance.
        if let format = try VectorFileFormat.recognise(path), let format = Self(rawValue: format.rawValue) {
            self = format
        } else if let kind = ForeignFile.recognise(path), !kind.isText {
            throw Failure(path, kind.message(for: path))
        } else if mayBeBruteForce {
            self = .bfindex
        } else if let kind = ForeignFile.recognise(path) {
            throw Failure(path, kind.message(for: path))
        } else {
            let known = VectorFileFormat.allCases.map { ".\($0)" }.joined(separator: " ")
            throw Failure(
                path,
                "it is neither an index of hnswlib or Chroma nor an .npy array, and its extension is none of \(known); "
                    + "it is damaged, or else say what it is with --from")
        }
    }

    /// Whether a path is the folder of all of Chroma's data, in which those of its indexes are.
    static func isChromaData(_ path: FilePath) -> Bool {
        Directory.kind(of: path.appending(ChromaDatabase.fileName)) == .other
            && Directory.kind(of: path.appending("header.bin")) == .missing
    }
}

/// A kind of file that `cairn convert` writes; others are known, so that it can be said that they are only read.
struct WrittenFormat: ExpressibleByArgument {
    let format: ConversionFormat

    init?(argument: String) {
        guard let format = ConversionFormat(rawValue: argument) else { return nil }
        self.format = format
    }

    static var allValueStrings: [String] {
        ConversionFormat.allCases.filter { $0 != .chroma && $0 != .bfindex }.map(\.rawValue)
    }
}
