/// How the values of an .npy array are arranged, where that is not row after row and little-endian.
struct NpyArrangement {
    /// Column after column: numpy's Fortran order.
    var isColumnMajor = false
    /// The most significant byte of each value first.
    var isBigEndian = false

    /// Brings big-endian values into the machine's order; `bytes` must be whole values, aligned for them.
    static func swapBytes(of scalar: VectorFileScalar, in bytes: UnsafeMutableRawBufferPointer) {
        switch scalar.size {
        case 2: unsafe swap(bytes, UInt16.self)
        case 4: unsafe swap(bytes, UInt32.self)
        case 8: unsafe swap(bytes, UInt64.self)
        default: break
        }
    }

    private static func swap<Value: FixedWidthInteger>(_ bytes: UnsafeMutableRawBufferPointer, _: Value.Type) {
        let values = unsafe bytes.bindMemory(to: Value.self)
        for index in values.indices { unsafe values[index] = values[index].byteSwapped }
    }
}

extension VectorFileLayout {
    /// Reads rows of an array that is stored column after column, into row after row; `out` must have room for just these.
    /// A call of the system for each column.
    func readColumns(
        _ range: Range<Int>, of file: borrowing InputFile, into out: UnsafeMutableRawBufferPointer
    ) throws(VectorFileError) {
        let size = scalar.size
        try expectMemory(range.count * size, for: file.path)
        let column = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count * size, alignment: 8)
        defer { unsafe column.deallocate() }
        for number in 0..<dimensions {
            try unsafe file.read(at: dataOffset + (number * rows + range.lowerBound) * size, into: column)
            switch size {
            case 1: unsafe place(column, at: number, in: out, UInt8.self)
            case 2: unsafe place(column, at: number, in: out, UInt16.self)
            case 4: unsafe place(column, at: number, in: out, UInt32.self)
            default: unsafe place(column, at: number, in: out, UInt64.self)
            }
        }
    }

    /// Puts the values of a column into their rows.
    private func place<Value: FixedWidthInteger>(
        _ column: UnsafeMutableRawBufferPointer, at number: Int, in rows: UnsafeMutableRawBufferPointer, _: Value.Type
    ) {
        let values = unsafe column.bindMemory(to: Value.self), rows = unsafe rows.bindMemory(to: Value.self)
        for row in values.indices { unsafe rows[row * dimensions + number] = values[row] }
    }
}
