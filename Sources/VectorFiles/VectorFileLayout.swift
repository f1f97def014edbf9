/// Where the rows of a file lie, worked out from its first bytes and checked against its size: every row in
/// `0..<rows` lies inside the file, and nothing comes after the last.
struct VectorFileLayout {
    let scalar: VectorFileScalar
    let rows: Int
    let dimensions: Int
    let isOneDimensional: Bool
    /// Where row 0 begins.
    let dataOffset: Int
    /// Bytes before the values of each row: 4 in .fvecs and its kind, which repeat the dimension there.
    let rowPrefix: Int
    /// How an .npy array's values are arranged, if not row after row and little-endian.
    var arrangement = NpyArrangement()

    /// Bytes from one row to the next.
    var rowBytes: Int { rowPrefix + dimensions * scalar.size }

    static let maximumDimensions = 65_536

    init(_ file: borrowing InputFile, format: VectorFileFormat) throws(VectorFileError) {
        switch format {
        case .npy: try self.init(npy: file, format)
        case .fvecs, .bvecs, .ivecs: try self.init(rowPrefixed: file, format)
        case .fbin, .u8bin, .i8bin, .ibin: try self.init(counted: file, format)
        }
    }

    private init(npy file: borrowing InputFile, _ format: VectorFileFormat) throws(VectorFileError) {
        let header = try NpyHeader(file)
        scalar = header.scalar
        rows = header.shape[0]
        isOneDimensional = header.shape.count == 1
        dimensions = isOneDimensional ? 1 : try Self.checked(header.shape[1], of: "its shape", file)
        dataOffset = header.dataOffset
        rowPrefix = format.rowPrefix
        arrangement = header.arrangement
        // Then it makes no difference, and row after row is read faster.
        if rows <= 1 || dimensions == 1 { arrangement.isColumnMajor = false }
        let shape = isOneDimensional ? "(\(rows),)" : "(\(rows), \(dimensions))"
        try checkSize(of: file, "shape \(shape)")
    }

    private init(counted file: borrowing InputFile, _ format: VectorFileFormat) throws(VectorFileError) {
        guard file.size >= 8 else {
            throw file.error(
                "it ends at byte offset \(file.size), inside its 8-byte header: the file is truncated, copy it again")
        }
        scalar = format.fixedScalar!
        rows = Int(try file.u32(at: 0))
        dimensions = try Self.checked(Int(file.u32(at: 4)), of: "its header", file)
        isOneDimensional = false
        dataOffset = 8
        rowPrefix = format.rowPrefix
        try checkSize(of: file, "its header's \(rows) rows of \(dimensions) dimensions")
    }

    private init(rowPrefixed file: borrowing InputFile, _ format: VectorFileFormat) throws(VectorFileError) {
        guard file.size >= 4 else {
            throw file.error(
                "it ends at byte offset \(file.size), inside row 0's dimension: the file is truncated, copy it again")
        }
        scalar = format.fixedScalar!
        dimensions = try Self.checked(Int(Int32(bitPattern: file.u32(at: 0))), of: "row 0", file)
        isOneDimensional = false
        dataOffset = 0
        rowPrefix = format.rowPrefix
        let rowBytes = rowPrefix + dimensions * scalar.size
        rows = file.size / rowBytes
        let rest = file.size % rowBytes
        try checkRows(through: rest < rowPrefix ? rows - 1 : rows, file)
        guard rest == 0 else {
            throw file.error(
                "row \(rows) at byte offset \(file.size - rest) has \(rest) of the \(rowBytes) bytes of row 0: the "
                    + "file is truncated; copy it again")
        }
    }

    /// Throws for the first row of another dimension where the row `last` does not begin as row 0 does: whatever comes
    /// after such a row is where no row begins. (One as long as the others is found when it is read.)
    private func checkRows(through last: Int, _ file: borrowing InputFile) throws(VectorFileError) {
        func dimension(_ row: Int) throws(VectorFileError) -> Int32 {
            Int32(bitPattern: try file.u32(at: row * rowBytes))
        }
        guard try dimension(last) != dimensions else { return }
        var right = 0, wrong = last
        while wrong - right > 1 {
            let middle = (right + wrong) / 2
            if try dimension(middle) == dimensions { right = middle } else { wrong = middle }
        }
        try checkRowDimension(dimension(wrong), row: wrong, file)
    }

    /// Throws unless the dimension in front of a row is that of row 0.
    func checkRowDimension(_ found: Int32, row: Int, _ file: borrowing InputFile) throws(VectorFileError) {
        guard found == dimensions else {
            throw file.error(
                "row \(row) at byte offset \(dataOffset + row * rowBytes) has dimension \(found), row 0 \(dimensions): "
                    + "the file is damaged, or its rows differ; write all rows with one dimension")
        }
    }

    private static func checked(
        _ dimensions: Int, of place: String, _ file: borrowing InputFile
    ) throws(VectorFileError) -> Int {
        guard dimensions > 0 else {
            throw file.error(
                "\(place) says dimension \(dimensions), the least is 1: the file is damaged or of another format")
        }
        guard dimensions <= maximumDimensions else {
            throw file.error(
                "\(place) says dimension \(dimensions), the most is \(maximumDimensions): reduce the vectors, "
                    + "or the file is of another format")
        }
        return dimensions
    }

    private func checkSize(of file: borrowing InputFile, _ claim: String) throws(VectorFileError) {
        // A row is at most 65,536 × 8 bytes, so only the product with the rows can overflow.
        let (needed, overflow) = rows.multipliedReportingOverflow(by: rowBytes)
        guard !overflow else {
            throw file.error("\(claim) of \(scalar.name) is larger than any file: the header is damaged")
        }
        let found = file.size - dataOffset
        guard needed != found else { return }
        if scalar == .int32 && rowPrefix == 0 && needed > 0 && found == 2 * needed && dataOffset == 8 {
            throw file.error(
                "it has distances behind its \(rows) rows of \(dimensions) labels: it is a truth file of big-ann-benchmarks, "
                    + "which `cairn recall` reads")
        }
        let verdict =
            needed > found
            ? "the file is truncated at byte offset \(file.size), copy or save it again"
            : "the header is damaged, or more was appended at byte offset \(dataOffset + needed); save it again"
        throw file.error(
            "\(claim) of \(scalar.name) needs \(needed) bytes of data but the file has \(found): \(verdict)")
    }
}
