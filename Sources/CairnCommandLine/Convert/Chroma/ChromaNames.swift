import HnswlibFile
import SystemPackage

/// What Chroma calls the vectors of one of its indexes.
struct ChromaNames {
    /// What is in the folder of the index; nil where there is none.
    let metadata: ChromaMetadata?
    /// By label; nil where they are not known, or not wanted.
    let identifiers: [UInt64: String]?
    /// What OUT does not have of them.
    let lost: [String]
    let warnings: [String]

    /// Reads what is next to `index`, which was opened at `source`. Throws where they are to be saved and cannot be
    /// read.
    init(
        of index: HnswlibIndex, at source: FilePath, dimensions: Int, _ settings: ConversionSettings
    ) throws {
        let areWanted = settings.savedIdentifiers != nil
        let early = index.layout == .hnswlib ? EarlyChromaIdentifiers.path(besideIndex: source) : nil
        var warnings: [String] = []
        (metadata, warnings) =
            index.layout == .chromaFolder
            ? try ChromaMetadata.read(folder: source, of: index, dimensions: dimensions, areWanted: areWanted)
            : (nil, [])
        if let early, areWanted {
            identifiers = try EarlyChromaIdentifiers.read(early, elements: index.header.count)
            warnings.append(
                "ids are those that Chroma gave the vectors before 0.4; the column uuid of chroma-embeddings.parquet has them, and "
                    + "its column id those that you gave")
        } else {
            identifiers = metadata?.identifiers
        }
        lost = Losses.ofIdentifiers(areThere: metadata != nil || early != nil, settings)
        self.warnings = warnings
    }
}
