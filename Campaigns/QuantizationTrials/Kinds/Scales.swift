import Foundation

extension Kind {
    /// Where zero is and what the unit is: offsets, constants, components of different scales, very small and large numbers.
    static var scales: [Kind] {
        let blocks = (0..<32).map { Float(pow(10, Double($0 / 4))) }, steps = (0..<32).map { Float($0) * 1000 }
        return [
            Kind("offset-100", 32, [.l2, .l2Half, .product, .cosine], isTelling: true) { random in
                random.row(32) { 100 + Float($0.normal()) }
            },
            Kind("offset-10000", 32) { random in random.row(32) { 10_000 + Float($0.normal()) } },
            Kind("offsets-per-component", 32, [.l2, .l2Half, .cosine], isTelling: true) { random in
                random.normals(32) .+ steps
            },
            Kind("constant-components", 32, [.l2, .product]) { random in
                (0..<32).map { $0 % 8 == 0 ? Float(random.normal()) : Float($0 * 37) }
            },
            Kind("massive-components-2-of-256", 256, [.l2, .product, .cosine]) { random in
                var row = random.normals(256)
                row[17] = 60 + row[17] * 5
                row[201] = -150 + row[201] * 20
                return row
            },
            Kind("blocks-of-scales", 32) { $0.normals(32) .* blocks },
            Kind("blocks-of-scales-offset", 32) { ($0.normals(32) .+ [Float](repeating: 3, count: 32)) .* blocks },
            Kind("scales-log-normal", 64, [.l2, .cosine]) { random, _ in
                let scales = random.row(64) { Float(exp(1.5 * $0.normal())) }
                return { _, random in random.normals(64) .* scales }
            },
            Kind("tiny", 32, [.l2, .cosine]) { $0.normals(32, scale: 1e-12) },
            Kind("huge", 32, [.l2, .cosine]) { $0.normals(32, scale: 1e12) },
            Kind("tiny-half", 32, [.l2Half]) { $0.normals(32, scale: 1e-4) },
            Kind("whole-numbers-1000", 32) { random in random.row(32) { Float($0.below(1001)) } },
            Kind("whole-numbers-bytes", 32, [.l2, .l2Bytes]) { random in random.row(32) { Float($0.below(256)) } },
            Kind("whole-numbers-few", 32, [.l2, .l2Bytes]) { random in random.row(32) { Float($0.below(4)) } },
            Kind("whole-numbers-1e9", 16) { random in random.row(16) { Float($0.below(1_000_000_000)) } },
            Kind("signed-bytes", 64, [.l2SignedBytes, .productSignedBytes]) { random in
                random.row(64) { Float(max(-128, min(127, ($0.normal() * 30).rounded()))) }
            },
            // Quantized by the user, with one number that fills the range.
            Kind("signed-bytes-narrow", 64, [.l2SignedBytes, .productSignedBytes]) { random in
                random.row(64) { $0.chance(0.001) ? 127 : Float(($0.normal() * 4).rounded()) }
            },
        ]
    }
}
