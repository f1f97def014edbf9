import ArgumentParser
import Cairn

/// What a store is made with, apart from its dimensions.
struct CreationOptions: ParsableArguments {
    @Option(help: "What distance means; l2 if not given. For embeddings of text and images take cosine.")
    var metric: MetricName?

    @Option(help: "What components are stored as.")
    var scalar = Scalar.float32

    @Option(name: .customShort("M"), help: ArgumentHelp("Links of a vector, 2 to 10000.", valueName: "m"))
    var connectivity = 16

    @Option(help: ArgumentHelp("How widely to search for a new vector's neighbours.", valueName: "n"))
    var efConstruction = 200

    @Option(help: ArgumentHelp("The width of searches that name none.", valueName: "n"))
    var ef = 50

    @Option(help: ArgumentHelp("Seeds the levels: the same seed and vectors give the same store.", valueName: "n"))
    var seed: UInt64 = 100

    @Option(
        help: """
            Short codes beside the vectors that searches and insertions walk by: sq8 a byte, sq4 half a byte for a component. \
            Where they would lose more than 0.005 of recall@10, more precise ones, or none, with a warning.
            """)
    var codes = Codes.none

    func configuration(dimensions: Int) -> VectorStore.Configuration {
        VectorStore.Configuration(
            dimensions: dimensions, metric: (metric ?? .l2).metric, scalar: scalar, connectivity: connectivity,
            constructionWidth: efConstruction, seed: seed, searchWidth: ef, codes: codes)
    }
}

extension StoreInfo {
    /// What a command that makes a store says of it in JSON.
    var creationFacts: [(key: String, value: JSON)] {
        [
            ("count", .number(count)),
            ("dimensions", .number(configuration.dimensions)),
            ("metric", .string(configuration.metric.name)),
            ("scalar", .string(configuration.scalar.rawValue)),
            ("m", .number(configuration.connectivity)),
            ("ef_construction", .number(configuration.constructionWidth)),
            ("codes", .string(configuration.codes.rawValue)),
        ] + InfoCommand.codeFacts(codes)
    }
}
