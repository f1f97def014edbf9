/// Unsigned integers out of text, as many on each line. Spaces and tabs around the numbers and blank lines at the end
/// are allowed.
struct NumberLines {
    private struct Malformed: Error {
        let line: Int
        let message: String
    }

    private(set) var numbers: [UInt64] = []
    /// How many numbers each line has: as many as the first; nil until that has ended.
    private(set) var columns: Int?
    private let most: Int
    private var line = 1
    private var countOnLine = 0
    private var number: UInt64?
    private var blankLine: Int?

    /// Reads all of a file whose lines have up to `columns` numbers. Throws with the first line that is otherwise, and
    /// the advice. Text without a line has no columns.
    init(_ file: borrowing InputFile, columns most: Int, advice: String) throws(VectorFileError) {
        self.most = most
        var offset = 0
        while offset < file.size {
            let piece = try file.bytes(at: offset, count: min(65_536, file.size - offset))
            // At most a number for each two bytes; an array that is full becomes twice as long.
            let count = numbers.count + piece.count / 2 + 1
            if count > numbers.capacity { try expectMemory(3 * 8 * count, for: file.path) }
            do throws(Malformed) {
                for byte in piece { try take(byte) }
            } catch {
                throw file.error("line \(error.line) \(error.message): \(advice)")
            }
            offset += piece.count
        }
        do throws(Malformed) {
            try endLine()
        } catch {
            throw file.error("line \(error.line) \(error.message): \(advice)")
        }
    }

    private mutating func take(_ byte: UInt8) throws(Malformed) {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            if number == nil && countOnLine == columns ?? most { throw tooMany }
            if let blankLine { throw Malformed(line: blankLine, message: "is blank") }
            let (tens, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw Malformed(line: line, message: "is above 2^64 - 1") }
            number = sum
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): endNumber()
        case UInt8(ascii: "\n"): try endLine()
        case UInt8(ascii: "-") where number == nil: throw Malformed(line: line, message: "is negative")
        default: throw Malformed(line: line, message: "has '\(shown(CollectionOfOne(byte)))'")
        }
    }

    private var tooMany: Malformed {
        let allowed = columns ?? most
        return Malformed(line: line, message: "has more than \(allowed == 1 ? "one number" : "\(allowed) numbers")")
    }

    private mutating func endNumber() {
        guard let number else { return }
        numbers.append(number)
        countOnLine += 1
        self.number = nil
    }

    private mutating func endLine() throws(Malformed) {
        endNumber()
        if countOnLine == 0 {
            blankLine = blankLine ?? line
        } else if let columns, countOnLine != columns {
            throw Malformed(line: line, message: "has one number, the first line has \(columns)")
        } else {
            columns = countOnLine
        }
        countOnLine = 0
        line += 1
    }
}
