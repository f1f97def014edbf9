import Foundation

extension Kind {
    /// Components of heavy tails, and rows of very different lengths.
    static var tails: [Kind] {
        [
            Kind("log-normal-3", 32, isTelling: true) { $0.row(32) { Float(exp(3 * $0.normal())) } },
            Kind("log-normal-1", 32, [.l2, .l2Half, .cosine]) { $0.row(32) { Float(exp($0.normal())) } },
            Kind("student-3", 32) { $0.row(32) { Float($0.student(3)) } },
            Kind("student-2", 32) { $0.row(32) { Float($0.student(2)) } },
            Kind("cauchy", 32, [.l2, .cosine]) { $0.row(32) { Float($0.student(1)) } },
            Kind("laplace", 32) { $0.row(32) { Float($0.exponential()) * ($0.chance(0.5) ? 1 : -1) } },
            Kind("row-lengths-log-normal-2", 32, [.l2, .product, .cosine], isTelling: true) { random in
                let length = Float(exp(2 * random.normal()))
                return random.normals(32, scale: length)
            },
            Kind("row-lengths-log-normal-1", 128, [.l2, .product, .cosine, .cosineHalf]) { random in
                let length = Float(exp(random.normal()))
                return random.normals(128, scale: length)
            },
            Kind("row-lengths-cauchy", 32, [.l2, .cosine]) { random in
                let length = Float(abs(random.student(1)) + 0.01)
                return random.normals(32, scale: length)
            },
            // Prices and sales: each column with a scale and a tail of its own, none below zero.
            Kind("prices", 16) { random, _ in
                let means = random.row(16) { Float(1 + 5 * $0.uniform()) }
                let spreads = random.row(16) { Float(0.2 + 1.3 * $0.uniform()) }
                return { _, random in
                    (0..<16).map { Float(exp(Double(means[$0]) + Double(spreads[$0]) * random.normal())) }
                }
            },
        ]
    }
}
