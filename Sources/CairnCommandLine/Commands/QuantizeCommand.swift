import ArgumentParser
import Cairn
import SystemPackage

/// `cairn quantize`
struct QuantizeCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Quantize a store, or remove its quantization.",
        discussion: """
            A quantized store keeps a short form of each vector. A component takes a byte with sq8, half a byte with sq4. A search \
            walks the graph with the short forms, then compares the vectors of the best it finds, so it reads less memory. Vectors, \
            distances and exports stay as they are.

            The command reads every vector once for each kind it tries. Then it searches for some of them to measure what is lost. \
            If that may be more than 0.005 of recall@10, the store uses a more precise kind, at most half precision (f16), or none, \
            and a warning says so.

            If you name the kind that the store has, it is made again. New vectors are quantized as they come. Quantization begins \
            at 256 vectors.

              cairn quantize products.cairn sq4
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "The kind: none, sq8 or sq4.")
    var quantization: VectorStore.Quantization

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let info = try VectorStore.changing(at: store, options: memory.openOptions, reporting: common) { store in
            let waiting = WaitingLine("quantizing and measuring", quiet: common.quiet)
            defer { waiting?.finish() }
            try store.setQuantization(quantization)
            return try store.info
        }
        let seconds = (ContinuousClock.now - start).seconds
        if let warning = info.quantization?.warning { printWarning("\(store): \(warning)") }
        try output.facts(
            [
                ("quantization", .string(info.configuration.quantization.rawValue)),
                ("quantization_bytes", .number(info.quantizationBytes)),
            ] + InfoCommand.codeFacts(info.quantization) + [
                ("seconds", .number(seconds, decimals: 3))
            ], as: common, text: ["\(store): \(summary(info, seconds))"])
    }

    private func summary(_ info: VectorStore.Info, _ seconds: Double) -> String {
        let asked = info.configuration.quantization
        if asked == .none { return "no quantization" }
        guard let report = info.quantization else {
            return "\(asked.rawValue) begins at 256 vectors; the store has \(info.count)"
        }
        if report.used == .none { return "no quantization: searches use the vectors" }
        return
            "quantization \(report.used.rawValue), \(readableBytes(info.quantizationBytes)), made in \(fixed(seconds, decimals: 1)) s"
            + (report.summary.map { ": \($0)" } ?? "")
    }
}
