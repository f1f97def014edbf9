public import ArgumentParser
public import SystemPackage

/// Arguments as text from which their bytes can be had back. Names of files need not be UTF-8: bytes that are not are
/// put as characters of a private area, U+10FF80 to U+10FFFF.
enum ArgumentText {
    /// What the program was called with, without its own name.
    static var all: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            guard let argument = unsafe CommandLine.unsafeArgv[index] else { return nil }
            return unsafe text(bytes(at: argument))
        }
    }

    private static let escapes: ClosedRange<UInt32> = 0x10_FF80...0x10_FFFF
    private static let base: UInt32 = 0x10_FF00

    private static func bytes(at argument: UnsafeMutablePointer<CChar>) -> [UInt8] {
        var count = 0
        while unsafe argument[count] != 0 { count += 1 }
        return unsafe UnsafeBufferPointer(start: argument, count: count).map { UInt8(truncatingIfNeeded: $0) }
    }

    static func text(_ bytes: [UInt8]) -> String {
        var scalars = String.UnicodeScalarView()
        func escape(_ range: Range<Int>) {
            for byte in bytes[range] { scalars.append(Unicode.Scalar(base + UInt32(byte))!) }
        }
        var parser = Unicode.UTF8.ForwardParser(), iterator = bytes.makeIterator(), place = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                // So that what is such a character already comes back as well.
                if escapes.contains(scalar.value) {
                    escape(place..<place + encoded.count)
                } else {
                    scalars.append(scalar)
                }
                place += encoded.count
            case .error(let length):
                escape(place..<place + length)
                place += length
            case .emptyInput: return String(scalars)
            }
        }
    }

    static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { scalar in
            escapes.contains(scalar.value)
                ? [UInt8(scalar.value - base)] : Array(String(Character(scalar)).utf8)
        }
    }
}

extension FilePath: @retroactive ExpressibleByArgument {
    /// Any path but an empty one.
    public init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        let bytes = ArgumentText.bytes(argument).map { CInterop.PlatformChar(truncatingIfNeeded: $0) }
        self.init(platformString: bytes + [0])
    }
}
