package import SystemPackage

/// A file of labels, one for each row of a vector file: an .npy array of integers with one column, or text with one
/// unsigned integer on each line.
package enum LabelFile {
    /// Reads all labels. Text without a line has none. Throws with the row or line of the first that is no label.
    package static func read(_ path: FilePath) throws(VectorFileError) -> [UInt64] {
        let file = try InputFile(path)
        let named = path.extension.flatMap { VectorFileFormat(rawValue: $0.lowercased()) }
        if try NpyHeader.hasMagic(file) {
            let array = try VectorFile(file, format: .npy)
            guard array.dimensions == 1 else {
                throw VectorFileError(path, "it has \(array.dimensions) columns, labels need one: save a[:, 0]")
            }
            return try array.readLabels(rows: 0..<array.rows)
        }
        if let kind = try ForeignFile.recognise(file), !kind.isText { throw file.error(kind.message(for: path)) }
        if named == .npy {
            throw file.error("this is not an .npy file; if it is text, call it labels.txt")
        }
        if let named {
            throw file.error("labels come as an .npy array of integers or as text, one on each line; this is .\(named)")
        }
        return try NumberLines(file, columns: 1, advice: "write one unsigned integer on each line").numbers
    }
}
