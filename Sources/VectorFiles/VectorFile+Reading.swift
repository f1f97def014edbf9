extension VectorFile {
    /// Reads rows as floats, row after row, into `floats`, which must have room for exactly rows × dimensions.
    /// f64 and integers of more than 24 bits are rounded to the nearest float. Throws where the file cannot be read,
    /// has become shorter, a row has another dimension, or a value is beyond the range of floats; `floats` may then
    /// have been written to in part. `allowsOverflow`: values beyond the range are infinite, for a caller that refuses
    /// these itself.
    package func readFloats(
        rows range: Range<Int>, into floats: UnsafeMutableBufferPointer<Float>, allowsOverflow: Bool = false
    ) throws(VectorFileError) {
        precondition(floats.count == range.count * dimensions, "floats needs room for rows × dimensions")
        guard let floats = floats.baseAddress else { return }
        let encoding = ComponentEncoding(scalar: scalar)
        var overflow: Int?
        try unsafe forEachRun(of: range) { (values, first, count) in
            unsafe encoding.decode(values, count, to: floats + first)
            if overflow == nil && !allowsOverflow {
                overflow = unsafe encoding.firstOverflow(values, count).map { first + $0 }
            }
        }
        if let overflow {
            let (row, component) = overflow.quotientAndRemainder(dividingBy: dimensions)
            var error = file.error(
                "row \(range.lowerBound + row) has a value at component \(component), both counted from 0, that is beyond "
                    + "the range of float32, \(Float.greatestFiniteMagnitude): scale the data")
            error.isOfVector = true
            throw error
        }
    }

    /// Reads all values of the rows as labels, row after row. Throws where the file's values are not integers, or one
    /// is negative.
    package func readLabels(rows range: Range<Int>) throws(VectorFileError) -> [UInt64] {
        try readExactly(range, "a label must be from 0 to 2^64 - 1")
    }

    /// Reads all values of the rows as signed integers, such as the row numbers of a ground truth. Throws where the
    /// file's values are not integers, or one is above 2^63 - 1.
    package func readIntegers(rows range: Range<Int>) throws(VectorFileError) -> [Int64] {
        try readExactly(range, "the most is 2^63 - 1")
    }

    private func readExactly<Value: FixedWidthInteger>(
        _ range: Range<Int>, _ bounds: String
    ) throws(VectorFileError) -> [Value] {
        guard scalar.isInteger else {
            throw file.error(
                "its values are \(scalar.name), here they must be integers: convert it with astype(np.int64)")
        }
        let scalar = scalar
        try expectMemory(range.count * dimensions * MemoryLayout<Value>.stride, for: file.path)
        var integers: [Value] = []
        integers.reserveCapacity(range.count * dimensions)
        var isExact = true
        try unsafe forEachRun(of: range) { (values, _, count) in
            guard isExact else { return }
            switch scalar {
            case .float32, .float16, .float64: isExact = false
            case .uint8: isExact = unsafe append(values, count, as: UInt8.self, to: &integers)
            case .int8: isExact = unsafe append(values, count, as: Int8.self, to: &integers)
            case .int32: isExact = unsafe append(values, count, as: Int32.self, to: &integers)
            case .uint32: isExact = unsafe append(values, count, as: UInt32.self, to: &integers)
            case .int64: isExact = unsafe append(values, count, as: Int64.self, to: &integers)
            case .uint64: isExact = unsafe append(values, count, as: UInt64.self, to: &integers)
            }
        }
        guard isExact else {
            let row = range.lowerBound + integers.count / dimensions
            throw file.error("row \(row), counted from 0, holds an integer out of range: \(bounds)")
        }
        return integers
    }

    /// Reads the rows in pieces and calls `body` with runs of adjacent values: where they are, how many values of
    /// `range` came before them, and their count. They are aligned for their type.
    private func forEachRun(
        of range: Range<Int>, _ body: (_ values: UnsafeRawPointer, _ first: Int, _ count: Int) -> Void
    ) throws(VectorFileError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "the rows must be the file's")
        let (rowBytes, prefix) = (layout.rowBytes, layout.rowPrefix)
        // Small enough to stay in the second-level cache between the read and the conversion; columns are read in long
        // pieces.
        let bytesAtOnce = layout.arrangement.isColumnMajor ? 4 << 20 : 262_144
        let rowsAtOnce = max(1, min(range.count, bytesAtOnce / rowBytes))
        try expectMemory(rowsAtOnce * rowBytes, for: file.path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: rowsAtOnce * rowBytes, alignment: 64)
        defer { unsafe buffer.deallocate() }
        let start = UnsafeRawPointer(buffer.baseAddress!)
        var row = range.lowerBound
        while row < range.upperBound {
            let count = min(rowsAtOnce, range.upperBound - row)
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * rowBytes)])
            if layout.arrangement.isColumnMajor {
                try unsafe layout.readColumns(row..<row + count, of: file, into: piece)
            } else {
                try unsafe file.read(at: layout.dataOffset + row * rowBytes, into: piece)
            }
            if layout.arrangement.isBigEndian { unsafe NpyArrangement.swapBytes(of: scalar, in: piece) }
            let first = (row - range.lowerBound) * dimensions
            if prefix == 0 {
                unsafe body(start, first, count * dimensions)
            } else {
                for i in 0..<count {
                    let dimension = unsafe start.loadUnaligned(fromByteOffset: i * rowBytes, as: Int32.self)
                    try layout.checkRowDimension(dimension, row: row + i, file)
                    unsafe body(start + i * rowBytes + prefix, first + i * dimensions, dimensions)
                }
            }
            row += count
        }
    }
}

/// Appends the values up to the first that does not fit; returns whether all did.
private func append<Source: FixedWidthInteger, Value: FixedWidthInteger>(
    _ values: UnsafeRawPointer, _ count: Int, as: Source.Type, to integers: inout [Value]
) -> Bool {
    let values = unsafe values.bindMemory(to: Source.self, capacity: count)
    for i in 0..<count {
        guard let value = unsafe Value(exactly: values[i]) else { return false }
        integers.append(value)
    }
    return true
}
