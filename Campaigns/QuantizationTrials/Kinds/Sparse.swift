import Foundation

extension Kind {
    /// Counts and weights: mostly zeros, nothing below zero.
    static var sparse: [Kind] {
        [
            Kind("sparse-95", 128, [.l2, .product, .cosine], isTelling: true) { random in
                var row = random.row(128) { $0.chance(0.05) ? Float($0.normal()) : 0 }
                row[random.below(128)] = Float(random.normal())
                return row
            },
            Kind("hashed-features", 256, [.l2, .cosine]) { random, _ in
                let words = (0..<5000).map { _ in (random.below(256), random.chance(0.5) ? Float(1) : -1) }
                return { _, random in
                    var row = [Float](repeating: 0, count: 256)
                    for _ in 0..<30 {
                        let (column, sign) = words[random.rank(5000)]
                        row[column] += sign
                    }
                    row[random.below(256)] += 1
                    return row
                }
            },
            Kind("counts-zipf", 32, [.l2, .cosine]) { random in
                var row = random.row(32) { Float($0.rank(10_000)) }
                row[0] += 1
                return row
            },
            Kind("counts-of-words", 128, [.l2, .cosine]) { random in
                var row = [Float](repeating: 0, count: 128)
                for _ in 0..<20 + random.below(200) { row[random.rank(128)] += 1 }
                return row
            },
            Kind("histograms", 64, [.l2, .cosine]) { random in
                let parts = random.row(64) { Float(pow($0.exponential(), 3)) }
                return parts * (1 / parts.reduce(0, +))
            },
            // Nearly all of the sum in one place.
            Kind("probabilities", 32, [.l2, .cosine]) { random in
                let parts = random.row(32) { Float(exp(4 * $0.normal())) }
                return parts * (1 / parts.reduce(0, +))
            },
            Kind("log-probabilities", 32) { random in
                let parts = random.row(32) { Float(4 * $0.normal()) }
                let sum = Float(log(parts.reduce(0.0) { $0 + exp(Double($1)) }))
                return parts.map { $0 - sum }
            },
            Kind("tf-idf", 512, [.cosine, .product, .l2], rows: { $0 / 2 }) { random in
                var counts = [Float](repeating: 0, count: 512)
                for _ in 0..<10 + random.below(60) { counts[random.rank(512)] += 1 }
                let weights = counts.enumerated().map { column, count in
                    count == 0 ? 0 : (1 + log(count)) * log(1 + Float(column + 1))
                }
                return unit(weights)
            },
            Kind("binary", 64, [.l2, .l2Bytes, .cosine]) { random in
                var row = random.row(64) { Float($0.below(2)) }
                row[random.below(64)] = 1
                return row
            },
            Kind("signs", 64, [.l2, .product]) { random in random.row(64) { $0.chance(0.5) ? 1 : -1 } },
            Kind("fingerprints", 512, [.l2, .cosine], rows: { $0 / 2 }) { random, _ in
                let motifs = (0..<200).map { _ in random.distinct(12, below: 512) }
                return { _, random in
                    var row = [Float](repeating: 0, count: 512)
                    for _ in 0..<5 { for bit in motifs[random.rank(200)] { row[bit] = 1 } }
                    for _ in 0..<5 { row[random.below(512)] = 1 }
                    return row
                }
            },
            // What a rectifier leaves of a network's activations.
            Kind("activations", 256, [.l2, .cosine], rows: { $0 / 2 }) { random, _ in
                let basis = (0..<16).map { _ in random.normals(256) }
                return { _, random in
                    var row = random.normals(256)
                    for direction in basis { row = row .+ direction * Float(random.normal()) }
                    return row.map { max(0, $0 - 2) * max(0, $0 - 2) }
                }
            },
        ]
    }
}
