import ArgumentParser
import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

/// What a user may say about a conversion, where the files do not.
struct ConversionSettings {
    var metric: MetricName?
    var dimensions: Int?
    var scalar: VectorStore.Scalar?
    var maximumElements: Int?
    var savedLabels: FilePath?
    var savedIdentifiers: FilePath?
    var isLabelled = false
    var connectivity: Int?
    var constructionWidth: Int?
    var threads: Int?
    var memory: Int?
    /// Where vectors are noted that are left out; nil where they are errors.
    var skipped: SkippedVectors?

    /// Throws for what was said and has no meaning for this conversion: it may have been meant for another one.
    func check(_ input: ConversionInput, to output: ConversionFormat) throws {
        var isVectors = false, isStore = false, isIndex = false, isChroma = false
        switch input {
        case .vectors: isVectors = true
        case .store: isStore = true
        case .index(let index):
            isIndex = true
            isChroma =
                index.layout == .chromaFolder
                || index.layout == .hnswlib && EarlyChromaIdentifiers.path(besideIndex: index.path) != nil
        case .collection(let collection):
            isIndex = collection.isAsStored
            isChroma = true
        case .bruteForce: break
        }
        let writesVectors = output.vectorFile != nil
        let isBuilt = !writesVectors && !isStore && !isIndex
        try refuse(
            maximumElements != nil && output != .hnswlib, "--max-elements", "is for an OUT that is an hnswlib index")
        try refuse(
            isLabelled && !(isVectors && !writesVectors), "--labels", "is for an IN of vectors and an OUT with labels")
        try refuse(
            savedLabels != nil && !(writesVectors && !isVectors), "--save-labels",
            "is for an IN with labels and an OUT of vectors")
        try refuse(savedIdentifiers != nil && !isChroma, "--save-ids", "is for an IN of Chroma's")
        try refuse(
            metric != nil && writesVectors && !isStore && !isIndex && !isChroma, "--metric",
            "is for stores and indexes; vectors have none")
        try refuse(
            connectivity != nil && !isBuilt, "-M", "is for graphs that are built; this one is kept, or none is needed")
        try refuse(
            constructionWidth != nil && !isBuilt, "--ef-construction",
            "is for graphs that are built; this one is kept, or none is needed")
        try refuse(threads != nil && !isBuilt, "--threads", "is for graphs that are built")
        try refuse(memory != nil && !isBuilt && !isStore, "--memory", "is for stores, and for graphs that are built")
        try refuse(skipped != nil && !isBuilt, "--skip-invalid", "is for graphs that are built")
        try refuse(
            scalar != nil && isStore && output == .cairn, "--scalar", "cannot change: a copy keeps the data as it is")
    }

    private func refuse(_ isWrong: Bool, _ option: String, _ reason: String) throws {
        if isWrong { throw Failure(usage: "\(option) \(reason): leave it out") }
    }

    /// The metric, which nothing but the user knows.
    func requiredMetric(for output: ConversionFormat, isChroma: Bool = false) throws -> MetricName {
        guard let metric else {
            let owner = output == .cairn ? "a store has a metric" : "a graph is built for a metric"
            throw Failure(
                usage: "\(owner), and IN does not say which: give --metric l2, --metric ip or --metric cosine"
                    + (isChroma
                        ? " (Chroma's hnsw:space, which is l2 unless the collection was made with another)" : ""))
        }
        return metric
    }

    /// How many components of type `scalar` a vector of so many bytes has; throws where that contradicts --dim.
    func components(ofBytes bytes: Int, _ scalar: VectorStore.Scalar, in path: FilePath) throws -> Int {
        let (count, rest) = bytes.quotientAndRemainder(dividingBy: scalar.fileScalar.size)
        let facts = "its vectors have \(counted(bytes, "byte"))"
        guard rest == 0 else {
            throw Failure(path, "\(facts), which \(scalar.rawValue) does not divide: say what they are with --scalar")
        }
        guard dimensions ?? count == count else {
            throw Failure(
                usage:
                    "\(path): \(facts), which is \(count) of \(scalar.rawValue) and not --dim \(dimensions ?? 0): leave "
                    + "out --dim, or say with --scalar what components are")
        }
        guard count <= VectorFile.maximumDimensions else {
            throw Failure(
                path, "\(facts), \(count) of \(scalar.rawValue); the most is \(VectorFile.maximumDimensions) dimensions"
            )
        }
        return count
    }

    /// Throws where --dim contradicts what `path` says.
    func checkDimensions(_ found: Int, in path: FilePath) throws {
        guard dimensions ?? found == found else {
            throw Failure(
                usage:
                    "\(path): its vectors have \(counted(found, "dimension")), not --dim \(dimensions ?? 0): leave out --dim"
            )
        }
    }

    /// Throws where --max-elements leaves no room for what there is.
    func checkCapacity(for count: Int) throws {
        guard let maximumElements, maximumElements < count else { return }
        throw Failure(
            usage:
                "--max-elements is \(maximumElements), but there are \(counted(count, "vector")), deleted ones included: "
                + "give that many or more")
    }
}
