import ArgumentParser
import Cairn

/// What a store is made with, apart from its dimensions.
struct CreationOptions: ParsableArguments {
    @Option(help: "What distance means; by default l2. Use cosine for embeddings of text and images.")
    var metric: MetricName?

    @Option(help: "The type in which components are stored.")
    var scalar = VectorStore.Scalar.float32

    @Option(
        name: .customShort("M"),
        help: ArgumentHelp("M: links per vector, 2 to 10000. More find more, and take more memory.", valueName: "m"))
    var connectivity = 16

    @Option(
        help: ArgumentHelp(
            "efConstruction: candidates kept when a new vector is linked. More find better links, and take longer.",
            valueName: "n"))
    var efConstruction = 200

    @Option(help: ArgumentHelp("The ef of searches without --ef: how many candidates a search keeps.", valueName: "n"))
    var ef = 50

    @Option(help: ArgumentHelp("Seed of the levels. The same seed and vectors give the same store.", valueName: "n"))
    var seed: UInt64 = 100

    @Option(
        help: """
            Keep a short form of each vector, with which searches and insertions walk the graph. A component takes a byte \
            with sq8, half a byte with sq4. If that would lose more than 0.005 of recall@10, the store uses a more precise \
            kind, or none, and warns.
            """)
    var quantization = VectorStore.Quantization.none

    func configuration(dimensions: Int) -> VectorStore.Configuration {
        VectorStore.Configuration(
            dimensions: dimensions, metric: (metric ?? .l2).metric, scalar: scalar, m: connectivity,
            efConstruction: efConstruction, seed: seed, ef: ef, quantization: quantization)
    }
}

extension VectorStore.Info {
    /// What a command that makes a store says of it in JSON.
    var creationFacts: [(key: String, value: JSON)] {
        [
            ("count", .number(count)),
            ("dimensions", .number(configuration.dimensions)),
            ("metric", .string(configuration.metric.name)),
            ("scalar", .string(configuration.scalar.rawValue)),
            ("m", .number(configuration.m)),
            ("ef_construction", .number(configuration.efConstruction)),
            ("quantization", .string(configuration.quantization.rawValue)),
        ] + InfoCommand.codeFacts(quantization)
    }
}
