/// Sixteen random bytes that tell one store, or one layout of a store, from every other.
package struct Identifier: Sendable, Hashable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// A new random identifier, in the form of a version-4 UUID.
    package static func random() -> Identifier {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        return Identifier(bytes: bytes)
    }

    /// Sixteen zeros, where there is nothing to identify.
    package static let zeros = Identifier(bytes: [UInt8](repeating: 0, count: 16))

    package init(bytes: [UInt8]) {
        precondition(bytes.count == 16)
        self.bytes = bytes
    }

    package var description: String {
        let digits = bytes.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }
        let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16]
        return groups.map { digits[$0].joined() }.joined(separator: "-")
    }
}
