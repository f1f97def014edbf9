package import SystemPackage

/// An open vector file: checked against its header when opened, read by row ranges, never whole. Reads are
/// positional, so several threads may read at once.
package final class VectorFile: Sendable {
    /// The most dimensions a row may have.
    package static let maximumDimensions = VectorFileLayout.maximumDimensions

    let file: InputFile
    let layout: VectorFileLayout
    /// The format it was recognised as, or was given.
    package let format: VectorFileFormat

    /// The path it was opened by.
    package var path: FilePath { file.path }
    /// The file's length in bytes.
    package var byteCount: Int { file.size }
    /// The type of the values in the file.
    package var scalar: VectorFileScalar { layout.scalar }
    /// Rows in the file; 0 where its header says so.
    package var rows: Int { layout.rows }
    /// Values in a row, 1...65,536; 1 where `isOneDimensional`.
    package var dimensions: Int { layout.dimensions }
    /// Whether it is an .npy array of shape (n,): here n rows of 1; a caller may read all of it as one row of n.
    package var isOneDimensional: Bool { layout.isOneDimensional }
    /// `[rows]` of a one-dimensional array, else `[rows, dimensions]`.
    package var shape: [Int] { isOneDimensional ? [rows] : [rows, dimensions] }

    /// Opens and checks a file. Without `format` it is recognised by its content, then by its extension. Throws where
    /// the file's size is not what its header says, or the header is not one of the format's.
    package convenience init(_ path: FilePath, format: VectorFileFormat? = nil) throws(VectorFileError) {
        try self.init(InputFile(path), format: format)
    }

    init(_ file: consuming InputFile, layout: VectorFileLayout, format: VectorFileFormat) {
        self.layout = layout
        self.format = format
        self.file = file
    }

    init(_ file: consuming InputFile, format: VectorFileFormat? = nil) throws(VectorFileError) {
        guard file.size > 0 else { throw file.error("it is empty: write it again") }
        let format = if let format { format } else { try VectorFileFormat(recognising: file) }
        do {
            self.layout = try VectorFileLayout(file, format: format)
        } catch {
            // A file of another kind is not damaged, whatever its name.
            guard let kind = try ForeignFile.recognise(file) else { throw error }
            throw file.error(kind.message(for: file.path))
        }
        self.format = format
        self.file = file
    }
}
