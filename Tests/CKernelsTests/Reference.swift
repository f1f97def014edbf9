import CKernels
import TestSupport

enum Level: UInt32, CaseIterable {
    case scalar, avx2, avx512, neon

    var cValue: cairn_level { cairn_level(rawValue: rawValue) }
    static var supported: [Level] { allCases.filter { cairn_kernel_level_supported($0.cValue) != 0 } }
}

enum Metric: UInt32, CaseIterable {
    case l2, innerProduct, cosine

    var cValue: cairn_metric { cairn_metric(rawValue: rawValue) }
}

enum Scalar: UInt32, CaseIterable {
    case f32, f16, u8, i8

    var cValue: cairn_scalar { cairn_scalar(rawValue: rawValue) }
    var isInteger: Bool { self == .u8 || self == .i8 }
    var bytes: Int { [4, 2, 1, 1][Int(rawValue)] }
    /// The type of a query for rows of this type.
    var query: Scalar { isInteger ? self : .f32 }

    /// The number with the bit pattern `bits` (its low bits, for the narrower types).
    func value(_ bits: UInt32) -> Double {
        switch self {
        case .f32: Double(Float(bitPattern: bits))
        case .f16: halfValue(UInt16(truncatingIfNeeded: bits))
        case .u8: Double(UInt8(truncatingIfNeeded: bits))
        case .i8: Double(Int8(truncatingIfNeeded: bits))
        }
    }

    /// Bits of a number of ordinary size: any for integers, else within 1/64 ..< 64 of either sign.
    func randomBits(_ random: inout SeededGenerator) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: random.next())
        let exponent = UInt32(truncatingIfNeeded: random.next() % 12)
        switch self {
        case .f32: return bits & 0x807F_FFFF | (121 + exponent) << 23
        case .f16: return bits & 0x83FF | (9 + exponent) << 10
        case .u8, .i8: return bits & 0xFF
        }
    }
}

/// The number a half stands for, straight from the definition.
func halfValue(_ bits: UInt16) -> Double {
    let sign = bits >> 15 == 0 ? 1.0 : -1.0
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 0x3FF)
    switch exponent {
    case 31: return fraction == 0 ? sign * .infinity : .nan
    case 0: return sign * fraction * 0x1p-24
    default: return sign * (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
    }
}

/// A row or query: its bytes in memory and the numbers they stand for.
struct Vector {
    var bytes: [UInt8] = []
    var values: [Double] = []

    init(_ scalar: Scalar, bits: some Sequence<UInt32>) {
        for pattern in bits {
            values.append(scalar.value(pattern))
            for byte in 0..<scalar.bytes { bytes.append(UInt8(truncatingIfNeeded: pattern >> UInt32(8 * byte))) }
        }
    }

    static func random(_ scalar: Scalar, _ dimensions: Int, _ random: inout SeededGenerator) -> Vector {
        var bits: [UInt32] = []
        for _ in 0..<dimensions { bits.append(scalar.randomBits(&random)) }
        return Vector(scalar, bits: bits)
    }

    var norm: Float {
        var sum = 0.0
        for value in values { sum += value * value }
        return Float(sum.squareRoot())
    }
}

/// The distance as the header defines it, and how far from it a kernel's answer may be.
struct ExpectedDistance {
    let value: Float
    let tolerance: Float

    init(_ metric: Metric, _ scalar: Scalar, query: Vector, queryNorm: Float, row: Vector, rowNorm: Float) {
        var sum = 0.0
        var magnitude = 0.0
        for index in row.values.indices {
            let (q, x) = (query.values[index], row.values[index])
            let term = metric == .l2 ? (q - x) * (q - x) : q * x
            sum += term
            magnitude += term.magnitude
        }
        if scalar.isInteger {
            switch metric {
            case .l2: value = Float(sum)
            case .innerProduct: value = 0 - Float(sum)
            case .cosine: value = 0 - (queryNorm * rowNorm > 0 ? Float(sum) / (queryNorm * rowNorm) : 0)
            }
            tolerance = 0
        } else {
            value = Float(metric == .l2 ? sum : 0 - sum)
            // Each rounding errs by 2^-24 at most and as often up as down.
            tolerance = Float((Double(row.values.count).squareRoot() + 8) * 0x1p-24 * magnitude)
        }
    }

    func accepts(_ distance: Float) -> Bool { (distance - value).magnitude <= tolerance }
}
