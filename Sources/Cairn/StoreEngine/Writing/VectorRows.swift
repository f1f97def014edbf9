import SystemPackage

/// Rows of vectors as they are given, checked one by one.
@safe
struct VectorRows {
    private let elements: UnsafeBufferPointer<Float>
    private let encoding: VectorEncoding

    init(
        _ elements: UnsafeBufferPointer<Float>, rows: Int, encoding: VectorEncoding, path: FilePath?
    ) throws(StoreError) {
        guard elements.count == rows * encoding.dimensions else {
            throw StoreError(
                .dimensionMismatch,
                "\(rows) labels of \(encoding.dimensions) dimensions need \(rows * encoding.dimensions) numbers, not "
                    + "\(elements.count)", path: path)
        }
        unsafe self.elements = elements
        self.encoding = encoding
    }

    /// No rows.
    static var none: VectorRows { unsafe VectorRows(UnsafeBufferPointer(start: nil, count: 0)) }

    private init(_ elements: UnsafeBufferPointer<Float>) {
        unsafe self.elements = elements
        encoding = VectorEncoding(dimensions: 0, scalar: .float32, metric: .l2, rowBytes: 0)
    }

    subscript(row: Int) -> UnsafeBufferPointer<Float> {
        let dimensions = encoding.dimensions
        return unsafe UnsafeBufferPointer(rebasing: elements[row * dimensions..<(row + 1) * dimensions])
    }

    /// What is wrong with a row; nil if it can be stored.
    func problem(_ row: Int) -> VectorProblem? { unsafe encoding.problem(self[row]) }

    /// Throws what is wrong with a row; `offset` is added to its number in the message.
    func check(_ row: Int, label: Label, offset: Int = 0, path: FilePath? = nil) throws(StoreError) {
        if let problem = problem(row) {
            throw StoreError(
                .invalidVector, template: "the vector in row \(StoreError.rowMark) (label \(label)) \(problem.problem)",
                remedy: problem.remedy, path: path,
                label: label,
                row: offset + row)
        }
    }
}
