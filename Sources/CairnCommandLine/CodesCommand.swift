import ArgumentParser
import Cairn
import SystemPackage

/// `cairn codes`
struct CodesCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "codes",
        abstract: "Give a store short codes to search by, or take them away.",
        discussion: """
            With codes a search walks the graph by them and compares the vectors of the best it finds, so that it reads less \
            memory: sq8 keeps a byte for a component, sq4 half a byte. Vectors, answers' distances and what is exported stay \
            as they are.

            Reads every vector once for each kind that is tried, and searches for some of them to measure what is lost. Where that would be more than \
            0.005 of recall@10, the store gets more precise codes, at most half precision (f16), or none, and a warning says so. \
            Naming the kind that the store has makes its codes again; new vectors get theirs as they come. Codes begin at 256 \
            vectors.

              cairn codes products.cairn sq4
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "The kind: none, sq8 or sq4.")
    var codes: Codes

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let info = try VectorStore.changing(at: store, reporting: common) { store in
            let waiting = WaitingLine("making and measuring codes", quiet: common.quiet)
            defer { waiting?.finish() }
            try store.setCodes(codes)
            return try store.info
        }
        let seconds = (ContinuousClock.now - start).seconds
        if let warning = info.codes?.warning { printWarning("\(store): \(warning)") }
        try output.facts(
            [
                ("codes", .string(info.configuration.codes.rawValue)),
                ("code_bytes", .number(info.codeBytes)),
            ] + InfoCommand.codeFacts(info.codes) + [
                ("seconds", .number(seconds, decimals: 3))
            ], as: common, text: ["\(store): \(summary(info, seconds))"])
    }

    private func summary(_ info: StoreInfo, _ seconds: Double) -> String {
        let codes = info.configuration.codes
        if codes == .none { return "no codes" }
        guard let report = info.codes else {
            return "codes \(codes.rawValue) from 256 vectors on; it has \(info.count)"
        }
        if report.used == .none { return "no codes: searches go by the vectors" }
        return
            "codes \(report.used.rawValue), \(readableBytes(info.codeBytes)), made in \(fixed(seconds, decimals: 1)) s"
            + (report.summary.map { ": \($0)" } ?? "")
    }
}
