import Cairn

extension RecallReport {
    /// What of a store decides how its searches do, as `cairn info` has it.
    static func facts(_ info: VectorStore.Info) -> [Fact] {
        let facts = InfoCommand.facts(info)
        let names = [
            ("count", "vectors"), ("deleted", "marked deleted"), ("dimensions", "dimensions"), ("metric", "metric"),
            ("scalar", "scalar"), ("m", "M"), ("ef_construction", "ef_construction"), ("ef", "the store's own ef"),
            ("quantization", "quantization"), ("file_bytes", "size"),
        ]
        return names.compactMap { key, name in
            guard let value = facts.first(where: { $0.key == key })?.value else { return nil }
            let text: String
            switch (key, value) {
            case ("count", _): text = grouped(info.count)
            case ("file_bytes", _): text = readableBytes(info.fileBytes)
            case ("deleted", .literal("0")), ("quantization", .string("none")): return nil
            case ("quantization", .string(let kind)):
                text = info.quantization.map { $0.warning ?? $0.measurement ?? kind } ?? "\(kind), not in use"
            case (_, .string(let string)): text = string
            default: text = value.text
            }
            return Fact(name: name, value: text)
        }
    }
}

extension String {
    /// As one word of a shell's line.
    var shellQuoted: String {
        let isPlain = unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_./,:=+@%".unicodeScalars.contains($0)
        }
        return isPlain && !isEmpty ? self : "'" + replacing("'", with: "'\\''") + "'"
    }
}
