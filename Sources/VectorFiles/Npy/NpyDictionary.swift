/// The dictionary in the head of an .npy file, a Python literal such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 128), }`. Exactly these three keys, each once, in any
/// order; nothing else of Python's grammar.
struct NpyDictionary {
    enum TypeDescription {
        /// A dtype string as written, e.g. `<f4`.
        case simple([UInt8])
        /// A list of fields or a tuple with a subarray. Nothing behind it is parsed, for it is refused anyway.
        case structured
    }

    /// Where the text stops being such a dictionary, and why.
    struct Malformed: Error {
        let offset: Int
        let message: String
    }

    private(set) var type = TypeDescription.structured
    private(set) var isFortranOrder = false
    /// The array's axes: numbers that fit an Int, none negative. Any count of them.
    private(set) var shape: [Int] = []

    init(_ text: [UInt8]) throws(Malformed) {
        var scanner = Scanner(text: text)
        var seen: Set<[UInt8]> = []
        try scanner.expect("{")
        while !scanner.skip("}") {
            let start = scanner.position
            let key = try scanner.string()
            guard seen.insert(key).inserted else {
                throw Malformed(offset: start, message: "key '\(shown(key))' comes twice")
            }
            try scanner.expect(":")
            switch String(decoding: key, as: UTF8.self) {
            case "descr":
                if scanner.skip("[") || scanner.skip("(") { return }
                type = .simple(try scanner.string())
            case "fortran_order": isFortranOrder = try scanner.boolean()
            case "shape": shape = try scanner.tuple()
            default: throw Malformed(offset: start, message: "unknown key '\(shown(key))'")
            }
            if !scanner.skip(",") {
                try scanner.expect("}")
                break
            }
        }
        try scanner.expectEnd()
        for key in ["descr", "fortran_order", "shape"] where !seen.contains(Array(key.utf8)) {
            throw Malformed(offset: scanner.position, message: "key '\(key)' is missing")
        }
    }

    /// Reads tokens from left to right; white space before each is skipped.
    private struct Scanner {
        let text: [UInt8]
        private(set) var position = 0

        init(text: [UInt8]) { self.text = text }

        private var next: UInt8? { position < text.count ? text[position] : nil }

        private mutating func skipSpace() {
            while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
        }

        private func failure(expected what: String) -> Malformed {
            let found = next.map { "'\(shown(CollectionOfOne($0)))'" } ?? "its end"
            return Malformed(offset: position, message: "expected \(what), found \(found)")
        }

        mutating func skip(_ word: String) -> Bool {
            skipSpace()
            guard text[position...].starts(with: word.utf8) else { return false }
            position += word.utf8.count
            return true
        }

        mutating func expect(_ word: String) throws(Malformed) {
            guard skip(word) else { throw failure(expected: "'\(word)'") }
        }

        mutating func expectEnd() throws(Malformed) {
            skipSpace()
            guard next == nil else { throw failure(expected: "nothing more") }
        }

        /// A string in single or double quotes, without escapes.
        mutating func string() throws(Malformed) -> [UInt8] {
            skipSpace()
            guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
                throw failure(expected: "a string")
            }
            position += 1
            let start = position
            while let byte = next, byte != quote, byte != UInt8(ascii: "\\") { position += 1 }
            guard next == quote else { throw failure(expected: "a closing quote") }
            defer { position += 1 }
            return Array(text[start..<position])
        }

        mutating func boolean() throws(Malformed) -> Bool {
            if skip("True") { return true }
            if skip("False") { return false }
            throw failure(expected: "True or False")
        }

        /// `()`, `(5,)`, `(5, 3)`, `(5, 3,)`; Python's `(5)` is not a tuple.
        mutating func tuple() throws(Malformed) -> [Int] {
            var numbers: [Int] = []
            try expect("(")
            while !skip(")") {
                numbers.append(try number())
                if !skip(",") {
                    if numbers.count == 1 { throw failure(expected: "','") }
                    try expect(")")
                    break
                }
            }
            return numbers
        }

        private mutating func number() throws(Malformed) -> Int {
            skipSpace()
            let start = position
            while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
            guard position > start else { throw failure(expected: "a number that is not negative") }
            guard let number = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
                throw Malformed(offset: start, message: "\(shown(text[start..<position])) is larger than any file")
            }
            // Python 2 wrote long integers with a suffix.
            if next == UInt8(ascii: "L") { position += 1 }
            return number
        }
    }
}
