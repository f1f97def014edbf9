package import SystemPackage

/// The formats of vector files; the raw value is the file name extension.
package enum VectorFileFormat: String, CaseIterable, Sendable {
    /// numpy's: a header that names type and shape, then the values.
    case npy
    /// TEXMEX's: before each row its dimension as an i32.
    case fvecs, bvecs, ivecs
    /// big-ann-benchmarks': count and dimension as u32, then the rows.
    case fbin, u8bin, i8bin, ibin

    /// The type of the values, where the format fixes it; nil for .npy, whose header says.
    package var fixedScalar: VectorFileScalar? {
        switch self {
        case .npy: nil
        case .fvecs, .fbin: .float32
        case .bvecs, .u8bin: .uint8
        case .i8bin: .int8
        case .ivecs, .ibin: .int32
        }
    }

    /// Bytes before the values of each row: its dimension as an i32, or nothing.
    var rowPrefix: Int {
        switch self {
        case .fvecs, .bvecs, .ivecs: 4
        case .npy, .fbin, .u8bin, .i8bin, .ibin: 0
        }
    }

    /// The format that content or else extension say a file has; nil where they say nothing. Throws where it cannot be
    /// read.
    package static func recognise(_ path: FilePath) throws(VectorFileError) -> VectorFileFormat? {
        let file = try InputFile(path)
        if try NpyHeader.hasMagic(file) { return .npy }
        return path.extension.flatMap { Self(rawValue: $0.lowercased()) }
    }

    /// The format of an open file: by content, then by extension. The others have no magic, but none can begin with
    /// numpy's by chance: read as theirs, its first four bytes are a dimension above the limit or a billion rows.
    init(recognising file: borrowing InputFile) throws(VectorFileError) {
        if try NpyHeader.hasMagic(file) {
            self = .npy
            return
        }
        if let format = file.path.extension.flatMap({ Self(rawValue: $0.lowercased()) }) {
            self = format
            return
        }
        if let kind = try ForeignFile.recognise(file) { throw file.error(kind.message(for: file.path)) }
        let known = Self.allCases.map { "." + $0.rawValue }.joined(separator: " ")
        guard let name = file.path.extension else {
            throw file.error("it is not an .npy file and has no extension that names its format (\(known))")
        }
        var error = file.error("unknown extension .\(name): vector files are \(known)")
        error.isOfUnknownKind = true
        throw error
    }
}

/// The type of a file's values. All are little-endian.
package enum VectorFileScalar: Sendable, CaseIterable {
    case float32, float16, float64, uint8, int8, int32, uint32, int64, uint64

    /// Bytes of one value.
    package var size: Int {
        switch self {
        case .uint8, .int8: 1
        case .float16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }

    /// numpy's name of the type.
    package var name: String { "\(self)" }

    /// numpy's code of the type, without its byte order.
    var npyCode: String {
        switch self {
        case .float32: "f4"
        case .float16: "f2"
        case .float64: "f8"
        case .uint8: "u1"
        case .int8: "i1"
        case .int32: "i4"
        case .uint32: "u4"
        case .int64: "i8"
        case .uint64: "u8"
        }
    }

    /// numpy's dtype string, as it writes it.
    var npyType: String { (size == 1 ? "|" : "<") + npyCode }

    /// Whether the values are whole numbers, as labels and ground truth must be.
    package var isInteger: Bool {
        switch self {
        case .float32, .float16, .float64: false
        case .uint8, .int8, .int32, .uint32, .int64, .uint64: true
        }
    }
}
