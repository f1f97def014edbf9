package import SystemPackage

/// A file that says which document each label belongs to.
package enum DocumentFile {
    /// What it says.
    package enum Content: Equatable, Sendable {
        /// Label `l` belongs to document `documents[l]`.
        case inOrder([UInt64])
        /// A label and its document, one pair after the other; a label may come twice.
        case pairs([(label: UInt64, document: UInt64)])

        package static func == (a: Content, b: Content) -> Bool {
            switch (a, b) {
            case (.inOrder(let a), .inOrder(let b)): a == b
            case (.pairs(let a), .pairs(let b)): a.elementsEqual(b, by: ==)
            default: false
            }
        }
    }

    /// Reads an .npy array of integers, or text: one number on each line is the document of label 0, of label 1 and so
    /// on; two are a label and its document. An array of two columns is the same as text of two. Throws with the row or
    /// line of the first that is neither.
    package static func read(_ path: FilePath) throws(VectorFileError) -> Content {
        let file = try InputFile(path)
        let named = path.extension.flatMap { VectorFileFormat(rawValue: $0.lowercased()) }
        if try NpyHeader.hasMagic(file) {
            let array = try VectorFile(file, format: .npy)
            let numbers = try array.readLabels(rows: 0..<array.rows)
            try expectMemory(8 * numbers.count, for: path)
            switch array.dimensions {
            case 1: return .inOrder(numbers)
            case 2: return pairs(numbers)
            default:
                throw VectorFileError(
                    path,
                    "it has \(array.dimensions) columns: documents need one, in the order of the labels, or two, label and "
                        + "document")
            }
        }
        if let kind = try ForeignFile.recognise(file), !kind.isText { throw file.error(kind.message(for: path)) }
        if named == .npy {
            throw file.error("this is not an .npy file; if it is text, call it documents.txt")
        }
        if let named {
            throw file.error("documents come as an .npy array of integers or as text; this is .\(named)")
        }
        let text = try NumberLines(
            file, columns: 2,
            advice: "write a document on each line, in the order of the labels, or a label and its document")
        try expectMemory(8 * text.numbers.count, for: path)
        return text.columns == 2 ? pairs(text.numbers) : .inOrder(text.numbers)
    }

    private static func pairs(_ numbers: [UInt64]) -> Content {
        .pairs(stride(from: 0, to: numbers.count - 1, by: 2).map { (numbers[$0], numbers[$0 + 1]) })
    }
}
