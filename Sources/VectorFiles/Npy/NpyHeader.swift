/// The head of an .npy file: magic, version, the length of the dictionary, and the dictionary itself.
struct NpyHeader {
    let scalar: VectorFileScalar
    /// One or two numbers, none negative.
    let shape: [Int]
    /// Where the values begin.
    let dataOffset: Int
    /// In which order the values and their bytes are.
    let arrangement: NpyArrangement

    /// numpy itself writes 128 bytes; without a bound, four hostile bytes would have us read 4 GiB.
    static let maximumLength = 65_536
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// The length of the headers written here, which is numpy's own for up to two axes: room for any shape, and the
    /// values begin on a multiple of 64.
    static let writtenLength = 128

    /// The head of a file, byte for byte what numpy writes.
    static func encoded(_ scalar: VectorFileScalar, shape: [Int]) -> [UInt8] {
        let axes = shape.count == 1 ? "\(shape[0])," : shape.map { "\($0)" }.joined(separator: ", ")
        var header = magic + [1, 0, UInt8(writtenLength - 10), 0]
        header += "{'descr': '\(scalar.npyType)', 'fortran_order': False, 'shape': (\(axes)), }".utf8
        header += repeatElement(UInt8(ascii: " "), count: writtenLength - 1 - header.count)
        return header + [UInt8(ascii: "\n")]
    }

    static func hasMagic(_ file: borrowing InputFile) throws(VectorFileError) -> Bool {
        guard file.size >= magic.count else { return false }
        return try file.bytes(at: 0, count: magic.count) == magic
    }

    init(_ file: borrowing InputFile) throws(VectorFileError) {
        guard try Self.hasMagic(file) else {
            throw file.error("it is not an .npy file, which would begin with \\x93NUMPY: write it with np.save")
        }
        let range = try Self.dictionaryRange(file)
        let dictionary: NpyDictionary
        let text = try file.bytes(at: range.lowerBound, count: range.count)
        do {
            dictionary = try NpyDictionary(text)
        } catch {
            let offset = range.lowerBound + error.offset
            throw file.error("its header is wrong at byte offset \(offset): \(error.message); write it with np.save")
        }
        let type = try Self.scalar(dictionary.type, file)
        self.scalar = type.scalar
        self.arrangement = NpyArrangement(
            isColumnMajor: dictionary.isFortranOrder, isBigEndian: type.isBigEndian)
        self.shape = dictionary.shape
        guard shape.count == 1 || shape.count == 2 else {
            throw file.error("it has \(shape.count) axes instead of 1 or 2: save a.reshape(rows, dimensions)")
        }
        self.dataOffset = range.upperBound
    }

    /// Where the dictionary lies: version 1 has a 16-bit length before it, 2 and 3 a 32-bit one.
    private static func dictionaryRange(_ file: borrowing InputFile) throws(VectorFileError) -> Range<Int> {
        func truncated(_ needed: Int) -> VectorFileError {
            file.error(
                "it ends at byte offset \(file.size), inside its header of \(needed) bytes: "
                    + "the file is truncated, copy or save it again")
        }
        guard file.size >= 10 else { throw truncated(10) }
        let version = try file.bytes(at: 6, count: 2)
        guard (1...3).contains(version[0]), version[1] == 0 else {
            throw file.error(
                "its format version is \(version[0]).\(version[1]), known are 1.0, 2.0 and 3.0: write it with np.save"
            )
        }
        let start = version[0] == 1 ? 10 : 12
        guard file.size >= start else { throw truncated(start) }
        let length = try Int(version[0] == 1 ? file.u32(at: 6) >> 16 : file.u32(at: 8))
        guard length <= maximumLength else {
            throw file.error("its header claims \(length) bytes, the most is \(maximumLength): the file is damaged")
        }
        guard file.size - start >= length else { throw truncated(start + length) }
        return start..<start + length
    }

    /// The type that a dtype string such as "<f4" names, and its byte order; or what to do about one that cannot be
    /// read.
    private static func scalar(
        _ type: NpyDictionary.TypeDescription, _ file: borrowing InputFile
    ) throws(VectorFileError) -> (scalar: VectorFileScalar, isBigEndian: Bool) {
        guard case .simple(let name) = type else {
            throw file.error(
                "it has a structured dtype: save one field as a plain array, e.g. a['vector'].astype(np.float32)")
        }
        let order = name.first.flatMap { Array("<>|=".utf8).contains($0) ? $0 : nil }
        let kind = String(decoding: name.dropFirst(order == nil ? 0 : 1), as: UTF8.self)
        let dtype = "dtype '\(shown(name))'"
        guard let scalar = VectorFileScalar.allCases.first(where: { $0.npyCode == kind }) else {
            switch kind.utf8.first {
            case UInt8(ascii: "O"):
                throw file.error("\(dtype) is an array of Python objects: convert it with astype(np.float32)")
            case UInt8(ascii: "V"):
                throw file.error("\(dtype) is structured: save a plain array, e.g. a['vector'].astype(np.float32)")
            case UInt8(ascii: "i"), UInt8(ascii: "u"):
                throw file.error(
                    "\(dtype) cannot be read: convert it with astype(np.float32), labels with astype(np.int64)")
            default: throw file.error("\(dtype) cannot be read: convert it with astype(np.float32)")
            }
        }
        switch order {
        case _ where scalar.size == 1, UInt8(ascii: "<"): return (scalar, false)
        case UInt8(ascii: ">"): return (scalar, true)
        default: throw file.error("\(dtype) does not say its byte order: convert it with astype('<\(kind)')")
        }
    }
}
