import Cairn
import SystemPackage

extension StoreError {
    /// The message with ways out that the program has, in the place of those of the library.
    var commandLineMessage: String {
        switch code {
        case .corrupt where isLogDamage:
            let store = path?.removingLastComponent().removingLastComponent() ?? ""
            return messageWithoutSalvage
                + "; restore the store from a copy, or keep what came before with: cairn checkpoint \(store) --salvage"
        case .duplicateLabel:
            return message.replacing(
                "unmark, erase or upsert it", with: "use `cairn delete --undo`, `cairn delete --erase` or `--upsert`")
        case .notFound:
            return message.replacing(
                "VectorStore.create or VectorStore.build", with: "`cairn create` or `cairn build`")
        default: return message
        }
    }

    /// The message up to what it advises against a damaged log.
    var messageWithoutSalvage: String {
        guard let advice = message.lastRange(of: "; "), isLogDamage else { return message }
        return String(message[..<advice.lowerBound])
    }

    /// Whether the log is damaged in such a way that what comes before can be salvaged.
    private var isLogDamage: Bool {
        guard code == .corrupt, path?.removingLastComponent().lastComponent == "log" else { return false }
        // Else it is whole, but another store's.
        return !message.contains("does not fit the store")
    }
}

extension String {
    /// Where another string stands in it for the last time.
    fileprivate func lastRange(of other: String) -> Range<Index>? { ranges(of: other).last }
}
