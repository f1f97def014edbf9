import Cairn
import SystemPackage

extension StoreError {
    /// The message with ways out that the program has, in the place of those of the library.
    var commandLineMessage: String { problem + (commandLineRemedy.map { "; \($0)" } ?? "") }

    private var commandLineRemedy: String? {
        switch code {
        case .corrupt where isSalvageable:
            let directory = path?.removingLastComponent() ?? ""
            let store = path?.extension == "wal" ? directory.removingLastComponent() : directory
            return
                "restore the store from a copy, or keep what came before with: cairn checkpoint \(store) --salvage"
        case .duplicateLabel where remedy != nil:
            return "use `cairn delete --undo`, `cairn delete --erase` or `--upsert`"
        case .notFound where remedy != nil: return "make one with `cairn create` or `cairn build`"
        case .notAStore: return [remedy, path.flatMap { Failure.conversionAdvice($0) }].compactMap { $0 }.joined("; ")
        default: return remedy
        }
    }
}

extension VectorStore.Info {
    /// Whether searches go by the vectors though the store is to have codes, is large enough for them, and could use
    /// them.
    var lacksCodes: Bool { configuration.quantization != .none && quantization == nil && count >= 256 }

    /// What to do about that.
    func codesAdvice(_ store: FilePath) -> String {
        "the store's file `codes` is missing or belongs to another state of it, so searches use the vectors; "
            + "make it again with: cairn checkpoint \(store)"
    }
}

extension VectorStore.QuantizationReport {
    /// Why the store does not use what it asks for; nil if it does.
    var warning: String? { reason.map { "\(requested.rawValue) is asked for; \($0)" } }

    /// What searches lose, in a few words; nil where it was not measured.
    var summary: String? {
        guard used != .none, !isUnderReview, let worst else { return nil }
        return worst.lost >= 0.0005
            ? "searches with \(used.rawValue) lose \(fixed(worst.lost, decimals: 3)) of recall@10 at ef \(worst.ef), and no more at another ef"
            : "searches with \(used.rawValue) lose nothing of recall@10"
    }

    /// The same, with where that is from.
    var measurement: String? {
        summary.map {
            "\($0) (\(grouped(queries)) of its vectors were searched for when it had \(grouped(measuredCount)))"
        }
    }
}

/// Prints what the user should know, and what does not keep the program from going on.
func printWarning(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll("cairn: warning: \(text)\n".utf8)
}

extension [String] {
    /// The strings with a separator between them; nil if there are none.
    fileprivate func joined(_ separator: String) -> String? { isEmpty ? nil : joined(separator: separator) }
}
