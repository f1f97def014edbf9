package import SystemPackage

extension VectorFile {
    /// Opens a file of true neighbours: for each query a row of labels, the nearest first. An .npy array of integers,
    /// .ivecs or .ibin, or the kind of big-ann-benchmarks, which has distances behind the labels. That one is known by
    /// its length, for it is called .bin, .ibin and otherwise; under names that say nothing its header and labels alone
    /// will do too.
    package convenience init(truth path: FilePath) throws(VectorFileError) {
        let file = try InputFile(path)
        if let layout = try VectorFileLayout(truth: file) {
            self.init(file, layout: layout, format: .ibin)
        } else {
            try self.init(file)
        }
    }
}

extension VectorFileLayout {
    /// How many rows and how many columns as u32, the labels as u32, row after row, and as many distances as f32; nil
    /// where the length is not that of such a file.
    fileprivate init?(truth file: borrowing InputFile) throws(VectorFileError) {
        guard file.size > 8, try !NpyHeader.hasMagic(file) else { return nil }
        let rows = Int(try file.u32(at: 0)), columns = Int(try file.u32(at: 4))
        guard rows > 0, (1...Self.maximumDimensions).contains(columns) else { return nil }
        let format = file.path.extension.flatMap { VectorFileFormat(rawValue: $0.lowercased()) }
        // Neither can overflow: rows are below 2^32.
        let withDistances = 8 * rows * columns, alone = 4 * rows * columns, length = file.size - 8
        guard (format == nil && length == alone) || ((format ?? .ibin) == .ibin && length == withDistances) else {
            return nil
        }
        self.rows = rows
        dimensions = columns
        scalar = .uint32
        isOneDimensional = false
        dataOffset = 8
        rowPrefix = 0
    }
}
