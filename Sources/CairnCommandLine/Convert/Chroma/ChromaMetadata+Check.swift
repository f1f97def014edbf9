import HnswlibFile
import SystemPackage

extension ChromaMetadata {
    /// The metadata in `folder`, which has an index of so many vectors. What is wrong with them is an error where they
    /// are wanted, else a warning: the index is whole without them.
    static func read(
        folder: FilePath, of index: HnswlibIndex, dimensions: Int, areWanted: Bool
    ) throws -> (metadata: ChromaMetadata?, warnings: [String]) {
        do {
            if let metadata = try read(folder: folder, elements: index.header.count) {
                try metadata.check(dimensions: dimensions, in: folder)
                return (metadata, [])
            }
            guard areWanted || index.header.count > 0 else { return (nil, []) }
            throw Failure(folder.appending(fileName), "there is no such file, so Chroma's ids are not known")
        } catch {
            guard !areWanted else { throw error }
            let reason = Failure(reporting: error).message
            return (nil, ["Chroma's ids are lost, the index is whole: \(fileName): \(reason)"])
        }
    }

    /// Throws where they are not of the index next to them.
    private func check(dimensions: Int, in folder: FilePath) throws {
        guard dimensionality ?? dimensions == dimensions else {
            throw Failure(
                folder.appending(Self.fileName),
                "it says that vectors have \(dimensionality ?? 0) dimensions, the index has \(dimensions): one of the two is "
                    + "another index's")
        }
    }

    /// What it knows of and the index has not, and the other way round: Chroma writes them one after the other.
    /// `labels`: those of the vectors in the index that are not deleted.
    func warnings(of labels: [Label]) -> [String] {
        let unknown = labels.count { identifiers[$0] == nil }
        let missing = identifiers.count - (labels.count - unknown)
        var warnings: [String] = []
        if missing > 0 {
            warnings.append(
                "Chroma's \(Self.fileName) has \(counted(missing, "id")) of vectors that the index does not have")
        }
        if unknown > 0 {
            warnings.append(
                "the index has \(counted(unknown, "vector")) that Chroma's \(Self.fileName) does not have")
        }
        return warnings
    }
}
