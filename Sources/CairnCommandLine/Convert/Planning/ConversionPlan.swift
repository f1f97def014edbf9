import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

/// What a conversion will do, and what becomes of the data: what --dry-run prints, and what is run.
struct ConversionPlan {
    /// What is done, and what it needs.
    enum Work {
        /// Rows go to a vector file, and their labels to another.
        case writeVectors(any RowStream, VectorFileFormat, VectorFileScalar, labels: FilePath?)
        /// Whole numbers of more bits than a float has go to a file of whole numbers.
        case writeIntegers(VectorFile, VectorFileFormat, VectorFileScalar)
        /// A store is made, with a graph that is built.
        case build(GraphBuild)
        /// The same, on the way to an hnswlib index.
        case buildIndex(GraphBuild, VectorStore.ExportOptions)
        /// An hnswlib index is copied as it is, but for its capacity and what Chroma adds.
        case copyIndex(HnswlibIndex, HnswlibSurvey, maximumElements: Int?)
        /// An hnswlib index becomes a store, as it is. With it what Chroma's folder has of it.
        case importIndex(HnswlibIndex, VectorStore.ImportOptions, ChromaMetadata?)
        /// A store becomes an hnswlib index.
        case exportStore(VectorStore, VectorStore.ExportOptions)
        /// A store becomes another one, of this metric.
        case copyStore(VectorStore.Metric)
    }

    let source: FilePath
    let destination: FilePath
    let from: ConversionFormat
    let to: ConversionFormat
    let work: Work
    let facts: ConversionFacts
    /// What OUT does not have, a clause for each.
    let lost: [String]
    let warnings: [String]
    /// What Chroma calls vectors, by label.
    let identifiers: [UInt64: String]?
}

/// How many vectors a conversion has to do with.
struct ConversionCounts {
    /// Vectors that OUT has and that searches find.
    var live: Int
    /// Vectors of IN that are marked deleted, whether OUT has them or not.
    var deleted = 0
}

/// What is known of the data of a conversion.
struct ConversionFacts {
    /// nil for an index that becomes a store: it is read only then, or by a check.
    var counts: ConversionCounts?
    let dimensions: Int
    /// nil where OUT has none and IN does not say.
    var metric: String?
    /// What components are in OUT.
    var scalar: VectorFileScalar
    let connectivity: Int?
    let constructionWidth: Int?
    let bytesRead: Int
}

extension VectorStore.Scalar {
    /// The same in a vector file.
    var fileScalar: VectorFileScalar {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .uint8: .uint8
        case .int8: .int8
        }
    }
}

extension VectorFileScalar {
    /// Its name on the command line.
    var shortName: String {
        switch self {
        case .float32: "f32"
        case .float16: "f16"
        case .float64: "f64"
        case .uint8: "u8"
        case .int8: "i8"
        case .int32: "i32"
        case .uint32: "u32"
        case .int64: "i64"
        case .uint64: "u64"
        }
    }

    /// What vectors of it are written as to another file: single precision is as much as goes through here.
    var writtenScalar: VectorFileScalar { self == .float64 ? .float32 : self }

    /// What a store keeps such components as: themselves, or else f32.
    var storeScalar: VectorStore.Scalar {
        switch self {
        case .float16: .float16
        case .uint8: .uint8
        case .int8: .int8
        case .float32, .float64, .int32, .uint32, .int64, .uint64: .float32
        }
    }
}
