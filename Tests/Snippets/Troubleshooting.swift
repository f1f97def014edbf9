// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Troubleshooting.md.
import Cairn

func runTroubleshooting() throws {
    do {
        _ = try VectorStore.open(at: "missing.cairn")
    } catch {
        switch error.code {
        case .notFound: print("there is no store yet")
        case .locked: print("another process has it open")
        default: print(error)
        }
    }
}
