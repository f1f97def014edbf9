import Foundation

extension Kind {
    /// Columns of tables, each with a unit of its own, and points of few dimensions.
    static var tables: [Kind] {
        [
            Kind("people", 6, isTelling: true) { random in
                [
                    Float(18 + random.below(73)), Float(exp(10.5 + 0.6 * random.normal())).rounded(),
                    Float(-55 + 125 * random.uniform()), Float(-180 + 360 * random.uniform()), Float(random.rank(1000)),
                    Float(exp(4 + 1.2 * random.normal())),
                ]
            },
            // Seconds since 1970, which f32 rounds to 128, beside small numbers.
            Kind("times-and-numbers", 8) { random in
                [1.7e9 + Float(random.uniform()) * 3e7] + random.normals(7)
            },
            Kind("identifiers-and-numbers", 8) { random in [Float(random.below(1_000_000))] + random.normals(7) },
            Kind("one-hot-and-numbers", 32, [.l2, .cosine]) { random in
                var row = [Float](repeating: 0, count: 24) + random.normals(8)
                row[random.rank(16)] = 1
                row[16 + random.below(8)] = 1
                return row
            },
            Kind("standardised", 16) { random in
                // Skewed, two-humped, flat and normal columns, all of mean 0 and variance 1.
                (0..<16).map { column in
                    switch column % 4 {
                    case 0: Float(random.exponential() - 1)
                    case 1: Float((random.chance(0.5) ? 1 : -1) * 0.95 + 0.312 * random.normal())
                    case 2: Float((random.uniform() - 0.5) * 3.4641)
                    default: Float(random.normal())
                    }
                }
            },
            Kind("earth-centred-globe", 3) { random in unit(random.normals(3)) * 6_371_000 },
            Kind("earth-centred-city", 3, isTelling: true) { random in
                [3_785_000, 903_000, 5_036_000] .+ random.row(3) { Float($0.uniform() - 0.5) * 6000 }
            },
            Kind("gps-world", 2) { random in
                [Float(-60 + 130 * random.uniform()), Float(-180 + 360 * random.uniform())]
            },
            Kind("gps-city", 2) { random in
                [52.52 + Float(random.normal()) * 0.05, 13.4 + Float(random.normal()) * 0.08]
            },
            Kind("gps-cities", 2) { random, _ in
                let cities = (0..<50).map { _ in
                    [Float(-40 + 100 * random.uniform()), Float(-180 + 360 * random.uniform())]
                }
                return { _, random in cities[random.rank(50)] .+ random.normals(2, scale: 0.05) }
            },
            Kind("uniform-1d", 1) { random in [Float(random.uniform())] },
            Kind("uniform-2d", 2) { random in random.row(2) { Float($0.uniform()) } },
            Kind("uniform-3d", 3) { random in random.row(3) { Float($0.uniform()) } },
            Kind("uniform-8d", 8) { random in random.row(8) { Float($0.uniform()) } },
            Kind("uniform-16d", 16, [.l2, .l2Half]) { random in random.row(16) { Float($0.uniform()) } },
            Kind("gauss-4d", 4) { $0.normals(4) },
            Kind("colours", 3, [.l2, .l2Bytes]) { random in random.row(3) { Float($0.below(256)) } },
            Kind("ratings", 64, [.l2, .cosine]) { random in
                var row = random.row(64) { $0.chance(0.2) ? Float(1 + $0.below(5)) : 0 }
                row[random.below(64)] = 3
                return row
            },
        ]
    }
}
