// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Converting.md.
import Cairn

func runConverting() throws {
    func roundTrip() throws {
        let report = try VectorStore.importHnswlib(
            from: "index.bin", to: "products.cairn", options: .init(metric: .cosine))
        for warning in report.warnings { print(warning) }

        let store = try VectorStore.open(at: "products.cairn")
        try store.exportHnswlib(to: "again.bin", options: .init(maximumElements: 2_000_000))
    }
}
