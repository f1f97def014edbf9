import Cairn
import ChromaFixtures
import FileFormat
import SystemPackage
import TestSupport

/// The folder of Chroma's data with one collection, not damaged.
struct ChromaSample {
    let name: String
    let files: StoreFiles
    let metric: VectorStore.Metric

    static let collection = "docs", segment = "s-1"
    /// Vectors in the index, and links in a list.
    static let count = 60, connectivity = 4

    /// Where the vectors are.
    private enum Place: String, CaseIterable {
        case index, queue
        case both = "index and queue"
    }

    /// Collections of each kind, made in `root`.
    static func all(_ root: FilePath) throws -> [ChromaSample] {
        try Place.allCases.flatMap { place in
            try ([VectorStore.Metric.l2, .cosine] as [VectorStore.Metric]).map { try ChromaSample(place, $0, root) }
        }
    }

    private init(_ place: Place, _ metric: VectorStore.Metric, _ root: FilePath) throws {
        let folder = root.appending("chroma")
        removeTree(folder)
        try makeDirectory(folder)
        defer { removeTree(folder) }
        let data = try ChromaData(in: folder)
        try data.addCollection(
            Self.collection, id: "c-1", segment: Self.segment, space: metric == .cosine ? "cosine" : "l2")
        let configuration = VectorStore.Configuration(
            dimensions: 6, metric: metric, m: Self.connectivity, efConstruction: 24, seed: 7)
        let rows = Sample.Rows(configuration: configuration)
        if place != .queue {
            try Self.writeIndex(rows, in: folder.appending(Self.segment))
            try data.synchronize(Self.segment, through: 500)
        }
        if place != .index {
            // Its number is that of the last change that the index has.
            try data.run(
                "INSERT INTO embeddings_queue VALUES (500, 3, 'persistent://x/c-1', 'nobody', NULL, NULL, NULL);")
            for (number, row) in rows.each(12, seed: 9).enumerated() {
                try data.queue(2, "doc \(number < 6 ? number + 3 : number + 100)", row, of: "c-1")
            }
            try data.queue(3, "doc 8", of: "c-1")
        }
        name = "Chroma, \(place.rawValue), \(metric)"
        self.metric = metric
        files = try StoreFiles(folder)
    }

    /// The folder of the index: what hnswlib has in one file is in four.
    private static func writeIndex(_ rows: Sample.Rows, in folder: FilePath) throws {
        try makeDirectory(folder)
        let store = folder.appending("store"), index = folder.appending("index.bin")
        defer { for path in [store, index] { removeTree(path) } }
        try VectorStore.build(
            at: store, configuration: rows.configuration, vectors: rows.vectors(count, seed: 1),
            labels: (1...Label(count)).map { $0 },
            options: .init(threads: 1))
        let opened = try VectorStore.open(at: store)
        try opened.exportHnswlib(to: index)
        try opened.close()
        let bytes = try readBytes(index), element = Int(bytes.integer(at: 24, as: UInt64.self))
        let lists = headerBytes + count * element
        let parts: [(String, [UInt8])] = [
            ("header.bin", [1, 0, 0, 0] + bytes[..<headerBytes]),
            ("data_level0.bin", Array(bytes[headerBytes..<lists])),
            ("length.bin", (0..<count).flatMap { _ in [0, 0, 0x80, 0x3f] as [UInt8] }),
            ("link_lists.bin", Array(bytes[lists...])),
            (
                "index_metadata.pickle",
                ChromaData.metadata(
                    dimensions: rows.configuration.dimensions, elements: count,
                    identifiers: (1...count).map { (identifier: "doc \($0)", label: $0) })
            ),
        ]
        for (name, bytes) in parts { try writeBytes(bytes, to: folder.appending(name)) }
    }

    private static let headerBytes = 96
}
