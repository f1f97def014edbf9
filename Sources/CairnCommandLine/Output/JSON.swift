/// A JSON document. Unlike Foundation's encoder it keeps keys in order, and writes a million numbers in a moment.
enum JSON {
    case object([(key: String, value: JSON)])
    case array([JSON])
    case string(String)
    /// A number, `true`, `false` or `null`, as it is written.
    case literal(String)

    static let null = JSON.literal("null")

    static func bool(_ value: Bool) -> JSON { .literal("\(value)") }

    static func number(_ value: some FixedWidthInteger) -> JSON { .literal("\(value)") }

    /// The shortest text that reads back as the same number; null for what is not finite, which JSON cannot say.
    static func number(_ value: Float) -> JSON { value.isFinite ? .literal(shortest(value)) : .null }

    /// A number with some decimals.
    static func number(_ value: Double, decimals: Int) -> JSON {
        value.isFinite ? .literal(fixed(value, decimals: decimals)) : .null
    }

    /// The document on one line.
    var text: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    func write(to bytes: inout [UInt8]) {
        switch self {
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes += ", ".utf8 }
                Self.write(member.key, to: &bytes)
                bytes += ": ".utf8
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes += ", ".utf8 }
                element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .string(let string): Self.write(string, to: &bytes)
        case .literal(let text): bytes += text.utf8
        }
    }

    private static func write(_ string: String, to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes += "\\u00".utf8 + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
