/// What recall a way of searching gains or loses at one width, beside another that answers the same queries.
struct Difference {
    let width: Int
    let mean: Double
    /// Of the mean, were other queries drawn.
    let standardError: Double

    /// `found` and `beside`: for each query, how many of `k` neighbours were found.
    init(width: Int, found: [Int], beside: [Int], k: Int) {
        let count = Double(max(found.count, 1))
        let differences = zip(found, beside).map { Double($0 - $1) / Double(k) }
        let mean = differences.reduce(0, +) / count
        let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        (self.width, self.mean) = (width, mean)
        standardError = count < 2 ? 0 : (squares / (count - 1) / count).squareRoot()
    }
}

/// Whether codes lose too much.
enum Verdict {
    case passed
    /// They seem to, but other queries might say otherwise: to be asked of more of them.
    case unclear
    case failed

    /// The decision, on the width where most is lost. A loss beyond `tolerance` fails if it is beyond it by more than two
    /// standard errors, and is unclear otherwise; what is unclear is judged again by a second run of more queries, where one
    /// standard error is enough and nothing stays unclear. A store that walks without codes can fail too: it may have been left
    /// with a graph that bad codes built.
    static func judge(_ worst: Difference, tolerance: Double, isRepetition: Bool) -> Verdict {
        guard worst.mean < -tolerance else { return .passed }
        let allowance = (isRepetition ? 1 : 2) * worst.standardError
        if worst.mean < -tolerance - allowance { return .failed }
        return isRepetition ? .passed : .unclear
    }

    var mark: String {
        switch self {
        case .passed: ""
        case .unclear: "?"
        case .failed: "FAILS"
        }
    }
}
