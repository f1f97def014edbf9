/// HTML or SVG. It is well-formed XML too, and text is escaped where it is written, so that no name can become markup.
indirect enum Markup: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    case text(String)
    case element(String, attributes: [(name: String, value: String)], [Markup])
    case group([Markup])

    init(stringLiteral value: String) { self = .text(value) }

    static func element(
        _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: Markup...
    ) -> Markup {
        .element(name, attributes: attributes.map { ($0.key, $0.value) }, children)
    }

    /// The document of one element, with the declaration that browsers want.
    var document: String {
        var bytes = Array("<!DOCTYPE html>\n".utf8)
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .text(let text): Self.escape(text, to: &bytes)
        case .group(let children): for child in children { child.write(to: &bytes) }
        case .element(let name, let attributes, let children):
            bytes += "<\(name)".utf8
            for attribute in attributes {
                bytes += " \(attribute.name)=\"".utf8
                Self.escape(attribute.value, to: &bytes)
                bytes.append(UInt8(ascii: "\""))
            }
            if Self.void.contains(name) {
                bytes += "/>".utf8
            } else {
                bytes.append(UInt8(ascii: ">"))
                for child in children { child.write(to: &bytes) }
                bytes += "</\(name)>".utf8
            }
            if !Self.inline.contains(name) { bytes.append(UInt8(ascii: "\n")) }
        }
    }

    /// Elements that have no end of their own in HTML.
    private static let void: Set = ["meta", "br"]
    /// Elements after which a new line would be a space that is seen.
    private static let inline: Set = ["a", "b", "code", "small", "span", "td", "th", "tspan"]

    private static func escape(_ text: String, to bytes: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes += "&amp;".utf8
            case "<": bytes += "&lt;".utf8
            case ">": bytes += "&gt;".utf8
            case "\"": bytes += "&quot;".utf8
            case "\t", "\n": bytes += String(scalar).utf8
            // The pictures of control characters, which neither HTML nor XML can have.
            case "\0"..<" ": bytes += String(UnicodeScalar(0x2400 + scalar.value) ?? "\u{FFFD}").utf8
            case "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": bytes += "\u{FFFD}".utf8
            default: bytes += String(scalar).utf8
            }
        }
    }
}
