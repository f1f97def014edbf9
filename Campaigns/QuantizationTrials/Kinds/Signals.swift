import Foundation

extension Kind {
    /// What sensors give: time series, spectra, images, poses.
    static var signals: [Kind] {
        [
            Kind("random-walks", 128, [.l2, .l2Half, .cosine]) { random in
                walk(&random, 128, from: random.normal() * 10)
            },
            Kind("prices-over-time", 64) { random in
                let start = exp(3 + 1.5 * random.normal())
                return walk(&random, 64, from: 0).map { Float(start * exp(0.02 * Double($0))) }
            },
            Kind("waves", 64, [.l2, .cosine]) { random in
                let pitch = exp(-3 + 2 * random.uniform()), phase = 6.2832 * random.uniform(),
                    size = random.exponential()
                return (0..<64).map { Float(size * sin(pitch * Double($0) + phase) + 0.05 * random.normal()) }
            },
            Kind("spectra", 64, [.l2, .cosine]) { random in
                (0..<64).map { Float(exp(-0.1 * Double($0)) * random.normal()) }
            },
            Kind("power-spectra", 64) { random in
                (0..<64).map { Float(exp(-0.1 * Double($0)) * random.exponential() * random.exponential()) }
            },
            Kind("principal-components", 64, [.l2, .cosine]) { random in
                (0..<64).map { Float(random.normal()) / Float($0 + 1) }
            },
            Kind("principal-components-steep", 128) { random in
                (0..<128).map { Float(random.normal()) / Float(($0 + 1) * ($0 + 1)) }
            },
            // Cepstra: a first coefficient far from the others.
            Kind("cepstra", 20) { random in
                [-300 + 100 * Float(random.normal())] + (1..<20).map { Float(random.normal()) * 60 / Float($0) }
            },
            Kind("image-gradients", 128, [.l2, .l2Half, .l2Bytes, .cosineBytes]) { random, _ in
                let centers = (0..<500).map { _ in random.row(128) { Float($0.exponential()) * 25 } }
                return { _, random in
                    centers[random.below(500)].map { min(255, ($0 * Float(random.exponential() + 0.3)).rounded()) }
                }
            },
            // Pixels of a pen's stroke: mostly black, some white.
            Kind("digits", 784, [.l2, .l2Bytes], rows: { $0 / 4 }) { random in
                var row = [Float](repeating: 0, count: 784)
                var (x, y) = (8 + 12 * random.uniform(), 8 + 12 * random.uniform())
                for _ in 0..<40 {
                    (x, y) = (x + random.normal(), y + random.normal())
                    let place = max(0, min(27, Int(x))) * 28 + max(0, min(27, Int(y)))
                    row[place] = min(255, row[place] + Float(100 + random.below(156)))
                }
                return row
            },
            // Key points of a pose in pixels; those that were not seen are at 0, 0.
            Kind("poses", 34) { random in
                let (x, y, size) = (1920 * random.uniform(), 1080 * random.uniform(), 20 + 200 * random.exponential())
                return (0..<17).flatMap { _ -> [Float] in
                    let point = [Float(x + size * random.normal()), Float(y + size * random.normal())]
                    return random.chance(0.1) ? [0, 0] : point
                }
            },
            Kind("angles", 12) { random in random.row(12) { Float($0.uniform() * 360) } },
        ]
    }

    /// Each number is the one before and a step.
    private static func walk(_ random: inout Random, _ count: Int, from start: Double) -> [Float] {
        var place = start
        return random.row(count) {
            place += $0.normal()
            return Float(place)
        }
    }
}
