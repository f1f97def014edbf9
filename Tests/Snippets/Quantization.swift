// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Quantization.md.
import Cairn

func runQuantization() throws {
    let store = try VectorStore.openOrCreate(
        at: "quantized.cairn", configuration: .init(dimensions: 384, metric: .cosine, quantization: .scalar8))
    try store.setQuantization(.scalar4)
    let report = try store.info.quantization  // nil: the store has too few vectors yet
    print(report?.reason ?? "no reason to report")
    try store.close()
}
