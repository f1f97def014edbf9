import Foundation

/// A two-dimensional .npy file as numbers: just what the benchmarks' own data needs (u1, f2, f4, i4, C order).
struct NpyArray {
    let rows: Int
    let columns: Int
    let isBytes: Bool
    private let data: Data
    private let start: Int
    private let type: String

    init(_ path: String) throws {
        data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        let length = Int(data[8]) | Int(data[9]) << 8
        let header = String(decoding: data[10..<(10 + length)], as: UTF8.self)
        start = 10 + length
        type = String(header.split(separator: "'")[3].suffix(2))
        isBytes = type == "u1"
        let shape = header[header.range(of: "(")!.upperBound..<header.range(of: ")")!.lowerBound]
        let numbers = shape.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces))! }
        (rows, columns) = (numbers[0], numbers[1])
        guard ["u1", "f2", "f4", "i4"].contains(type) else { throw CocoaError(.fileReadUnsupportedScheme) }
    }

    /// The first `count` rows as floats.
    func floats(_ count: Int) -> [Float] {
        data.withUnsafeBytes { bytes in
            let body = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let elements = 0..<(count * columns)
            switch type {
            case "u1": return elements.map { Float(body[$0]) }
            case "f2": return elements.map { Float(body.loadUnaligned(fromByteOffset: $0 * 2, as: Float16.self)) }
            default: return elements.map { body.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
            }
        }
    }

    /// Row `row` as integers.
    func integers(_ row: Int) -> [Int] {
        data.withUnsafeBytes { bytes in
            (0..<columns).map {
                Int(bytes.loadUnaligned(fromByteOffset: start + (row * columns + $0) * 4, as: Int32.self))
            }
        }
    }
}
