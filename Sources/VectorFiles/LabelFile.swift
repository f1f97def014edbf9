package import SystemPackage

/// A file of labels, one for each row of a vector file: an .npy array of integers with one column, or text with one
/// unsigned integer on each line.
package enum LabelFile {
    /// Reads all labels. Text without a line has none. Throws with the row or line of the first that is no label.
    package static func read(_ path: FilePath) throws(VectorFileError) -> [UInt64] {
        let file = try InputFile(path)
        let named = path.extension.flatMap { VectorFileFormat(rawValue: $0.lowercased()) }
        let isArray = try NpyHeader.hasMagic(file)
        if isArray || named == .npy {
            let array = try VectorFile(file, format: .npy)
            guard array.dimensions == 1 else {
                throw VectorFileError(path, "it has \(array.dimensions) columns, labels need one: save a[:, 0]")
            }
            return try array.readLabels(rows: 0..<array.rows)
        }
        if let named {
            throw file.error("labels come as an .npy array of integers or as text, one on each line; this is .\(named)")
        }
        var text = TextLabels()
        var offset = 0
        while offset < file.size {
            let piece = try file.bytes(at: offset, count: min(65_536, file.size - offset))
            do throws(TextLabels.Malformed) {
                for byte in piece { try text.take(byte) }
            } catch {
                throw file.error("line \(error.line) \(error.message): write one unsigned integer on each line")
            }
            offset += piece.count
        }
        return text.finish()
    }
}

/// Labels out of text that comes byte by byte. Spaces around a number and blank lines at the end are allowed.
private struct TextLabels {
    struct Malformed: Error {
        let line: Int
        let message: String
    }

    private var labels: [UInt64] = []
    private var line = 1
    private var number: UInt64?
    private var isNumberOver = false
    private var blankLine: Int?

    mutating func take(_ byte: UInt8) throws(Malformed) {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            if isNumberOver { throw Malformed(line: line, message: "has more than one number") }
            if let blankLine { throw Malformed(line: blankLine, message: "is blank") }
            let (tens, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw Malformed(line: line, message: "is above 2^64 - 1") }
            number = sum
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): isNumberOver = number != nil
        case UInt8(ascii: "\n"): endLine()
        case UInt8(ascii: "-") where number == nil: throw Malformed(line: line, message: "is negative")
        default: throw Malformed(line: line, message: "has '\(shown(CollectionOfOne(byte)))'")
        }
    }

    mutating func finish() -> [UInt64] {
        endLine()
        return labels
    }

    private mutating func endLine() {
        if let number { labels.append(number) } else { blankLine = blankLine ?? line }
        number = nil
        isNumberOver = false
        line += 1
    }
}
